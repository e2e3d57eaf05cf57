import { Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import type { Clock } from '../clock.ts';
import type { ConntrackTable, FlowContext } from '../conntrack/table.ts';
import { protectionOf } from './guard.ts';
import { outcomeAfterLooking } from './outcomes.ts';

const BATCH = 2000;

export interface RunOptions {
  flows: Flow[];
  /** Read anew for each batch: the agent may have redialled since the plan was frozen. */
  context: () => FlowContext;
  verifyAfterMs: number;
  /** The command had started before a crash: what is gone may have been our doing. */
  isRepeated: boolean;
  onProgress: (phase: 'deleting' | 'verifying', done: number) => void;
}

/** Ends exactly these flows but for protected ones, waits, looks again, and says for each what came of it, in the plan's order. */
export async function runPlan(table: ConntrackTable, clock: Clock, { flows, context, verifyAfterMs, isRepeated, onProgress }: RunOptions): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let start = 0; start < flows.length; start += BATCH) {
    onProgress('deleting', start);
    outcomes.push(...await deleteBatch(flows.slice(start, start + BATCH)));
  }
  onProgress('deleting', flows.length);
  await clock.delay(verifyAfterMs);
  onProgress('verifying', 0);
  await verify();
  return outcomes;

  async function deleteBatch(batch: Flow[]): Promise<Outcome[]> {
    const { protections } = context();
    const nowMs = clock.now();
    const isFree = batch.map((flow) => protectionOf(flow, protections, nowMs) === undefined);
    const ended = (await table.delete(batch.filter((_, index) => isFree[index]))).values();
    return isFree.map((free) => {
      if (!free) return Outcome.OUTCOME_PROTECTED;
      switch (ended.next().value) {
        case 'deleted': return Outcome.OUTCOME_DELETED;
        case 'gone': return isRepeated ? Outcome.OUTCOME_INDETERMINATE : Outcome.OUTCOME_GONE;
        default: return Outcome.OUTCOME_FAILED;
      }
    });
  }

  async function verify(): Promise<void> {
    const places = outcomes.flatMap((outcome, index) => (outcome === Outcome.OUTCOME_DELETED ? [index] : []));
    for (let start = 0; start < places.length; start += BATCH) {
      const part = places.slice(start, start + BATCH);
      const found = await table.lookup(part.map((index) => flows[index]!), context());
      part.forEach((index, at) => (outcomes[index] = outcomeAfterLooking(flows[index]!, found[at])));
      onProgress('verifying', Math.min(start + BATCH, places.length));
    }
  }
}
