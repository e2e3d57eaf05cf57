import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Disk } from './disk/disk.ts';

const FILE = 'state.json';
/** A sample alone is written this often: it would wear out a flash memory. */
const MIN_BETWEEN_WRITES_MS = 60_000;
/** A running agent writes more often than this, whatever its sample interval. */
export const MAX_STATE_AGE_MS = 660_000 + MIN_BETWEEN_WRITES_MS;

const schema = z.object({
  version: z.string(),
  pid: z.number(),
  writtenAtMs: z.number(),
  link: z.object({ isOnline: z.boolean(), sinceMs: z.number(), reason: z.string(), controller: z.string() }).optional(),
  sample: z.object({ atMs: z.number(), count: z.number(), max: z.number().optional() }).optional(),
});

/** What a running agent says of itself to whoever asks on its own machine. Times are milliseconds since 1970. */
export type ToldState = z.output<typeof schema>;

/** Keeps ToldState in the state folder, readable by the agent's user only. A disk that is full costs nothing but this. */
export class StateFile {
  readonly #file: string;
  readonly #disk: Pick<Disk, 'write'>;
  readonly #now: () => number;
  readonly #onError: (error: unknown) => void;
  #state: ToldState;
  #isToldOfError = false;

  constructor({ stateDir, disk, now, version, pid, onError }: StateFileOptions) {
    this.#file = path.join(stateDir, FILE);
    this.#disk = disk;
    this.#now = now;
    this.#onError = onError;
    this.#state = { version, pid, writtenAtMs: Number.NEGATIVE_INFINITY };
  }

  /** The link is up or down; written at once where that is news. */
  linkIs(isOnline: boolean, controller: string, reason = ''): void {
    const { link } = this.#state;
    if (link?.isOnline === isOnline && link.controller === controller && link.reason === reason) return;
    const sinceMs = link?.isOnline === isOnline ? link.sinceMs : this.#now();
    this.#write({ link: { isOnline, sinceMs, reason, controller } });
  }

  sampled(sample: NonNullable<ToldState['sample']>): void {
    const isDue = this.#state.sample === undefined || this.#now() - this.#state.writtenAtMs >= MIN_BETWEEN_WRITES_MS;
    if (isDue) this.#write({ sample });
  }

  #write(news: Partial<ToldState>): void {
    this.#state = { ...this.#state, ...news, writtenAtMs: this.#now() };
    try {
      this.#disk.write(this.#file, `${JSON.stringify(this.#state)}\n`);
    } catch (error) {
      if (!this.#isToldOfError) this.#onError(error);
      this.#isToldOfError = true;
    }
  }
}

export interface StateFileOptions {
  stateDir: string;
  disk: Pick<Disk, 'write'>;
  now: () => number;
  version: string;
  pid: number;
  /** Told of the first failure only. */
  onError: (error: unknown) => void;
}

/** What the agent last said; undefined where it never ran, or the file is damaged. Throws EACCES for another user. */
export function readToldState(stateDir: string): ToldState | undefined {
  let text: string;
  try {
    text = readFileSync(path.join(stateDir, FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
