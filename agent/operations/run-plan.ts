import { Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import type { Clock } from '../clock.ts';
import type { ConntrackTable, FlowContext } from '../conntrack/table.ts';
import type { End } from './end-flows.ts';
import { protectionOf } from './guard.ts';
import { outcomeAfterLooking } from './outcomes.ts';

/** About 15 ms in the kernel, so that a stop is felt at once and a batch costs more than its round trip. */
const BATCH = 1000;

export interface RunOptions {
  flows: Flow[];
  /** How the flows are ended. */
  end: End;
  /** False for a way that takes its time: all flows then are one batch, and have it together. */
  inBatches: boolean;
  /** Read anew for each batch: the agent may have redialled since the plan was frozen. */
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

/** Ends exactly these flows but for protected ones, waits, looks again, and says for each what came of it, in the plan's order. */
export async function runPlan(table: ConntrackTable, clock: Clock, { flows, end, inBatches, context, isStopped, verifyAfterMs, isRepeated, onProgress }: RunOptions): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const batchSize = inBatches ? BATCH : Math.max(1, flows.length);
  for (let start = 0; start < flows.length; start += batchSize) {
    if (start > 0) onProgress('deleting', start);
    const batch = flows.slice(start, start + batchSize);
    outcomes.push(...(isStopped() ? batch.map(() => Outcome.OUTCOME_CANCELLED) : await endBatch(batch)));
  }
  // Said at once: after a delete the kernel only picks the agent's own connection up again if the agent speaks first.
  onProgress('verifying', flows.length);
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
    const places = outcomes.flatMap((outcome, index) => (VERIFIED.has(outcome) ? [index] : []));
    for (let start = 0; start < places.length; start += BATCH) {
      const part = places.slice(start, start + BATCH);
      const found = await table.lookup(part.map((index) => flows[index]!), context());
      part.forEach((index, at) => { if (found[at]) outcomes[index] = outcomeAfterLooking(flows[index]!, found[at]); });
    }
  }
}
