/** What a trial found wrong, by kind; the first example of each kind is kept in full. */
export class Findings {
  readonly #kinds = new Map<string, { count: number; example: string }>();

  add(kind: string, example: string): void {
    const place = kind
      .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID')
      .replace(/\d{4,}/g, 'N')
      .slice(0, 300);
    const known = this.#kinds.get(place);
    if (known) known.count += 1;
    else {
      this.#kinds.set(place, { count: 1, example: example.slice(0, 4000) });
      // Printed at once: a trial of several hours may not survive to its end.
      console.error(`ctfleet: found: ${place}\n${example.slice(0, 500)}`);
    }
  }

  get count(): number {
    return [...this.#kinds.values()].reduce((sum, { count }) => sum + count, 0);
  }

  /** Most frequent first. */
  list(): { kind: string; count: number; example: string }[] {
    return [...this.#kinds].map(([kind, found]) => ({ kind, ...found })).sort((a, b) => b.count - a.count);
  }
}

/** Counts by word. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(word: string, count = 1): void {
    this.#counts.set(word, (this.#counts.get(word) ?? 0) + count);
  }

  get(word: string): number {
    return this.#counts.get(word) ?? 0;
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([, a], [, b]) => b - a));
  }
}

/** How a trial is to run: up to `count`, or for this many seconds if that ends sooner. */
export interface TrialOptions {
  count: number;
  seed: number;
  seconds: number;
  onProgress?: (line: string) => void;
}

/** The outcome. Sizes in MB. */
export interface TrialReport {
  trial: string;
  count: number;
  failures: number;
  crashes: number;
  rssGrowthMb: number;
  perSecond: number;
  tally: Tally;
  findings: ReturnType<Findings['list']>;
}

/** Prints a trial's progress, at most every five seconds. */
export class Progress {
  readonly beganMs = performance.now();
  readonly #options: TrialOptions;
  #saidMs = 0;

  constructor(options: TrialOptions) {
    this.#options = options;
  }

  /** True while there is more to do. */
  goesOn(done: number, say: () => string): boolean {
    const nowMs = performance.now();
    if (this.#options.onProgress && nowMs - this.#saidMs > 5000) {
      this.#saidMs = nowMs;
      this.#options.onProgress(`${done} in ${Math.round((nowMs - this.beganMs) / 1000)} s, ${say()}`);
    }
    return done < this.#options.count && nowMs - this.beganMs < this.#options.seconds * 1000;
  }

  /** Whether the program has run for long enough that its size counts: after `warmCount`, or half of the trial. */
  isWarm(done: number, warmCount: number): boolean {
    const { count, seconds } = this.#options;
    return done >= Math.min(warmCount, count / 2) || performance.now() - this.beganMs >= seconds * 500;
  }

  perSecond(done: number): number {
    return Math.round(done / ((performance.now() - this.beganMs) / 1000));
  }
}
