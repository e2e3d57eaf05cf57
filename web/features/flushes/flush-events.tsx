'use client';

import type { Flush } from '../../../proto/http/flushes.ts';
import { useClock } from '../../lib/clock.tsx';
import { count, counted } from '../../../client/words/format.ts';
import { StateIcon } from '../../ui/state.tsx';
import { doneOf, doneWord, FLUSHES, TARGETS, targetWord } from '../../../client/words/flush-words.ts';
import type { Step } from './use-flush.ts';

/** What happened, newest first: the steps seen while the page was open, and the times recorded in the flush itself. */
export function FlushEvents({ flush, steps }: { flush: Flush; steps: Step[] }) {
  const clock = useClock();
  const kept = flush.targets.flatMap((target) => (target.finishedAt ? [{ atMs: Date.parse(target.finishedAt), target }] : []));
  const isSeen = (id: string) => kept.some(({ target }) => target.gatewayId === id);
  const all = [...kept, ...steps.filter(({ target }) => !isSeen(target.gatewayId) || target.state === 'running')]
    .toSorted((a, b) => b.atMs - a.atMs)
    .slice(0, 40);
  return (
    <div>
      <h2>Events</h2>
      <ul className="acts">
        {flush.finishedAt && (
          <li>
            <time dateTime={flush.finishedAt}>{clock.seconds(flush.finishedAt)}</time>
            <StateIcon kind={FLUSHES[flush.state]} word={flush.state} isSmall />
            <span>
              Ended: <b>{flush.state}</b>, {count(doneOf(flush.totals))} of {count(flush.totals.planned)} {doneWord(flush)}
            </span>
          </li>
        )}
        {all.map(({ atMs, target }) => (
          <li key={`${target.gatewayId}.${target.state}.${atMs}`}>
            <time>{clock.seconds(atMs)}</time>
            <StateIcon kind={TARGETS[target.state].kind} word={target.state} isSmall />
            <span>
              {target.gatewayName}: <b>{targetWord(target)}</b>
              {target.finishedAt && `, ${count(doneOf(target.totals))} of ${count(target.totals.planned)}`}
            </span>
          </li>
        ))}
        <li>
          <time dateTime={flush.startedAt}>{clock.seconds(flush.startedAt)}</time>
          <StateIcon kind="running" word="started" isSmall />
          <span>
            Started by <b>{flush.createdBy}</b> for {counted(flush.totals.planned, 'flow')}
          </span>
        </li>
      </ul>
    </div>
  );
}
