import { Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import type { Clock } from '../time/clock.ts';
import type { ConntrackTable, FlowContext } from '../conntrack/table.ts';
import type { End } from './end-flows.ts';
import type { FlowList } from './flow-list.ts';
import { protectionOf } from './guard.ts';
import { outcomeAfterLooking } from './outcomes.ts';

/** About 15 ms in the kernel, so that a stop is felt at once and a batch costs more than its round trip. */
const BATCH = 1000;

export interface RunOptions {
  flows: FlowList;
  /** How the flows are ended. */
  end: End;
  /** False for a way that takes its time: all flows then are one batch, and have it together. */
  inBatches: boolean;
  /** Read again for each batch: the agent may have redialled since the plan was frozen. */
  context: () => FlowContext;
  /** Asked before each batch; what comes after is left alone. */
  isStopped: () => boolean;
  verifyAfterMs: number;
  /** The command had started before a crash: what is gone may have been our doing. */
  isRepeated: boolean;
  /** Called between batches, and with all flows before it looks again; that it began and that it ended the caller says itself. */
  onProgress: (phase: 'deleting' | 'verifying', done: number) => void;
}

/** What is looked at again: these say that the entry is no longer there. */
const VERIFIED: ReadonlySet<Outcome> = new Set([Outcome.OUTCOME_DELETED, Outcome.OUTCOME_BLOCKED]);

/**
 * Ends exactly these flows but for protected ones, waits, looks again, and says for each what came of it, in the plan's order. Holds a
 * batch of them at a time. Throws what the table and the list of flows throw.
 */
export async function runPlan(
  table: ConntrackTable,
  clock: Clock,
  { flows, end, inBatches, context, isStopped, verifyAfterMs, isRepeated, onProgress }: RunOptions,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const batch of flows.batches(inBatches ? BATCH : Math.max(1, flows.count))) {
    if (outcomes.length > 0) onProgress('deleting', outcomes.length);
    for (const outcome of isStopped() ? batch.map(() => Outcome.OUTCOME_CANCELLED) : await endBatch(batch)) outcomes.push(outcome);
  }
  // Said at once: after a delete the kernel only picks the agent's own connection up again if the agent speaks first.
  onProgress('verifying', flows.count);
  await clock.delay(verifyAfterMs);
  await verify();
  return outcomes;

  async function endBatch(batch: Flow[]): Promise<Outcome[]> {
    const { protections } = context();
    const nowMs = clock.now();
    const free = batch.filter((flow) => protectionOf(flow, protections, nowMs) === undefined);
    const ended = (await end(free)).values();
    const isFree = new Set(free);
    return batch.map((flow) => {
      if (!isFree.has(flow)) return Outcome.OUTCOME_PROTECTED;
      const outcome = ended.next().value!;
      return outcome === Outcome.OUTCOME_GONE && isRepeated ? Outcome.OUTCOME_INDETERMINATE : outcome;
    });
  }

  async function verify(): Promise<void> {
    if (!outcomes.some((outcome) => VERIFIED.has(outcome))) return;
    let start = 0;
    for (const batch of flows.batches(BATCH)) {
      const part = batch.map((flow, index) => ({ flow, place: start + index })).filter(({ place }) => VERIFIED.has(outcomes[place]!));
      start += batch.length;
      const found = await table.lookup(
        part.map(({ flow }) => flow),
        context(),
      );
      part.forEach(({ flow, place }, at) => {
        if (found[at]) outcomes[place] = outcomeAfterLooking(flow, found[at]);
      });
    }
  }
}
