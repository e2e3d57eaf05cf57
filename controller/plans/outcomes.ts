import { Outcome, type OutcomeRun } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { flushTotals, outcome as outcomeSchema } from '../../proto/http/plans.ts';
import type { z } from 'zod';
import { counted } from '../platform/plural.ts';

/** Counts of a target or a flush. `rebuilt` is part of `deleted`; the others add up to `planned` once all is known. */
export type Totals = z.output<typeof flushTotals>;
export type OutcomeWord = z.output<typeof outcomeSchema>;

const WORDS: Partial<Record<Outcome, OutcomeWord>> = {
  [Outcome.OUTCOME_DELETED]: 'deleted',
  [Outcome.OUTCOME_REBUILT]: 'rebuilt',
  [Outcome.OUTCOME_REAPPEARED]: 'reappeared',
  [Outcome.OUTCOME_GONE]: 'gone',
  [Outcome.OUTCOME_PROTECTED]: 'protected',
  [Outcome.OUTCOME_FAILED]: 'failed',
  [Outcome.OUTCOME_INDETERMINATE]: 'indeterminate',
  [Outcome.OUTCOME_RESET]: 'reset',
  [Outcome.OUTCOME_BLOCKED]: 'blocked',
  [Outcome.OUTCOME_EXPIRING]: 'expiring',
  [Outcome.OUTCOME_RESTORED]: 'restored',
  [Outcome.OUTCOME_OCCUPIED]: 'occupied',
  [Outcome.OUTCOME_CANCELLED]: 'cancelled',
};

/** The word of an outcome; one that this version does not know is not known to have ended well. */
export function outcomeWord(outcome: Outcome): OutcomeWord {
  return WORDS[outcome] ?? 'indeterminate';
}

/** Totals before anything happened. */
export function emptyTotals(planned: number): Totals {
  return {
    planned,
    deleted: 0,
    rebuilt: 0,
    gone: 0,
    protected: 0,
    reappeared: 0,
    failed: 0,
    indeterminate: 0,
    reset: 0,
    blocked: 0,
    expiring: 0,
    restored: 0,
    occupied: 0,
    cancelled: 0,
  };
}

/** Counts of a plan's outcomes. Flows of which a finished run says nothing are indeterminate; what goes beyond the plan is not counted. */
export function countOutcomes(planned: number, outcomeRuns: OutcomeRun[]): Totals {
  const totals = emptyTotals(planned);
  let left = planned;
  for (const { outcome, count } of outcomeRuns) {
    const own = Math.min(count, left);
    left -= own;
    const word = outcomeWord(outcome);
    totals[word] += own;
    if (word === 'rebuilt') totals.deleted += own;
  }
  totals.indeterminate += left;
  return totals;
}

/** Totals as one clause for people: `309 of 312 flows deleted, 3 had gone`. What did not happen is not named. */
export function describeTotals(totals: Totals): string {
  const ways: [number, string][] = [
    [totals.reset, 'reset'],
    [totals.blocked, 'blocked'],
    [totals.expiring, 'ending at their time'],
    [totals.restored, 'put back'],
  ];
  const done = totals.deleted === 0 ? (ways.find(([count]) => count > 0) ?? [0, 'deleted']) : ([totals.deleted, 'deleted'] as const);
  const others: [number, string][] = [
    ...ways.filter((way) => way !== done),
    [totals.rebuilt, 'came back by another way'],
    [totals.gone, 'had gone'],
    [totals.protected, 'protected'],
    [totals.reappeared, 'reappeared'],
    [totals.failed, 'failed'],
    [totals.indeterminate, 'indeterminate'],
    [totals.occupied, 'not put back, because traffic had recreated them'],
    [totals.cancelled, 'left alone'],
  ];
  return [
    `${done[0]} of ${counted(totals.planned, 'flow')} ${done[1]}`,
    ...others.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`),
  ].join(', ');
}

/** Sums of several totals. */
export function addTotals(parts: Totals[]): Totals {
  const sum = emptyTotals(0);
  for (const part of parts) for (const key of Object.keys(sum) as (keyof Totals)[]) sum[key] += part[key];
  return sum;
}

/** The outcomes of flows `from` to `from + count` of a plan's order; undefined where the runs of outcomes end. */
export function outcomesBetween(outcomeRuns: OutcomeRun[], from: number, count: number): (OutcomeWord | undefined)[] {
  const words: (OutcomeWord | undefined)[] = Array.from({ length: count });
  let start = 0;
  for (const run of outcomeRuns) {
    const end = start + run.count;
    for (let index = Math.max(start, from); index < Math.min(end, from + count); index++) words[index - from] = outcomeWord(run.outcome);
    if (end >= from + count) break;
    start = end;
  }
  return words;
}
