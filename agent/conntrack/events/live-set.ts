import { NumberSet } from '../rows/number-set.ts';

/**
 * Which entries are alive, maintained from events, and by a walk whenever events were lost.
 *
 *   stale ── begin ──▶ healing ── finish ──▶ exact
 *     ▲                   │ events were lost    │ events were lost
 *     └───────────────────┴─────────────────────┘
 *
 * The kernel fills a block of a walk before it is read, so an entry may end, and its event be received, before its row is seen: entries
 * that ended since the walk began are remembered, and their rows skipped.
 */
export class LiveSet {
  #alive = new NumberSet();
  /** Entries that ended during the current walk; undefined if there is none. */
  #endedMeanwhile: NumberSet | undefined;
  #isExact = false;

  /** False until the first walk is done, and again while events are missing. */
  get isExact(): boolean {
    return this.#isExact;
  }

  get size(): number {
    return this.#alive.size;
  }

  [Symbol.iterator](): Iterator<number> {
    return this.#alive[Symbol.iterator]();
  }

  born(entry: number): void {
    this.#alive.add(entry);
    this.#endedMeanwhile?.delete(entry);
  }

  ended(entry: number): void {
    this.#alive.delete(entry);
    this.#endedMeanwhile?.add(entry);
  }

  /** Events were lost: the set no longer matches the table. A walk under way is useless too. */
  lost(): void {
    this.#isExact = false;
    this.#endedMeanwhile = undefined;
  }

  /** A walk begins; from here on every event must be passed in. */
  begin(): void {
    this.#alive = new NumberSet();
    this.#endedMeanwhile = new NumberSet();
  }

  /** An entry that the walk met. */
  met(entry: number): void {
    if (!this.#endedMeanwhile?.has(entry)) this.#alive.add(entry);
  }

  /** The walk is done. False if events were lost meanwhile, and another is needed. */
  finish(): boolean {
    this.#isExact = this.#endedMeanwhile !== undefined;
    this.#endedMeanwhile = undefined;
    return this.#isExact;
  }
}
