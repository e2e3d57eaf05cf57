import { setTimeout as delay } from 'node:timers/promises';
import { progressOf } from './collect.ts';

const LOOK_MS = 250;

/** Looks at Postgres again and again: how many commands are under way, and when one ended. While Postgres is away it sees nothing. */
export class ProgressWatch {
  unfinished = 0;
  readonly #databaseUrl: string;
  readonly #looks: { atMs: number; finished: number }[] = [];
  #isEnded = false;

  constructor(databaseUrl: string) {
    this.#databaseUrl = databaseUrl;
    void this.#watch();
  }

  end(): void {
    this.#isEnded = true;
  }

  /** When something ended that had not ended by then; undefined if nothing did any more. */
  async finishAfter(atMs: number): Promise<number | undefined> {
    while (!this.#isEnded) {
      const before = this.#looks.findLast((look) => look.atMs <= atMs)?.finished ?? 0;
      const found = this.#looks.find((look) => look.atMs > atMs && look.finished > before);
      if (found) return found.atMs;
      await delay(LOOK_MS);
    }
    return undefined;
  }

  /** When nothing was under way any more, as a look that began after this call saw; undefined if that was not so by the deadline. */
  async untilNothingIsLeft(deadlineMs: number): Promise<number | undefined> {
    const askedMs = Date.now() + LOOK_MS;
    while (Date.now() < deadlineMs) {
      await delay(LOOK_MS);
      const lookedMs = this.#looks.at(-1)?.atMs ?? 0;
      if (this.unfinished === 0 && lookedMs > askedMs) return lookedMs;
    }
    return undefined;
  }

  async #watch(): Promise<void> {
    while (!this.#isEnded) {
      await progressOf(this.#databaseUrl).then(
        ({ unfinished, finished }) => {
          this.unfinished = unfinished;
          this.#looks.push({ atMs: Date.now(), finished });
        },
        () => undefined,
      );
      await delay(LOOK_MS);
    }
  }
}
