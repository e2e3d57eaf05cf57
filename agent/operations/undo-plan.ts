import { Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { restoreRounds } from '../conntrack/wire/restored-entry.ts';
import type { ConntrackTable, FlowContext } from '../conntrack/table.ts';
import { isSamePath } from './outcomes.ts';
import type { Undoable } from './undo-store.ts';

const BATCH = 1000;

/**
 * Outcomes in which the command removed the entry, or may have: after a crash it is unknown which of the missing entries the command
 * removed. A superfluous entry expires by its own timeout; a missing one is a broken connection. In all other outcomes the command left the
 * entry, or did not find it.
 */
const ENDED: ReadonlySet<Outcome> = new Set([
  Outcome.OUTCOME_DELETED,
  Outcome.OUTCOME_REBUILT,
  Outcome.OUTCOME_REAPPEARED,
  Outcome.OUTCOME_INDETERMINATE,
]);

export interface UndoOptions extends Undoable {
  context: () => FlowContext;
  /** Checked before each batch; once true, the rest is left alone. */
  isStopped: () => boolean;
  /** The undo had started before a crash: an existing entry may be one that it restored. */
  isRepeated: boolean;
  onProgress: (done: number) => void;
}

/** True if an undo of these outcomes would have something to restore. */
export function canUndo(outcomes: readonly Outcome[]): boolean {
  return outcomes.some((outcome) => ENDED.has(outcome));
}

/**
 * Restores the entries that a command deleted or may have deleted, translation included, and verifies each. An expected flow comes after
 * the one that expected it. Returns outcomes in the plan's order; for flows that the command did not delete, the command's own.
 */
export async function undoPlan(
  table: ConntrackTable,
  { flows, outcomes: before, context, isStopped, isRepeated, onProgress }: UndoOptions,
): Promise<Outcome[]> {
  const outcomes = [...before];
  const { rounds, roundOf } = restoreRounds(() => flows.batches(BATCH));
  let done = 0;
  for (let round = 0; round < rounds; round++) {
    let start = 0;
    for (const batch of flows.batches(BATCH)) {
      const part = batch
        .map((flow, index) => ({ flow, place: start + index }))
        .filter(({ place }) => ENDED.has(before[place]!) && roundOf(place) === round);
      start += batch.length;
      if (part.length === 0) continue;
      if (isStopped())
        part.forEach(({ place }) => {
          outcomes[place] = Outcome.OUTCOME_CANCELLED;
        });
      else await restoreBatch(part);
      onProgress((done += part.length));
    }
  }
  return outcomes;

  async function restoreBatch(part: { flow: Flow; place: number }[]): Promise<void> {
    const wanted = part.map(({ flow }) => flow);
    const made = await table.restore(wanted);
    const found = await table.lookup(wanted, context());
    part.forEach(({ flow, place }, at) => {
      outcomes[place] = outcomeOf(made[at]!, flow, found[at]);
    });
  }

  function outcomeOf(made: 'restored' | 'exists' | 'failed', flow: Flow, found: Flow | undefined): Outcome {
    if (made === 'restored') return found && isSamePath(found.reply, flow.reply) ? Outcome.OUTCOME_RESTORED : Outcome.OUTCOME_FAILED;
    if (made === 'failed') return Outcome.OUTCOME_FAILED;
    return isRepeated && found && isSamePath(found.reply, flow.reply) ? Outcome.OUTCOME_INDETERMINATE : Outcome.OUTCOME_OCCUPIED;
  }
}
