import type { Sample } from '../../proto/gen/ctfleet/v1/stats.ts';
import type { ControllerClock } from '../time/controller-clock.ts';

/** Samples in one message; about 60 KiB with many CPUs. */
const BATCH = 60;

/**
 * Samples until the controller has them, oldest first, each with its own time by the controller's clock, given once. Holds a day at one
 * each 10 s and then forgets the oldest, which the history shows as a gap.
 */
export class Spool {
  readonly #controllerClock: Pick<ControllerClock, 'offsetMs' | 'isSure'>;
  readonly #samples: Sample[] = [];
  readonly #most: number;
  /** The newest ones that still have this gateway's time, because the controller's was not known well when they were taken. */
  #undated = 0;
  #sent: { batch: bigint; count: number } | undefined;
  #nextBatch = 1n;

  constructor(controllerClock: Pick<ControllerClock, 'offsetMs' | 'isSure'>, most = 8640) {
    this.#controllerClock = controllerClock;
    this.#most = most;
  }

  get size(): number {
    return this.#samples.length;
  }

  /** `sample`: with times by this gateway's clock. */
  add(sample: Sample): void {
    this.#samples.push(sample);
    this.#undated++;
    this.#date();
    if (this.#samples.length <= this.#most) return;
    this.#samples.shift();
    this.#undated = Math.min(this.#undated, this.#samples.length);
    if (this.#sent && this.#sent.count > 0) this.#sent.count--;
  }

  /** The next batch, undefined if there is none, one is under way, or the controller's time is not known well yet. */
  take(): { batch: bigint; samples: Sample[] } | undefined {
    this.#date();
    const samples = this.#samples.slice(0, Math.min(BATCH, this.#samples.length - this.#undated));
    if (this.#sent || samples.length === 0) return undefined;
    this.#sent = { batch: this.#nextBatch++, count: samples.length };
    return { batch: this.#sent.batch, samples };
  }

  /** The controller has that batch on record. */
  received(batch: bigint): void {
    if (this.#sent?.batch !== batch) return;
    this.#samples.splice(0, this.#sent.count);
    this.#sent = undefined;
  }

  /** The session ended: what was under way goes again. */
  reset(): void {
    this.#sent = undefined;
  }

  #date(): void {
    if (!this.#controllerClock.isSure) return;
    const offsetMs = this.#controllerClock.offsetMs();
    for (let index = this.#samples.length - this.#undated; index < this.#samples.length; index++)
      this.#samples[index] = shifted(this.#samples[index]!, offsetMs);
    this.#undated = 0;
  }
}

/** A walk of the table has a time of its own, by the same clock. */
function shifted(sample: Sample, byMs: number): Sample {
  const by = BigInt(Math.round(byMs));
  const { breakdown } = sample;
  return { ...sample, atMs: sample.atMs + by, breakdown: breakdown && { ...breakdown, atMs: breakdown.atMs + by } };
}
