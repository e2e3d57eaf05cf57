import { setTimeout as delay } from 'node:timers/promises';
import { progressOf } from './collect.ts';

const LOOK_MS = 250;

/** Polls Postgres: how many commands are in progress, and when one ended. While Postgres is down it sees nothing. */
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

  /** When something ended that had not ended by then; undefined if nothing did. */
  async finishAfter(atMs: number): Promise<number | undefined> {
    while (!this.#isEnded) {
      const before = this.#looks.findLast((look) => look.atMs <= atMs)?.finished ?? 0;
      const found = this.#looks.find((look) => look.atMs > atMs && look.finished > before);
      if (found) return found.atMs;
      await delay(LOOK_MS);
    }
    return undefined;
  }

  /** When nothing was in progress any more, as seen by a look that began after this call; undefined if that was not so by the deadline. */
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
