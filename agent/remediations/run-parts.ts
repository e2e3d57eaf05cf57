import { Flow as WireFlow } from '../../proto/gen/ctfleet/v1/flow.ts';
import type { Outcome, OutcomeRun } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { RemediationRun } from '../../proto/gen/ctfleet/v1/remediation.ts';
import { toWireFlow } from '../../proto/wire/flow.ts';
import type { FlowList } from '../operations/flow-list.ts';
import { fromRuns } from '../operations/outcomes.ts';

/** Bytes of flows in one message of at most 256 KiB; the rest of it is small. */
const PART_BYTES = 160_000;
/** Flows read at a time. */
const BATCH = 500;

/** A run without its flows: each sweep has only its number and outcomes. */
export type RunHead = Omit<RemediationRun, 'part' | 'isLastPart'>;

/**
 * Splits a run into messages, each with some of its flows and their outcomes in the same order; the last one is marked.
 * @param flowsOf returns the flows of a sweep, in the order of its outcomes
 */
export function* toParts(head: RunHead, flowsOf: (sweep: number) => FlowList): Generator<RemediationRun, void, void> {
  let part = 0;
  let sweeps: RemediationRun['sweeps'] = [];
  let bytes = 0;
  for (const { number, runs } of head.sweeps) {
    const outcomes = fromRuns(runs);
    let taken: RemediationRun['sweeps'][number] | undefined;
    let index = 0;
    for (const flow of eachOf(flowsOf(number))) {
      if (bytes >= PART_BYTES) {
        yield { ...head, sweeps, part: part++, isLastPart: false };
        [sweeps, bytes, taken] = [[], 0, undefined];
      }
      if (!taken) sweeps.push((taken = { number, flows: [], runs: [] }));
      taken.flows.push(flow);
      append(taken.runs, outcomes[index++]);
      bytes += WireFlow.encode(flow).finish().length + 4;
    }
  }
  yield { ...head, sweeps, part, isLastPart: true };
}

/** Holds one batch in memory at a time. */
function* eachOf(flows: FlowList): Generator<WireFlow, void, void> {
  for (const batch of flows.batches(BATCH)) yield* batch.map(toWireFlow);
}

function append(runs: OutcomeRun[], outcome: Outcome | undefined): void {
  const last = runs.at(-1);
  if (last?.outcome === outcome && last) last.count++;
  else if (outcome !== undefined) runs.push({ outcome, count: 1 });
}

/** Converts times of this gateway's clock to the controller's. */
export function shiftTimes<T extends Pick<RemediationRun, 'triggeredAtMs' | 'startedAtMs' | 'finishedAtMs'>>(run: T, offsetMs: number): T {
  const by = BigInt(Math.round(offsetMs));
  const shift = (ms: bigint | undefined): bigint | undefined => (ms === undefined ? undefined : ms + by);
  return { ...run, triggeredAtMs: run.triggeredAtMs + by, startedAtMs: shift(run.startedAtMs), finishedAtMs: shift(run.finishedAtMs) };
}
