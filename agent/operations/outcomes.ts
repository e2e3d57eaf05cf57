import { Outcome, type OutcomeRun } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow, Tuple } from '../../proto/model/flow.ts';
import { isSameEntry } from '../conntrack/identity.ts';

/**
 * The verified outcome of a deleted flow: `found` is the entry that now has its original tuple and zone. A new entry with the same
 * addresses has reappeared, whatever port the translation chose this time: deleting it did not move it.
 */
export function outcomeAfterLooking(deleted: Flow, found: Flow | undefined): Outcome {
  if (!found) return Outcome.OUTCOME_DELETED;
  if (isSameEntry(found, deleted)) return Outcome.OUTCOME_FAILED;
  return isSamePath(found.reply, deleted.reply) ? Outcome.OUTCOME_REAPPEARED : Outcome.OUTCOME_REBUILT;
}

/** True if the translated addresses are the same; ports may differ. */
export function isSamePath(a: Tuple, b: Tuple): boolean {
  return a.src === b.src && a.dst === b.dst;
}

/** Decodes run-length encoded outcomes, in the plan's order. */
export function fromRuns(runs: readonly OutcomeRun[]): Outcome[] {
  return runs.flatMap(({ outcome, count }) => Array.from({ length: count }, () => outcome));
}

/** Run-length encodes outcomes in the plan's order. */
export function toRuns(outcomes: readonly Outcome[]): OutcomeRun[] {
  const runs: OutcomeRun[] = [];
  for (const outcome of outcomes) {
    const last = runs.at(-1);
    if (last?.outcome === outcome) last.count++;
    else runs.push({ outcome, count: 1 });
  }
  return runs;
}
