import type { Sample } from '../../proto/gen/ctfleet/v1/stats.ts';

/** Samples in one message; about 60 KiB with many CPUs. */
const BATCH = 60;

/**
 * Samples until the controller has them, oldest first, each with its own time. Holds a day at one each 10 s and then forgets
 * the oldest, which the history shows as a gap.
 */
export class Spool {
  readonly #samples: Sample[] = [];
  readonly #most: number;
  #sent: { batch: bigint; count: number } | undefined;
  #nextBatch = 1n;

  constructor(most = 8640) {
    this.#most = most;
  }

  get size(): number {
    return this.#samples.length;
  }

  /** `offsetMs`: how far the controller's clock is ahead of the one that the sample was taken by. */
  add(sample: Sample, offsetMs = 0): void {
    this.#samples.push(shifted(sample, offsetMs));
    if (this.#samples.length <= this.#most) return;
    this.#samples.shift();
    if (this.#sent && this.#sent.count > 0) this.#sent.count--;
  }

  /** Moves the times of all samples: those from before the first welcome bear the gateway's own clock. */
  shift(byMs: number): void {
    for (const [index, sample] of this.#samples.entries()) this.#samples[index] = shifted(sample, byMs);
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
