'use client';

import '../flushes/flushes.css';
import './rollouts.css';
import { useQuery } from '@tanstack/react-query';
import type { PolicyRollout } from '../../../proto/http/policy-rollouts.ts';
import { lasting, took } from '../../../client/words/format.ts';
import { isOpen, POLICY_ROLLOUTS, rolloutSentence, rolloutTrouble, withinWords } from '../../../client/words/policy-rollout-words.ts';
import { useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { State } from '../../ui/state.tsx';
import { RolloutActions } from './rollout-actions.tsx';
import { RolloutApproval } from './rollout-approval.tsx';
import { RolloutEvents } from './rollout-events.tsx';
import { RolloutFacts } from './rollout-facts.tsx';
import { RolloutRows } from './rollout-rows.tsx';
import { RolloutTotal } from './rollout-total.tsx';
import { useRollout } from './use-rollout.ts';

/** One roll-out of a policy: what is in force where, what is waiting to be confirmed, what went wrong, and what can be done. */
export function RolloutPage({ id }: { id: string }) {
  const refusal = useRefusal('policies.read');
  const { rollout, error, refetch, steps } = useRollout(id);
  if (!rollout)
    return (
      <>
        <div className="head">
          <h1>Roll-out</h1>
        </div>
        {refusal && !error ? (
          <Empty>{refusal}</Empty>
        ) : (
          <div className="empty">
            {error ? (
              <Failure
                what="This roll-out could not be read"
                error={error}
                stillWorks="It runs on without this page, and gateways put back what nobody confirms."
                onRetry={() => void refetch()}
              />
            ) : (
              <Skeleton lines={8} />
            )}
          </div>
        )}
      </>
    );
  return (
    <>
      <RolloutHead rollout={rollout} />
      <RolloutTotal rollout={rollout} />
      <div className="side2">
        <section>
          <RolloutApproval rollout={rollout} />
          <RolloutRows rollout={rollout} />
        </section>
        <aside aria-label="About this roll-out">
          <RolloutFacts rollout={rollout} />
          <RolloutEvents rollout={rollout} steps={steps} />
        </aside>
      </div>
    </>
  );
}

function RolloutHead({ rollout }: { rollout: PolicyRollout }) {
  const { data: tenants } = useQuery(queries.tenants());
  const { kind, createdBy, wave, waves, withinSeconds } = rollout;
  const colour = rollout.tenants.length === 1 ? (tenants?.find(({ id }) => id === rollout.tenants[0]!.id)?.colour ?? 0) : 0;
  return (
    <div className="head flush-head rollout-head" data-colour={colour}>
      <div className="grow">
        <div className="row dim2 rollout-line">
          <span className="owner">
            <b>{rollout.tenants.map(({ name }) => name).join(', ')}</b>
          </span>
          <span className="dim">
            {kind === 'undo' ? 'Undo' : 'Roll-out'} by {createdBy}
          </span>
          <RolloutState rollout={rollout} />
          {waves > 1 && (
            <span className="pill">
              wave {wave} of {waves}
            </span>
          )}
        </div>
        <h1 aria-live="polite">{rolloutSentence(rollout)}</h1>
        <p className="dim2">{rolloutTrouble(rollout) ?? (isOpen(rollout) ? withinWords(withinSeconds) : 'Nothing went wrong.')}</p>
      </div>
      <RolloutActions rollout={rollout} />
    </div>
  );
}

/** The state as a pill, with how long it has been going on or took. */
function RolloutState({ rollout: { state, startedAt, finishedAt } }: { rollout: PolicyRollout }) {
  const now = useNow();
  const { kind, word } = POLICY_ROLLOUTS[state];
  const end = finishedAt ? Date.parse(finishedAt) : now;
  const seconds = startedAt === undefined || end === undefined ? undefined : Math.max(0, (end - Date.parse(startedAt)) / 1000);
  return (
    <State kind={kind} isPill>
      {word}
      {seconds !== undefined && (state === 'running' ? ` for ${lasting(seconds)}` : ` after ${took(seconds)}`)}
    </State>
  );
}
