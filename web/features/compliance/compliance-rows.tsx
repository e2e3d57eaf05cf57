'use client';

import { Fragment } from 'react';
import type { PolicyState } from '../../../proto/http/policy-states.ts';
import { driftWords, STANDINGS } from '../../../client/words/compliance-words.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { Link } from '../../lib/link.tsx';
import { useList } from '../../ui/list.tsx';
import { State } from '../../ui/state.tsx';
import { DriftTable } from './drift-table.tsx';

interface RowsProps {
  states: readonly PolicyState[];
  /** The gateway whose drift is open. */
  at: string | null;
  onAt(gatewayId: string | null): void;
}

const COLUMNS = 6;

/** One gateway a row: how it stands and why, what is in force since when, and its drift once it is opened. */
export function ComplianceRows({ states, at, onAt }: RowsProps) {
  const toggle = (id: string) => onAt(at === id ? null : id);
  const { row } = useList(states.map(({ gatewayId }) => ({ path: `/policies/compliance?at=${gatewayId}`, open: () => toggle(gatewayId) })));
  return (
    <div className="wide-table pad">
      <table className="compliance">
        <thead>
          <tr>
            <th>Gateway</th>
            <th>State</th>
            <th>Why</th>
            <th>In force</th>
            <th>Since</th>
            <th>Drift</th>
          </tr>
        </thead>
        <tbody>
          {states.map((state, index) => (
            <Fragment key={state.gatewayId}>
              <tr {...row(index)}>
                <StateCells state={state} isOpen={at === state.gatewayId} onToggle={() => toggle(state.gatewayId)} />
              </tr>
              {at === state.gatewayId && (
                <tr>
                  <td colSpan={COLUMNS} className="opened">
                    <div>
                      <DriftTable state={state} />
                    </div>
                  </td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function StateCells({ state, isOpen, onToggle }: { state: PolicyState; isOpen: boolean; onToggle(): void }) {
  const clock = useClock();
  const now = useNow(60_000);
  const { gatewayId, gatewayName, siteName, tenantName, compliance, reason, inForce, pending } = state;
  const { kind, word, means } = STANDINGS[compliance];
  return (
    <>
      <td>
        <Link className="strong" href={`/gateways/${gatewayId}?view=tracking`}>
          {gatewayName}
        </Link>{' '}
        <span className="dim small">
          {siteName}, {tenantName}
        </span>
      </td>
      <td>
        <State kind={kind}>{word}</State>
      </td>
      <td className="fold dim2">{reason ?? means}</td>
      <td>{pending ? `${pending.policy}, to be confirmed` : (inForce?.policy ?? <span className="dim">none</span>)}</td>
      <td className="dim">{inForce && <time dateTime={inForce.since}>{clock.when(inForce.since, now)}</time>}</td>
      <td>
        <button type="button" className="link" aria-expanded={isOpen} onClick={onToggle}>
          {driftWords(state) || 'none'}
          <span className="sr"> of {gatewayName}</span>
        </button>
      </td>
    </>
  );
}
