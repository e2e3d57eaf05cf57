'use client';

import { Fragment, useState } from 'react';
import type { PolicyRollout, RolloutTarget } from '../../../proto/http/policy-rollouts.ts';
import { count, counted, lasting, took } from '../../../client/words/format.ts';
import { countdownWords, inRolloutOrder, ROLLOUT_TARGETS } from '../../../client/words/policy-rollout-words.ts';
import { useNow } from '../../lib/clock.tsx';
import { Link } from '../../lib/link.tsx';
import { useList } from '../../ui/list.tsx';
import { State } from '../../ui/state.tsx';
import { RolloutDifference } from './rollout-difference.tsx';

/** Each gateway's part: trouble first, then at work, waiting, confirmed. Opening one shows what it changes there. */
export function RolloutRows({ rollout }: { rollout: PolicyRollout }) {
  const [open, setOpen] = useState<string>();
  const targets = inRolloutOrder(rollout.targets);
  const toggle = (id: string) => setOpen((before) => (before === id ? undefined : id));
  const { row } = useList(
    targets.map(({ gatewayId }) => ({ path: `/gateways/${gatewayId}?view=tracking`, open: () => toggle(gatewayId) })),
  );
  const hasWaves = rollout.waves > 1;
  return (
    <>
      <div className="sec-head pad">
        <h2>{counted(targets.length, 'gateway')}</h2>
        <span className="dim">trouble first, then at work, waiting, confirmed</span>
        <span className="grow" />
        <span className="dim">Runs on without this tab</span>
      </div>
      <div className="wide-table">
        <table className="runs rollout-runs">
          <thead>
            <tr>
              <th>Gateway</th>
              <th>State</th>
              {hasWaves && <th className="num">Wave</th>}
              <th className="num">Changes</th>
              <th className="num">Time</th>
              <th>What happens</th>
            </tr>
          </thead>
          <tbody>
            {targets.map((target, index) => (
              <Fragment key={target.gatewayId}>
                <tr {...row(index)}>
                  <TargetCells
                    target={target}
                    hasWaves={hasWaves}
                    isOpen={open === target.gatewayId}
                    onToggle={() => toggle(target.gatewayId)}
                  />
                </tr>
                {open === target.gatewayId && (
                  <tr>
                    <td colSpan={hasWaves ? 6 : 5} className="opened">
                      <div>
                        <RolloutDifference rolloutId={rollout.id} gatewayId={target.gatewayId} />
                      </div>
                    </td>
                  </tr>
                )}
              </Fragment>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

interface CellsProps {
  target: RolloutTarget;
  hasWaves: boolean;
  isOpen: boolean;
  onToggle(): void;
}

function TargetCells({ target, hasWaves, isOpen, onToggle }: CellsProps) {
  const now = useNow();
  const { kind, word } = ROLLOUT_TARGETS[target.state];
  return (
    <>
      <td>
        <Link href={`/gateways/${target.gatewayId}?view=tracking`}>
          <b>{target.gatewayName}</b>
        </Link>
      </td>
      <td>
        <State kind={kind}>{word}</State>
      </td>
      {hasWaves && <td className="num dim2">{target.wave}</td>}
      <td className="num">
        <button type="button" className="link" aria-expanded={isOpen} onClick={onToggle}>
          {count(target.changes)}
          <span className="sr"> changes on {target.gatewayName}</span>
        </button>
      </td>
      <td className="num dim">{timeOf(target, now)}</td>
      <td className="fold dim2">{countdownWords(target, now) ?? target.reason}</td>
    </>
  );
}

function timeOf({ startedAt, finishedAt }: RolloutTarget, now: number | undefined): string {
  if (startedAt === undefined) return '';
  if (finishedAt !== undefined) return took((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000);
  return now === undefined ? '' : lasting((now - Date.parse(startedAt)) / 1000);
}
