'use client';

import type { RemediationRun } from '../../../proto/http/remediations.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { Link } from '../../lib/link.tsx';
import { Skeleton } from '../../ui/feedback.tsx';
import { useRowLink, type useList } from '../../ui/list.tsx';
import { StateIcon } from '../../ui/state.tsx';
import { Unreadable, type UnreadableEntry } from '../../ui/unreadable.tsx';
import { RUN_STATES, runSentence } from '../../../client/words/remediation-words.ts';

interface RunListProps {
  runs: RemediationRun[] | undefined;
  unreadable?: UnreadableEntry[];
  none?: string;
  row?: ReturnType<typeof useList>['row'];
}

export const runPath = ({ id }: RemediationRun) => `/remediations/runs/${id}`;

/** Runs as sentences, each linking to its page; `row` if they are the main list of a page. */
export function RunList({ runs, unreadable, none = 'No run yet.', row }: RunListProps) {
  const rowLink = useRowLink();
  const clock = useClock();
  const now = useNow(60_000);
  if (!runs) return <Skeleton lines={4} />;
  if (runs.length === 0 && !unreadable) return <p className="dim">{none}</p>;
  return (
    <>
      <Unreadable entries={unreadable} />
      <ul className="acts runs-list">
        {runs.map((run, index) => (
          <li key={run.id} {...(row ? row(index) : rowLink({ path: runPath(run) }))}>
            <time dateTime={run.triggeredAt} title={clock.full(run.triggeredAt)}>
              {clock.when(run.triggeredAt, now)}
            </time>
            <StateIcon kind={RUN_STATES[run.state]} word={run.state} isSmall />
            <Link href={runPath(run)}>
              <b>{run.remediationName}</b>
              {run.gatewayName && ` on ${run.gatewayName}`}: {runSentence(run)} <span className="dim">({run.trigger})</span>
            </Link>
          </li>
        ))}
      </ul>
    </>
  );
}
