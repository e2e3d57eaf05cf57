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

/** What an undo works on: the plan's flows and their outcomes, in the plan's order. */
export interface Undoable {
  flows: FlowList;
  outcomes: Outcome[];
}

/** How long a held command is kept after its time, for an undo that started in time and is repeated after a crash. */
const GRACE_MS = 60 * 60_000;
/** Valid command ids: the undo record is a file of that name. */
export const COMMAND_ID = /^\w[\w.-]{0,63}$/;

/** Finished commands that may be undone, on disk next to the plans whose flows they ended. Times are the controller's. */
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

  /** The plan whose flows the command ended; undefined if it is not kept. */
  planOf(commandId: string): string | undefined {
    return this.#read(commandId)?.planId;
  }

  /**
   * Hands what a command ended to one undo only; the same undo may ask again after a crash, even after the time has passed. Throws
   * PLAN_EXPIRED after its time or if it is not kept, PLAN_ALREADY_RUN for a second undo, PLAN_UNKNOWN as PlanStore.load.
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

  /** Removes flows and outcomes: the undo's result was acknowledged, or its time has long passed. */
  forget(commandId: string): void {
    const held = this.#read(commandId);
    if (held) this.#plans.remove(held.planId);
    this.#disk.remove(this.#fileOf(commandId));
  }

  /** Removes what has long expired. */
  sweep(nowMs: number): void {
    for (const name of this.#disk.names(this.#directory).filter((one) => COMMAND_ID.test(one))) {
      const held = this.#read(name);
      if (held && held.untilMs + GRACE_MS < nowMs) this.forget(name);
    }
  }

  /** Undefined also for an invalid id, and for a file that cannot be read: the disk logs it, and that command cannot be undone. */
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
