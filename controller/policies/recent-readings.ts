/** What was read so lately that an agent need not be asked again; whoever applies it compares once more. */
export const FRESH_MS = 5000;
const MAX_KEPT = 500;

/** The last readings, by what they are of: at most so many, and none that is older. */
export class RecentReadings<Reading> {
  readonly #clock: () => number;
  readonly #kept = new Map<string, { atMs: number; reading: Reading }>();

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** Once: after what it was read for, everything may be different. */
  take(key: string): Reading | undefined {
    this.#forget();
    const kept = this.#kept.get(key);
    this.#kept.delete(key);
    return kept?.reading;
  }

  keep(key: string, reading: Reading): void {
    this.#forget();
    this.#kept.delete(key);
    this.#kept.set(key, { atMs: this.#clock(), reading });
    if (this.#kept.size > MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
  }

  /** In the order in which they were kept. */
  #forget(): void {
    const oldest = this.#clock() - FRESH_MS;
    for (const [key, { atMs }] of this.#kept) {
      if (atMs > oldest) break;
      this.#kept.delete(key);
    }
  }
}
