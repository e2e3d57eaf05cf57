import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ofLastHour, type PastRun } from './run-limits.ts';

const schema = z.record(z.string(), z.array(z.object({ startedAtMs: z.number(), endedAtMs: z.number().optional() })));

/** When each remediation touched something in the last hour, on disk: a restart gives no new allowance. */
export class RunHistory {
  readonly #file: string;
  readonly #runs: Map<string, PastRun[]>;

  /**
   * A file that cannot be read is as good as none: it is only memory. A run that seems to lie ahead is of a life before, since when the gateway's
   * clock was set back: it counts as one of this moment, and not for days.
   */
  constructor(directory: string, nowMs: number) {
    this.#file = path.join(directory, 'history.json');
    this.#runs = new Map(existsSync(this.#file) ? Object.entries(read(this.#file)).map(([id, runs]) => [id, runs.map((run) => notAfter(run, nowMs))]) : []);
  }

  of(remediationId: string): readonly PastRun[] {
    return this.#runs.get(remediationId) ?? [];
  }

  /** On disk when it returns; throws what the file system throws. */
  began(remediationId: string, atMs: number): void {
    this.#runs.set(remediationId, [...ofLastHour(this.of(remediationId), atMs), { startedAtMs: atMs }]);
    this.#write();
  }

  /** The run that began last has ended. */
  ended(remediationId: string, atMs: number): void {
    const last = this.#runs.get(remediationId)?.at(-1);
    if (last) last.endedAtMs = atMs;
    this.#write();
  }

  #write(): void {
    writeFileSync(`${this.#file}.next`, JSON.stringify(Object.fromEntries(this.#runs)), { mode: 0o600, flush: true });
    renameSync(`${this.#file}.next`, this.#file);
  }
}

function notAfter({ startedAtMs, endedAtMs }: PastRun, nowMs: number): PastRun {
  return { startedAtMs: Math.min(startedAtMs, nowMs), endedAtMs: endedAtMs && Math.min(endedAtMs, nowMs) };
}

function read(file: string): z.output<typeof schema> {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return {};
  }
}
