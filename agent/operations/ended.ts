import { Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import type { FlowList } from './flow-list.ts';

/** Told of the flows that a command or a run of a remediation has ended. */
export type OnEnded = (by: { commandId: string } | { runId: string }, flows: Flow[]) => void;

/** Whoever ended them hopes that they come back otherwise; what is refused is not to come back. */
const ENDED: ReadonlySet<Outcome> = new Set([
  Outcome.OUTCOME_DELETED,
  Outcome.OUTCOME_REBUILT,
  Outcome.OUTCOME_REAPPEARED,
  Outcome.OUTCOME_RESET,
]);
/** More are not looked at again. */
const MAX_ENDED = 10_000;
const BATCH = 1000;

/** Those that were ended, by their outcomes in the list's order; the first ten thousand. */
export function endedOf(flows: FlowList, outcomes: readonly Outcome[]): Flow[] {
  const ended: Flow[] = [];
  let at = 0;
  for (const batch of flows.batches(BATCH)) {
    for (const flow of batch) if (ENDED.has(outcomes[at++]!)) ended.push(flow);
    if (ended.length >= MAX_ENDED) break;
  }
  return ended.slice(0, MAX_ENDED);
}
