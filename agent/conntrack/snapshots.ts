import { Columns } from './columns.ts';
import { walkTable } from './walk.ts';

/** One walk of the table as columns. The kernel was asked at `beganAt`, so nothing that changed before is missing; `atMs` is the same moment as a date. */
export interface Snapshot { columns: Columns; atMs: number; beganAt: number }

/** How old an answer may be: begun at most `maxAgeMs` before the question was asked. Both in milliseconds of the monotonic clock of the machine. */
export interface Freshness { askedAt: number; maxAgeMs: number }

/** How long a snapshot that nobody asks for takes up memory. */
const KEPT_MS = 60_000;

/** The monotonic clock in milliseconds, the same in all threads. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/**
 * The newest snapshot of the whole table. Questions that were asked before its walk began are answered from it even if they want no older
 * answer than themselves, so that ten questions at a time walk the kernel once. What this agent changes itself makes it too old for all later ones.
 */
export class Snapshots {
  readonly #now: () => number;
  readonly #monotonic: () => number;
  readonly #read: typeof walkTable;
  #latest: Snapshot | undefined;
  /** Of the largest table seen lately, so that columns seldom have to grow. */
  #expected = 1024;
  #forget: NodeJS.Timeout | undefined;

  constructor({ now, monotonic = monotonicMs, read = walkTable }: { now: () => number; monotonic?: () => number; read?: typeof walkTable }) {
    this.#now = now;
    this.#monotonic = monotonic;
    this.#read = read;
  }

  /** The newest snapshot if it is fresh enough. */
  fresh({ askedAt, maxAgeMs }: Freshness): Snapshot | undefined {
    return this.#latest && this.#latest.beganAt >= askedAt - maxAgeMs ? this.#latest : undefined;
  }

  /** The newest snapshot however old it is; good for guesses. */
  get latest(): Snapshot | undefined {
    return this.#latest;
  }

  /** Takes a new one. `expected`: entries in the table, if known. `checkpoint` is called after each block and may throw to end the walk. */
  take(checkpoint: () => void, expected = this.#expected): Snapshot {
    this.#latest = undefined; // before the new columns, so that memory holds one snapshot and not two
    const beganAt = this.#monotonic();
    const atMs = this.#now();
    const columns = new Columns(Math.ceil(expected * 1.05));
    for (const _ of this.#read(undefined, (entry) => columns.append(entry))) checkpoint();
    this.#expected = columns.count;
    this.#latest = { columns, atMs, beganAt };
    clearTimeout(this.#forget);
    this.#forget = setTimeout(() => this.invalidate(), KEPT_MS).unref();
    return this.#latest;
  }

  /** The table was changed by this agent: no later question may be answered from what was seen before. */
  invalidate(): void {
    this.#latest = undefined;
  }

  close(): void {
    clearTimeout(this.#forget);
    this.invalidate();
  }
}
