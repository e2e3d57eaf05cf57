import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { Outcome, OutcomeRun } from '../../proto/gen/ctfleet/v1/operation.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { fromRuns } from './outcomes.ts';
import type { PlanStore } from './plan-store.ts';

/** What a finished command did to the flows of its plan, on disk. */
interface Held { planId: string; untilMs: number; runs: OutcomeRun[]; undoneBy?: string }

/** What an undo works on: the plan's flows and what came of each, in the plan's order. */
export interface Undoable { flows: Flow[]; outcomes: Outcome[] }

/** How long after its time a held command stays, for an undo that began in time and is repeated after a crash. */
const GRACE_MS = 60 * 60_000;
/** The end of a file's name while it is written; it is never in place like that. */
const UNFINISHED = '.part';

/** Finished commands that may be undone, on disk beside the plans whose flows they ended. Times are the controller's. */
export class UndoStore {
  readonly #directory: string;
  readonly #plans: PlanStore;

  constructor(directory: string, plans: PlanStore) {
    this.#directory = path.join(directory, 'undo');
    this.#plans = plans;
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
  }

  /** Keeps a command's flows and outcomes until then. On disk when it returns; throws what the file system throws. */
  hold(commandId: string, { planId, untilMs, runs }: Omit<Held, 'undoneBy'>): void {
    this.#plans.keepUntil(planId, untilMs);
    this.#write(commandId, { planId, untilMs, runs });
  }

  holds(commandId: string): boolean {
    return this.#read(commandId) !== undefined;
  }

  /**
   * Gives what a command ended to the one undo that may have it; the same undo may ask again after a crash, also when the time is over.
   * Throws PLAN_EXPIRED after its time or where it is not kept, PLAN_ALREADY_RUN for a second undo.
   */
  take(commandId: string, undoId: string, nowMs: number): Undoable {
    const held = this.#read(commandId);
    const isRepeated = held?.undoneBy === undoId;
    if (!held || (held.untilMs < nowMs && !isRepeated)) throw new FleetError('PLAN_EXPIRED', 'This gateway does not keep any more what the command ended, so it cannot be put back.');
    if (held.undoneBy !== undefined && !isRepeated) throw new FleetError('PLAN_ALREADY_RUN', 'What this command ended was put back already.');
    const { flows } = this.#plans.load(held.planId);
    if (!isRepeated) this.#write(commandId, { ...held, undoneBy: undoId });
    return { flows, outcomes: fromRuns(held.runs) };
  }

  /** The undo's result is on record, or it is long over: flows and outcomes go. */
  forget(commandId: string): void {
    const held = this.#read(commandId);
    if (held) this.#plans.remove(held.planId);
    rmSync(this.#fileOf(commandId), { force: true });
  }

  /** Forgets what is long over, and what a crash left half written. */
  sweep(nowMs: number): void {
    for (const name of readdirSync(this.#directory)) {
      if (name.endsWith(UNFINISHED)) {
        rmSync(path.join(this.#directory, name), { force: true });
        continue;
      }
      const held = this.#read(name);
      if (!held || held.untilMs + GRACE_MS < nowMs) this.forget(name);
    }
  }

  /** Undefined also for a file that a crash left unfinished: it was never in place. */
  #read(commandId: string): Held | undefined {
    const file = this.#fileOf(commandId);
    return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) as Held : undefined;
  }

  #write(commandId: string, held: Held): void {
    const file = this.#fileOf(commandId);
    const fd = openSync(`${file}${UNFINISHED}`, 'w', 0o600);
    writeSync(fd, JSON.stringify(held));
    fsyncSync(fd);
    closeSync(fd);
    renameSync(`${file}${UNFINISHED}`, file);
  }

  #fileOf(commandId: string): string {
    if (!/^[0-9a-z.-]{1,64}$/.test(commandId)) throw new FleetError('PLAN_UNKNOWN', 'The id of the command is not one.', { commandId });
    return path.join(this.#directory, commandId);
  }
}
