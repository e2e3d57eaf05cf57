import { Outcome, type OutcomeRun } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow, Tuple } from '../../proto/model/flow.ts';

/** What looking again says about a flow that was deleted: `found` is the entry that now has its original tuple and zone. */
export function outcomeAfterLooking(deleted: Flow, found: Flow | undefined): Outcome {
  if (!found) return Outcome.OUTCOME_DELETED;
  if (found.id === deleted.id) return Outcome.OUTCOME_FAILED;
  return isSameTuple(found.reply, deleted.reply) ? Outcome.OUTCOME_REAPPEARED : Outcome.OUTCOME_REBUILT;
}

function isSameTuple(a: Tuple, b: Tuple): boolean {
  return a.src === b.src && a.dst === b.dst && a.sport === b.sport && a.dport === b.dport && a.icmp?.id === b.icmp?.id && a.srcKey === b.srcKey && a.dstKey === b.dstKey;
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
