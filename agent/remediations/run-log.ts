import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { RemediationRun, RemediationRun_Sweep as Sweep } from '../../proto/gen/ctfleet/v1/remediation.ts';
import type { OutcomeRun } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { Journal, type JournalState, type Way } from '../operations/journal.ts';
import { PlanStore } from '../operations/plan-store.ts';
import { toParts, type RunHead } from './run-parts.ts';

/** Reports that wait for a controller; beyond it the oldest is forgotten, so that a gateway without one does not fill its disk. */
const MOST_WAITING = 500;

type Entry = JournalState['commands'] extends Map<string, infer E> ? E : never;

/** A sweep that a crash interrupted. */
export interface OpenSweep { number: number; way: Way; flows: Flow[] }

/**
 * Runs on disk, from before their first effect until the controller has them on record. A run's head says what it is; the flows of each
 * sweep are a frozen plan; the journal says of each sweep whether it was received, started and finished, exactly as of commands.
 */
export class RunLog {
  readonly #runs: string;
  readonly #plans: PlanStore;
  readonly #journal: Journal;

  constructor(directory: string) {
    this.#runs = path.join(directory, 'runs');
    mkdirSync(this.#runs, { recursive: true, mode: 0o700 });
    this.#plans = new PlanStore(directory);
    this.#journal = new Journal(directory);
  }

  /** On disk when it returns, as all that follows. Throws what the file system throws: then nothing may be touched. */
  keep(head: RunHead): void {
    const file = path.join(this.#runs, head.id);
    const fd = openSync(`${file}.part`, 'w', 0o600);
    try {
      writeSync(fd, RemediationRun.encode({ ...head, part: 0, isLastPart: true }).finish());
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(`${file}.part`, file);
  }

  /** Freezes flows that are only shown. */
  show(runId: string, sweep: number, flows: readonly Flow[]): void {
    const writer = this.#plans.begin(sweepId(runId, sweep), 0);
    flows.forEach((flow) => writer.add(flow));
    writer.finish();
  }

  /** Promises a sweep, freezes its flows, and says that the first of them is about to be touched. */
  start(runId: string, sweep: number, way: Way, flows: readonly Flow[], atMs: number): void {
    const id = sweepId(runId, sweep);
    this.#journal.append({ kind: 'received', id, seq: '0', epoch: '0', planId: id, way });
    this.show(runId, sweep, flows);
    this.#journal.append({ kind: 'started', id, atMs });
  }

  finish(runId: string, sweep: number, runs: OutcomeRun[]): void {
    this.#journal.append({ kind: 'finished', id: sweepId(runId, sweep), result: Buffer.from(Sweep.encode({ number: sweep, flows: [], runs }).finish()).toString('base64') });
  }

  /** Sweeps that finished, in their order. */
  finished(runId: string): Sweep[] {
    return this.#sweeps(runId).flatMap(([, { result }]) => (result === undefined ? [] : [Sweep.decode(Buffer.from(result, 'base64'))]));
  }

  /** The sweep that had started when the agent ended; there is one at most. */
  interrupted(runId: string): OpenSweep | undefined {
    const [found] = this.#sweeps(runId).filter(([, { state }]) => state === 'started');
    if (!found) return undefined;
    const [number, { planId, way }] = found;
    return { number, way: way!, flows: this.#plans.load(planId).flows };
  }

  /** Heads of all runs here, oldest first: their ids rise with time. */
  heads(): RunHead[] {
    return this.#ids().map((id) => this.#head(id));
  }

  /** A run as it is reported. */
  parts(runId: string): Generator<RemediationRun, void, void> {
    return toParts(this.#head(runId), (sweep) => this.#plans.load(sweepId(runId, sweep)).flows);
  }

  /** Forgets a run with all that belongs to it. One that is not here is no matter. */
  forget(runId: string): void {
    if (!this.#ids().includes(runId)) return;
    for (const { number } of this.#head(runId).sweeps) this.#plans.remove(sweepId(runId, number));
    for (const [, { planId }] of this.#sweeps(runId)) {
      this.#plans.remove(planId);
      this.#journal.append({ kind: 'acknowledged', id: planId });
    }
    rmSync(path.join(this.#runs, runId), { force: true });
  }

  /** Forgets the oldest of what is more than may wait, and says which. */
  trim(): string[] {
    const over = this.#ids().slice(0, -MOST_WAITING);
    over.forEach((id) => this.forget(id));
    return over;
  }

  close(): void {
    this.#journal.close();
  }

  #ids(): string[] {
    return readdirSync(this.#runs).filter((name) => !name.endsWith('.part')).sort();
  }

  #head(runId: string): RunHead {
    return RemediationRun.decode(readFileSync(path.join(this.#runs, runId)));
  }

  #sweeps(runId: string): [number, Entry][] {
    return [...this.#journal.state.commands].flatMap(([id, entry]): [number, Entry][] => (id.startsWith(`${runId}-`) ? [[Number(id.slice(runId.length + 1)), entry]] : []));
  }
}

function sweepId(runId: string, sweep: number): string {
  return `${runId}-${sweep}`;
}
