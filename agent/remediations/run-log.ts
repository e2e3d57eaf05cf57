import path from 'node:path';
import { RemediationRun, RemediationRun_Sweep as Sweep } from '../../proto/gen/ctfleet/v1/remediation.ts';
import { Outcome, type OutcomeRun } from '../../proto/gen/ctfleet/v1/operation.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { Disk } from '../disk/disk.ts';
import { listOf, type FlowList } from '../operations/flow-list.ts';
import { Journal, type JournalState, type Ending } from '../operations/journal.ts';
import { PLAN_LIMITS, PlanStore, type PlanLimits } from '../operations/plan-store.ts';
import { toParts, type RunHead } from './run-parts.ts';

/** Most reports waiting for a controller; beyond it the oldest is dropped, so that a gateway without one does not fill its disk. */
const MAX_WAITING = 500;
/** Size on disk of the flows of all runs beyond which the oldest are dropped. */
const TRIM_BYTES = 48 << 20;
/** A run must not be refused because others are waiting: between two trims there is room for the largest. */
const ROOM: PlanLimits = { plans: 20 * MAX_WAITING, bytes: TRIM_BYTES + PLAN_LIMITS.bytes };

/** Where remediations are in the state folder of an agent. */
export function remediationsFolder(stateDir: string): string {
  return path.join(stateDir, 'remediations');
}

type Entry = JournalState['commands'] extends Map<string, infer E> ? E : never;

/** A sweep that a crash interrupted. */
export interface OpenSweep {
  number: number;
  ending: Ending;
  flows: FlowList;
}

/**
 * Runs on disk, from before their first effect until the controller acknowledges them. A run's head describes it; the flows of each sweep
 * are a frozen plan; the journal records for each sweep whether it was received, started and finished, exactly as for commands.
 */
export class RunLog {
  readonly #runs: string;
  readonly #plans: PlanStore;
  readonly #journal: Journal;
  readonly #disk: Disk;

  constructor(directory: string, disk = new Disk()) {
    this.#runs = path.join(directory, 'runs');
    this.#disk = disk;
    this.#plans = new PlanStore(directory, disk, ROOM);
    this.#journal = new Journal(directory, disk);
    disk.removeUnfinished(this.#runs);
  }

  /** See Journal. */
  get damage(): string | undefined {
    return this.#journal.damage;
  }

  /** On disk when it returns, as with all methods below. Throws what the file system throws: then nothing may be touched. */
  keep(head: RunHead): void {
    this.#disk.write(path.join(this.#runs, head.id), RemediationRun.encode({ ...head, part: 0, isLastPart: true }).finish());
  }

  /** Freezes flows that are only reported. */
  show(runId: string, sweep: number, flows: readonly Flow[]): void {
    const writer = this.#plans.begin(sweepId(runId, sweep), 0);
    flows.forEach((flow) => writer.add(flow));
    writer.finish();
  }

  /** Journals a sweep as received, freezes its flows, and journals it as started before the first of them is touched. */
  start(runId: string, sweep: number, ending: Ending, flows: readonly Flow[], atMs: number): void {
    const id = sweepId(runId, sweep);
    this.#journal.append({ kind: 'received', id, seq: '0', epoch: '0', planId: id, way: ending });
    this.show(runId, sweep, flows);
    this.#journal.append({ kind: 'started', id, atMs });
  }

  finish(runId: string, sweep: number, runs: OutcomeRun[]): void {
    this.#journal.append({
      kind: 'finished',
      id: sweepId(runId, sweep),
      result: Buffer.from(Sweep.encode({ number: sweep, flows: [], runs }).finish()).toString('base64'),
    });
  }

  /** Finished sweeps, in order. */
  finished(runId: string): Sweep[] {
    return this.#sweeps(runId).flatMap(([, { result }]) => (result === undefined ? [] : [Sweep.decode(Buffer.from(result, 'base64'))]));
  }

  /** The sweep that was in progress when the agent stopped; at most one. */
  interrupted(runId: string): OpenSweep | undefined {
    const [found] = this.#sweeps(runId).filter(([, { state }]) => state === 'started');
    if (!found) return undefined;
    const [number, { planId, ending }] = found;
    return { number, ending: ending!, flows: this.#plans.load(planId) };
  }

  /** Heads of all readable runs, oldest first: their ids increase with time. */
  heads(): RunHead[] {
    return this.#ids().flatMap((id) => this.#head(id) ?? []);
  }

  /** The messages that report a run; none for one that cannot be read. */
  *parts(runId: string): Generator<RemediationRun, void, void> {
    const head = this.#head(runId);
    if (head) yield* toParts(head, (sweep) => this.#shown(sweepId(runId, sweep)));
  }

  /** Removes a run with all that belongs to it; no effect if it does not exist. */
  forget(runId: string): void {
    if (!this.#ids().includes(runId)) return;
    for (const { number } of this.#head(runId)?.sweeps ?? []) this.#plans.remove(sweepId(runId, number));
    for (const [, { planId }] of this.#sweeps(runId)) {
      this.#plans.remove(planId);
      this.#journal.append({ kind: 'acknowledged', id: planId });
    }
    this.#disk.remove(path.join(this.#runs, runId));
  }

  /** Removes the oldest runs beyond the limits and returns their ids; the newest always stays. */
  trim(): string[] {
    const ids = this.#ids();
    const over = ids.splice(0, Math.max(0, ids.length - MAX_WAITING));
    over.forEach((id) => this.forget(id));
    while (ids.length > 1 && this.#plans.kept().bytes > TRIM_BYTES) {
      const [oldest] = ids.splice(0, 1);
      over.push(oldest!);
      this.forget(oldest!);
    }
    return over;
  }

  close(): void {
    this.#journal.close();
  }

  #ids(): string[] {
    return this.#disk.names(this.#runs);
  }

  #head(runId: string): RunHead | undefined {
    return this.#disk.read(path.join(this.#runs, runId), (bytes) => RemediationRun.decode(bytes));
  }

  /** The flows of a sweep for its report; none where they cannot be read, which the disk has logged. */
  #shown(id: string): FlowList {
    try {
      return this.#plans.load(id);
    } catch (error) {
      if (error instanceof FleetError) return listOf([]);
      throw error;
    }
  }

  #sweeps(runId: string): [number, Entry][] {
    return [...this.#journal.state.commands].flatMap(([id, entry]): [number, Entry][] =>
      id.startsWith(`${runId}-`) ? [[Number(id.slice(runId.length + 1)), entry]] : [],
    );
  }
}

/** The journalled result of a sweep of which it is unknown whether it ran. */
export function unknownSweep(directory: string, id: string, disk: Disk): Uint8Array {
  let count = 0;
  try {
    count = new PlanStore(directory, disk, ROOM).load(id).count;
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
  }
  return Sweep.encode({
    number: Number(id.slice(id.lastIndexOf('-') + 1)),
    flows: [],
    runs: [{ outcome: Outcome.OUTCOME_INDETERMINATE, count }],
  }).finish();
}

function sweepId(runId: string, sweep: number): string {
  return `${runId}-${sweep}`;
}
