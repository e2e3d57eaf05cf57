import path from 'node:path';
import { z } from 'zod';
import type { Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { Disk } from '../disk/disk.ts';
import type { FlowList } from './flow-list.ts';
import { fromRuns } from './outcomes.ts';
import type { PlanStore } from './plan-store.ts';

const schema = z.object({
  planId: z.string(),
  untilMs: z.number(),
  runs: z.array(z.object({ outcome: z.int(), count: z.int().nonnegative() })),
  undoneBy: z.string().optional(),
});

/** What a finished command did to the flows of its plan, on disk. */
type Held = z.output<typeof schema>;

/** What an undo works on: the plan's flows and what came of each, in the plan's order. */
export interface Undoable {
  flows: FlowList;
  outcomes: Outcome[];
}

/** How long after its time a held command stays, for an undo that began in time and is repeated after a crash. */
const GRACE_MS = 60 * 60_000;
/** What may name a command: its undo is a file of that name. */
export const COMMAND_ID = /^\w[\w.-]{0,63}$/;

/** Finished commands that may be undone, on disk beside the plans whose flows they ended. Times are the controller's. */
export class UndoStore {
  readonly #directory: string;
  readonly #plans: PlanStore;
  readonly #disk: Disk;

  constructor(directory: string, plans: PlanStore, disk = new Disk()) {
    this.#directory = path.join(directory, 'undo');
    this.#plans = plans;
    this.#disk = disk;
    disk.removeUnfinished(this.#directory);
  }

  /** Keeps a command's flows and outcomes until then. On disk when it returns; throws what the file system throws. */
  hold(commandId: string, { planId, untilMs, runs }: Omit<Held, 'undoneBy'>): void {
    this.#plans.keepUntil(planId, untilMs + GRACE_MS);
    this.#write(commandId, { planId, untilMs, runs });
  }

  holds(commandId: string): boolean {
    return this.planOf(commandId) !== undefined;
  }

  /** The plan whose flows the command ended, where it is kept. */
  planOf(commandId: string): string | undefined {
    return this.#read(commandId)?.planId;
  }

  /**
   * Gives what a command ended to the one undo that may have it; the same undo may ask again after a crash, also when the time is over.
   * Throws PLAN_EXPIRED after its time or where it is not kept, PLAN_ALREADY_RUN for a second undo.
   */
  take(commandId: string, undoId: string, nowMs: number): Undoable {
    const held = this.#read(commandId);
    const isRepeated = held?.undoneBy === undoId;
    if (!held || (held.untilMs < nowMs && !isRepeated))
      throw new FleetError('PLAN_EXPIRED', 'This gateway no longer holds what the command ended, so it cannot be restored.');
    if (held.undoneBy !== undefined && !isRepeated)
      throw new FleetError('PLAN_ALREADY_RUN', 'What this command ended has already been restored.');
    const flows = this.#plans.load(held.planId);
    if (!isRepeated) this.#write(commandId, { ...held, undoneBy: undoId });
    return { flows, outcomes: fromRuns(held.runs) };
  }

  /** The undo's result is on record, or it is long over: flows and outcomes go. */
  forget(commandId: string): void {
    const held = this.#read(commandId);
    if (held) this.#plans.remove(held.planId);
    this.#disk.remove(this.#fileOf(commandId));
  }

  /** Forgets what is long over. */
  sweep(nowMs: number): void {
    for (const name of this.#disk.names(this.#directory).filter((one) => COMMAND_ID.test(one))) {
      const held = this.#read(name);
      if (held && held.untilMs + GRACE_MS < nowMs) this.forget(name);
    }
  }

  /** Undefined also for what names no command, and for a file that cannot be read: it is told, and that command cannot be undone. */
  #read(commandId: string): Held | undefined {
    if (!COMMAND_ID.test(commandId)) return undefined;
    return this.#disk.read(this.#fileOf(commandId), (bytes) => schema.parse(JSON.parse(bytes.toString('utf8'))));
  }

  #write(commandId: string, held: Held): void {
    this.#disk.write(this.#fileOf(commandId), JSON.stringify(held));
  }

  #fileOf(commandId: string): string {
    if (!COMMAND_ID.test(commandId)) throw new FleetError('PLAN_UNKNOWN', 'The command ID is invalid.', { commandId });
    return path.join(this.#directory, commandId);
  }
}
