'use client';

import './compliance.css';
import type { Drift, PolicyState } from '../../../proto/http/policy-states.ts';
import { counted } from '../../../client/words/format.ts';
import { DRIFT_STATES, openPaths } from '../../../client/words/compliance-words.ts';
import { useClock } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import { ActionHead } from '../../ui/action-head.tsx';
import { Button } from '../../ui/button.tsx';
import { State } from '../../ui/state.tsx';
import { AdoptLink } from './adopt-link.tsx';
import { useResolveDrift } from './use-resolve-drift.ts';

/** What is not as the policy in force has it, since when and by whom, and what to do about it. */
export function DriftTable({ state }: { state: PolicyState }) {
  const { gatewayId, gatewayName, tenantId, drift, driftLeft } = state;
  const refusal = useRefusal('policies.apply', [tenantId]);
  const resolve = useResolveDrift(gatewayId);
  const open = openPaths(state);
  const working = resolve.isPending ? 'The gateway is being told.' : undefined;
  const none = open.length === 0 ? 'Nothing differs now.' : undefined;
  return (
    <div className="stack">
      {drift.length > 0 && (
        <div className="wide-table">
          <table data-density="compact" className="drift" aria-label={`Drift of ${gatewayName}`}>
            <thead>
              <tr>
                <th>Value</th>
                <th>Wanted</th>
                <th>Actual</th>
                <th>Since</th>
                <th>By</th>
                <th>State</th>
                <ActionHead />
              </tr>
            </thead>
            <tbody>
              {drift.map((one) => (
                <DriftRow
                  key={`${one.path}${one.since}`}
                  drift={one}
                  refusal={refusal ?? working}
                  onResolve={(way) => resolve.mutate({ paths: [one.path], way })}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {driftLeft > 0 && <p className="small note amber">{counted(driftLeft, 'more value')} that the gateway did not send.</p>}
      <div className="row">
        <Button refusal={refusal ?? none ?? working} onClick={() => resolve.mutate({ paths: open, way: 'restore' })}>
          Restore {open.length === 0 ? 'what differs' : counted(open.length, 'value')}
        </Button>
        <Button refusal={refusal ?? none ?? working} onClick={() => resolve.mutate({ paths: open, way: 'ignore' })}>
          Ignore {open.length === 0 ? 'what differs' : counted(open.length, 'value')}
        </Button>
        <AdoptLink gatewayId={gatewayId} tenantId={tenantId} />
      </div>
      <p className="small dim" role="status">
        {resolve.isPending
          ? 'The gateway is being told…'
          : 'Restore sets a value again as the policy has it; ignore leaves it and says no more of it until it changes again; adopt makes a policy of how it is now.'}
      </p>
      {resolve.error && (
        <p className="red small" role="alert">
          {resolve.error.message}
        </p>
      )}
    </div>
  );
}

interface RowProps {
  drift: Drift;
  refusal: string | undefined;
  onResolve(way: 'restore' | 'ignore'): void;
}

function DriftRow({ drift: { path, wanted, actual, since, process, state }, refusal, onResolve }: RowProps) {
  const clock = useClock();
  const { kind, word } = DRIFT_STATES[state];
  return (
    <tr>
      <td className="mono">{path}</td>
      <td className="mono value">{wanted ?? <span className="dim">not there</span>}</td>
      <td className="mono value">
        <b>{actual ?? <span className="dim">not there</span>}</b>
      </td>
      <td>
        <time dateTime={since}>
          {clock.full(since)} {clock.offset(Date.parse(since))}
        </time>
      </td>
      <td>{process ?? <span className="dim">not known</span>}</td>
      <td>
        <State kind={kind} isSmall>
          {word}
        </State>
      </td>
      <td>
        {state === 'open' && (
          <Button size="slim" label={`Restore ${path}`} refusal={refusal} onClick={() => onResolve('restore')}>
            Restore
          </Button>
        )}
        {state === 'open' && (
          <Button size="slim" label={`Ignore ${path}`} refusal={refusal} onClick={() => onResolve('ignore')}>
            Ignore
          </Button>
        )}
        {state === 'ignored' && (
          <Button size="slim" label={`Restore ${path}`} refusal={refusal} onClick={() => onResolve('restore')}>
            Restore
          </Button>
        )}
      </td>
    </tr>
  );
}
