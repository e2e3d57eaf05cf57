'use client';

import type { RolloutHead } from '../../../client/words/policy-rollout-words.ts';
import { POLICY_ROLLOUTS, rolloutSentence } from '../../../client/words/policy-rollout-words.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { Link } from '../../lib/link.tsx';
import type { useList } from '../../ui/list.tsx';
import { State } from '../../ui/state.tsx';

/** Roll-outs, one a row: when, how it stands, what is in force where, who and why. */
export function RolloutList({ rollouts, row }: { rollouts: readonly RolloutHead[]; row: ReturnType<typeof useList>['row'] }) {
  const clock = useClock();
  const now = useNow(60_000);
  return (
    <div className="wide-table">
      <table className="rollouts">
        <thead>
          <tr>
            <th>Asked for</th>
            <th>State</th>
            <th>Result</th>
            <th>Tenant</th>
            <th>By</th>
            <th>Reason</th>
            <th>Ticket</th>
          </tr>
        </thead>
        <tbody>
          {rollouts.map((rollout, index) => (
            <tr key={rollout.id} {...row(index)}>
              <td className="dim">
                <time dateTime={rollout.createdAt}>{clock.when(rollout.createdAt, now)}</time>
              </td>
              <td>
                <State kind={POLICY_ROLLOUTS[rollout.state].kind}>{POLICY_ROLLOUTS[rollout.state].word}</State>
              </td>
              <td className="fold">
                <Link className="link" href={`/policy-rollouts/${rollout.id}`}>
                  {rolloutSentence(rollout)}
                </Link>
              </td>
              <td>{rollout.tenants.map(({ name }) => name).join(', ')}</td>
              <td>{rollout.createdBy}</td>
              <td className="dim2">{rollout.reason.slice(0, 60)}</td>
              <td className="dim">{rollout.ticket ?? '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
