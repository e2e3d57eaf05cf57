import path from 'node:path';
import { z } from 'zod';
import { runsThatCount, type PastRun } from '../../proto/model/remediation-limits.ts';
import { Disk } from '../disk/disk.ts';

const schema = z.record(z.string(), z.array(z.object({ startedAtMs: z.number(), endedAtMs: z.number().optional() })));

/** When each remediation acted in the last hour, and the last time before that. Kept on disk: a restart gives no new allowance. */
export class RunHistory {
  readonly #file: string;
  readonly #runs: Map<string, PastRun[]>;

  readonly #disk: Disk;

  /**
   * An unreadable file is set aside and treated as missing: only history is lost. A run in the future dates from before a restart after
   * which the gateway's clock was set back: it counts as of now, not for days.
   */
  constructor(directory: string, nowMs: number, disk = new Disk()) {
    this.#file = path.join(directory, 'history.json');
    this.#disk = disk;
    const read = disk.read(this.#file, (bytes) => schema.parse(JSON.parse(bytes.toString('utf8')))) ?? {};
    this.#runs = new Map(Object.entries(read).map(([id, runs]) => [id, runs.map((run) => notAfter(run, nowMs))]));
  }

  of(remediationId: string): readonly PastRun[] {
    return this.#runs.get(remediationId) ?? [];
  }

  /** On disk when it returns; throws what the file system throws. */
  began(remediationId: string, atMs: number): void {
    this.#runs.set(remediationId, [...runsThatCount(this.of(remediationId), atMs), { startedAtMs: atMs }]);
    this.#write();
  }

  /** The run that began last has ended. If that cannot be written, it is remembered until a restart; after that only the start counts. */
  ended(remediationId: string, atMs: number): void {
    const last = this.#runs.get(remediationId)?.at(-1);
    if (last) last.endedAtMs = atMs;
    try {
      this.#write();
    } catch (error) {
      this.#disk.tell('the end of a run could not be stored', this.#file, error);
    }
  }

  #write(): void {
    this.#disk.write(this.#file, JSON.stringify(Object.fromEntries(this.#runs)));
  }
}

function notAfter({ startedAtMs, endedAtMs }: PastRun, nowMs: number): PastRun {
  return { startedAtMs: Math.min(startedAtMs, nowMs), endedAtMs: endedAtMs && Math.min(endedAtMs, nowMs) };
}
