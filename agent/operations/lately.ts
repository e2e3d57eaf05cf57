import path from 'node:path';
import { z } from 'zod';
import { LIMITS_WINDOW_MS } from '../../proto/model/tenant-limits.ts';
import { Disk } from '../disk/disk.ts';

/**
 * Flows allowed to be ended within the last minute; `stale`: how many of them the gateway saw as stuck. `alone`: those ended without a
 * second person's approval, within LIMITS_WINDOW_MS.
 */
export interface EndedFlows {
  flows: number;
  stale: number;
  alone: number;
}

const MINUTE_MS = 60_000;

const schema = z.array(z.object({ atMs: z.number(), flows: z.number(), stale: z.number(), alone: z.number().default(0) }));

/** What was allowed lately. Kept on disk, so that a restarted agent has no new allowance. */
export class Lately {
  readonly #now: () => number;
  readonly #file: string | undefined;
  readonly #disk: Disk;
  #allowed: z.output<typeof schema>;

  /**
   * @param now milliseconds since 1970, by a clock that never goes back
   * @param directory absent: kept in memory only
   */
  constructor(now: () => number, directory?: string, disk = new Disk()) {
    this.#now = now;
    this.#disk = disk;
    this.#file = directory && path.join(directory, 'lately.json');
    // The gateway's clock may have been set back between two runs of the agent: times in the future count as now.
    this.#allowed = this.#load().map((one) => ({ ...one, atMs: Math.min(one.atMs, now()) }));
  }

  ended(): EndedFlows {
    const nowMs = this.#now();
    this.#allowed = this.#allowed.filter(({ atMs }) => nowMs - atMs < LIMITS_WINDOW_MS);
    const ofMinute = this.#allowed.filter(({ atMs }) => nowMs - atMs < MINUTE_MS);
    const sum = (of: readonly EndedFlows[], what: keyof EndedFlows): number => of.reduce((all, one) => all + one[what], 0);
    return { flows: sum(ofMinute, 'flows'), stale: sum(ofMinute, 'stale'), alone: sum(this.#allowed, 'alone') };
  }

  /** On disk when it returns. Throws what the file system throws; then nothing is counted. */
  add({ flows, stale, alone }: EndedFlows): void {
    const allowed = [...this.#allowed, { atMs: this.#now(), flows, stale, alone }];
    if (this.#file !== undefined) this.#disk.write(this.#file, JSON.stringify(allowed));
    this.#allowed = allowed;
  }

  /** An unreadable file is treated as missing: it holds only some minutes. */
  #load(): z.output<typeof schema> {
    return (this.#file !== undefined && this.#disk.read(this.#file, (bytes) => schema.parse(JSON.parse(bytes.toString('utf8'))))) || [];
  }
}

/** True if the gateway sees the flow as stuck on a WAN that can no longer carry it. */
export function isStale({ stale }: { stale?: string }): boolean {
  return stale !== undefined && stale !== 'no';
}
