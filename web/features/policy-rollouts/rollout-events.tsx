'use client';

import type { PolicyRollout, RolloutTarget } from '../../../proto/http/policy-rollouts.ts';
import { counted } from '../../../client/words/format.ts';
import { gatewaysOf, isOpen, POLICY_ROLLOUTS, ROLLOUT_TARGETS } from '../../../client/words/policy-rollout-words.ts';
import { useClock } from '../../lib/clock.tsx';
import { StateIcon } from '../../ui/state.tsx';
import type { Step } from './use-rollout.ts';

const MAX_SHOWN = 40;

/** What happened, newest first: the ends recorded in the roll-out itself, and the steps seen while the page was open. */
export function RolloutEvents({ rollout, steps }: { rollout: PolicyRollout; steps: Step[] }) {
  const clock = useClock();
  const kept = rollout.targets.flatMap((target) => (target.finishedAt ? [{ atMs: Date.parse(target.finishedAt), target }] : []));
  const isKept = ({ target }: Step) => kept.some((one) => one.target.gatewayId === target.gatewayId && one.target.state === target.state);
  const all = [...kept, ...steps.filter((step) => !isKept(step))].toSorted((a, b) => b.atMs - a.atMs).slice(0, MAX_SHOWN);
  const { finishedAt, startedAt, createdAt, createdBy, state } = rollout;
  const { kind, word } = POLICY_ROLLOUTS[state];
  return (
    <div>
      <h2>Events</h2>
      <ul className="acts">
        {finishedAt && !isOpen(rollout) && (
          <li>
            <time dateTime={finishedAt}>{clock.seconds(finishedAt)}</time>
            <StateIcon kind={kind} word={word} isSmall />
            <span>
              Ended: <b>{word}</b>
            </span>
          </li>
        )}
        {all.map(({ atMs, target }) => (
          <TargetEvent key={`${target.gatewayId}.${target.state}.${atMs}`} atMs={atMs} target={target} />
        ))}
        <li>
          <time dateTime={startedAt ?? createdAt}>{clock.seconds(startedAt ?? createdAt)}</time>
          <StateIcon kind={startedAt ? 'running' : 'waiting'} word={startedAt ? 'started' : 'asked for'} isSmall />
          <span>
            {startedAt ? 'Started by' : 'Asked for by'} <b>{createdBy}</b> for {counted(gatewaysOf(rollout), 'gateway')}
          </span>
        </li>
      </ul>
    </div>
  );
}

function TargetEvent({ atMs, target: { gatewayName, state, reason } }: { atMs: number; target: RolloutTarget }) {
  const clock = useClock();
  const { kind, word } = ROLLOUT_TARGETS[state];
  return (
    <li>
      <time>{clock.seconds(atMs)}</time>
      <StateIcon kind={kind} word={word} isSmall />
      <span>
        {gatewayName}: <b>{word}</b>
        {reason !== undefined && state !== 'confirmed' && `, ${reason}`}
      </span>
    </li>
  );
}
