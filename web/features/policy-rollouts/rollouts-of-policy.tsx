'use client';

import './rollouts.css';
import { useQuery } from '@tanstack/react-query';
import { POLICY_ROLLOUTS, rolloutSentence } from '../../../client/words/policy-rollout-words.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { StateIcon } from '../../ui/state.tsx';

const SHOWN = 8;

/** The newest roll-outs of one policy, as sentences. */
export function RolloutsOfPolicy({ policyId }: { policyId: string }) {
  const clock = useClock();
  const now = useNow(60_000);
  const { data, error, refetch } = useQuery(queries.policyRollouts({ policy: policyId, limit: SHOWN }));
  return (
    <>
      <div className="sec-head">
        <h2>Roll-outs</h2>
        <span className="grow" />
        {data?.cursor && (
          <Link className="link small" href={`/policy-rollouts?policy=${policyId}`}>
            All of it
          </Link>
        )}
      </div>
      {error && !data && <Failure what="The roll-outs could not be read" error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton lines={2} />}
      {data?.items.length === 0 && <p className="dim small">It was never rolled out. Preview it, then roll it out from there.</p>}
      <ul className="acts rollouts-of">
        {data?.items.map((rollout) => (
          <li key={rollout.id}>
            <time dateTime={rollout.createdAt}>{clock.when(rollout.createdAt, now)}</time>
            <StateIcon kind={POLICY_ROLLOUTS[rollout.state].kind} word={POLICY_ROLLOUTS[rollout.state].word} isSmall />
            <span>
              <Link href={`/policy-rollouts/${rollout.id}`}>
                <b>{rolloutSentence(rollout)}</b>
              </Link>
              , revision {rollout.policyRevision}, by {rollout.createdBy}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
