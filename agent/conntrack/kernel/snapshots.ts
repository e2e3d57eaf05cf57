import { Columns } from '../rows/columns.ts';
import { walkInto } from '../ctnetlink/dump.ts';
import { monotonicMs } from '../../time/monotonic.ts';

/**
 * One walk of the table as columns. The kernel was asked at `beganAt`, so nothing that changed before is missing; `atMs` is the same moment
 * as a date.
 */
export interface Snapshot {
  columns: Columns;
  atMs: number;
  beganAt: number;
  /** Who still reads it after the query was left; while it is more than 0 its memory is not used for another. */
  readers: number;
}

/**
 * How old an answer may be: begun at most `maxAgeMs` before the query was asked. Both in milliseconds of the monotonic clock of the
 * machine.
 */
export interface Freshness {
  askedAt: number;
  maxAgeMs: number;
}

/** How long a snapshot that nobody asks for takes up memory. */
const KEPT_MS = 60_000;

/**
 * The newest snapshot of the whole table. Queries that were asked before its walk began are answered from it even if they want no older
 * answer than themselves, so that ten queries at a time walk the kernel once. What this agent changes itself makes it too old for all
 * later ones.
 */
export class Snapshots {
  readonly #now: () => number;
  readonly #monotonic: () => number;
  readonly #read: typeof walkInto;
  #latest: Snapshot | undefined;
  #changedAt = -Infinity;
  /** Of the largest table seen lately, so that columns seldom have to grow. */
  #expected = 1024;
  #forget: NodeJS.Timeout | undefined;

  constructor({ now, monotonic = monotonicMs, read = walkInto }: { now: () => number; monotonic?: () => number; read?: typeof walkInto }) {
    this.#now = now;
    this.#monotonic = monotonic;
    this.#read = read;
  }

  /** The newest snapshot if it is fresh enough. */
  fresh({ askedAt, maxAgeMs }: Freshness): Snapshot | undefined {
    return this.#latest && this.#latest.beganAt >= Math.max(askedAt - maxAgeMs, this.#changedAt) ? this.#latest : undefined;
  }

  /** The newest snapshot however old it is; good for guesses. */
  get latest(): Snapshot | undefined {
    return this.#latest;
  }

  /** Takes a new one. `expected`: entries in the table, if known. `checkpoint` is called after each block and may throw to end the walk. */
  take(checkpoint: () => void, expected = this.#expected): Snapshot {
    const before = this.#latest;
    this.#latest = undefined; // before the walk, so that memory holds one snapshot and not two
    const capacity = Math.ceil(expected * 1.05);
    const columns = before && before.readers === 0 ? before.columns : new Columns(capacity);
    columns.clear(capacity);
    const beganAt = this.#monotonic();
    const atMs = this.#now();
    for (const _ of this.#read(columns)) checkpoint();
    this.#expected = columns.count;
    this.#latest = { columns, atMs, beganAt, readers: 0 };
    clearTimeout(this.#forget);
    this.#forget = setTimeout(() => {
      this.#latest = undefined;
    }, KEPT_MS).unref();
    return this.#latest;
  }

  /** The table was changed by this agent: no later query may be answered from what was seen before. */
  changed(): void {
    this.#changedAt = this.#monotonic();
  }

  close(): void {
    clearTimeout(this.#forget);
    this.#latest = undefined;
  }
}
