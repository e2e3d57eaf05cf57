import type { Sample } from '../../proto/gen/ctfleet/v1/stats.ts';
import type { ControllerClock } from '../time/controller-clock.ts';

/** Samples in one message; about 60 KiB with many CPUs. */
const BATCH = 60;

/**
 * Samples until the controller has them, oldest first, each with its own time by the controller's clock. Holds a day at one each 10 s and
 * then forgets the oldest, which the history shows as a gap.
 */
export class Spool {
  readonly #controllerClock: Pick<ControllerClock, 'offsetMs'>;
  readonly #samples: Sample[] = [];
  readonly #most: number;
  #isTimeKnown = false;
  #sent: { batch: bigint; count: number } | undefined;
  #nextBatch = 1n;

  constructor(controllerClock: Pick<ControllerClock, 'offsetMs'>, most = 8640) {
    this.#controllerClock = controllerClock;
    this.#most = most;
  }

  get size(): number {
    return this.#samples.length;
  }

  /** `sample`: with times by this gateway's clock. */
  add(sample: Sample): void {
    this.#samples.push(shifted(sample, this.#controllerClock.offsetMs()));
    if (this.#samples.length <= this.#most) return;
    this.#samples.shift();
    if (this.#sent && this.#sent.count > 0) this.#sent.count--;
  }

  /** A welcome came. Samples from before the first bear the gateway's own clock, and are moved to the controller's. */
  welcomed(): void {
    if (this.#isTimeKnown) return;
    this.#isTimeKnown = true;
    const offsetMs = this.#controllerClock.offsetMs();
    for (const [index, sample] of this.#samples.entries()) this.#samples[index] = shifted(sample, offsetMs);
  }

  /** The next batch, undefined if there is none or one is under way. */
  take(): { batch: bigint; samples: Sample[] } | undefined {
    if (this.#sent || this.#samples.length === 0) return undefined;
    const samples = this.#samples.slice(0, BATCH);
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
}

/** A walk of the table has a time of its own, by the same clock. */
function shifted(sample: Sample, byMs: number): Sample {
  const by = BigInt(Math.round(byMs));
  const { breakdown } = sample;
  return { ...sample, atMs: sample.atMs + by, breakdown: breakdown && { ...breakdown, atMs: breakdown.atMs + by } };
}
