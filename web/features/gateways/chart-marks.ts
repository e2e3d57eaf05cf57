import type { Alert } from '../../../proto/http/alerts.ts';
import type { Flush } from '../../../proto/http/flushes.ts';
import type { WanEventHead } from '../../../proto/http/wan-events.ts';
import { doneOf, doneWord } from '../../../client/words/flush-words.ts';
import { count } from '../../../client/words/format.ts';
import type { ChartMark } from '../../ui/time-chart.tsx';

/** What happened at a gateway, as its chart marks it. */
export interface Happenings {
  flushes: Omit<Flush, 'targets'>[];
  wanEvents: Pick<WanEventHead, 'wan' | 'failed' | 'beganAt'>[];
  alerts: Pick<Alert, 'title' | 'raisedAt' | 'wanEventId' | 'parentId'>[];
}

/** Marks of a chart, earliest first. An alert of a failover, or that follows from another alert, is not marked a second time. */
export function chartMarks({ flushes, wanEvents, alerts }: Happenings): ChartMark[] {
  const marks: ChartMark[] = [
    ...flushes.map((flush) => ({
      kind: 'flush' as const,
      atMs: Date.parse(flush.startedAt),
      text: `${count(doneOf(flush.totals))} ${doneWord(flush)}, ${flush.state}`,
    })),
    ...wanEvents.map(({ wan, failed, beganAt }) => ({ kind: 'failover' as const, atMs: Date.parse(beganAt), text: `${wan} ${failed}` })),
    ...alerts.flatMap(({ title, raisedAt, wanEventId, parentId }) =>
      raisedAt === undefined || wanEventId !== undefined || parentId !== undefined
        ? []
        : [{ kind: 'alert' as const, atMs: Date.parse(raisedAt), text: title }],
    ),
  ];
  return marks.toSorted((a, b) => a.atMs - b.atMs);
}
