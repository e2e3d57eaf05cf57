import type { Freshness } from './snapshots.ts';

/** Of a part of the table this many entries are kept at most; a larger part is read again. */
const MAX_ENTRIES = 20_000;
/** How long a reading that nobody asks for takes up memory. */
const KEPT_MS = 10_000;

interface Readable {
  columns: { count: number };
  /** On the monotonic clock, in milliseconds. */
  beganAt: number;
}

/**
 * The newest reading that the kernel filtered, so that a search which asks for more of the same rows walks the table once. It is good for
 * the same kernel filter only, and for no query after a change of our own.
 */
export class KeptReading<Reading extends Readable> {
  #kept: { filter: string; reading: Reading } | undefined;
  #forget: NodeJS.Timeout | undefined;

  fresh(filter: string, { askedAt, maxAgeMs }: Freshness): Reading | undefined {
    return this.#kept?.filter === filter && this.#kept.reading.beganAt >= askedAt - maxAgeMs ? this.#kept.reading : undefined;
  }

  keep(filter: string, reading: Reading): void {
    this.forget();
    if (reading.columns.count > MAX_ENTRIES) return;
    this.#kept = { filter, reading };
    this.#forget = setTimeout(() => this.forget(), KEPT_MS).unref();
  }

  forget(): void {
    clearTimeout(this.#forget);
    this.#kept = undefined;
  }
}
