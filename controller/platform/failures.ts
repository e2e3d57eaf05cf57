import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';

const REMIND_MS = 60_000;

interface Going {
  sinceMs: number;
  saidMs: number;
  times: number;
  unsaid: number;
}

/**
 * Logs repeated failures as a change: once when one begins, once a minute while it lasts with the count since, and once when it is
 * resolved. Each is identified by its message, which is constant.
 */
export class Failures {
  readonly #logger: Pick<Logger, 'info' | 'warn'>;
  readonly #clock: Clock;
  readonly #going = new Map<string, Going>();

  constructor(logger: Pick<Logger, 'info' | 'warn'>, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** It failed, perhaps not for the first time. */
  failed(message: string, error: unknown, fields: Record<string, unknown> = {}): void {
    const nowMs = this.#clock();
    const going = this.#going.get(message) ?? { sinceMs: nowMs, saidMs: -Infinity, times: 0, unsaid: 0 };
    this.#going.set(message, going);
    going.times++;
    if (nowMs - going.saidMs < REMIND_MS) {
      going.unsaid++;
      return;
    }
    this.#logger.warn({ ...fields, err: error, ...(going.unsaid > 0 && { alsoUnsaid: going.unsaid }) }, message);
    Object.assign(going, { saidMs: nowMs, unsaid: 0 });
  }

  /** It worked; logs that if it had failed before. */
  worked(message: string): void {
    const going = this.#going.get(message);
    if (!going) return;
    this.#going.delete(message);
    this.#logger.info({ times: going.times, seconds: Math.round((this.#clock() - going.sinceMs) / 1000) }, `resolved: ${message}`);
  }

  /** Runs something that may fail, and records the result. */
  async watch(message: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      this.worked(message);
    } catch (error) {
      this.failed(message, error);
    }
  }
}
