import { Sample } from '../../proto/gen/ctfleet/v1/stats.ts';

/** What one collector knows of a sample. What it does not know is absent. */
export type Measures = Partial<Omit<Sample, 'atMs'>>;

/**
 * Gathers some measures of a gateway. A new one is a file here, its fields in `stats.proto` and, where it is a number, its line in
 * `proto/model/measures.ts`; the compiler then asks for the rest.
 */
export interface Collector {
  /** In the log, where it fails. */
  readonly name: string;
  /** Without it there is no sample. Of others that fail the sample goes without. */
  readonly isNeeded?: true;
  /** @param before what the collectors before it have gathered for the same sample */
  collect(before: Measures): Promise<Measures>;
}

/** Asks collectors, in their order, for one sample after another. */
export class Sampler {
  readonly #collectors: readonly Collector[];
  readonly #now: () => number;
  readonly #onError: (collector: string, error: unknown) => void;

  /** @param now milliseconds since 1970 */
  constructor(collectors: readonly Collector[], now: () => number, onError: (collector: string, error: unknown) => void) {
    [this.#collectors, this.#now, this.#onError] = [collectors, now, onError];
  }

  /** Throws what a collector throws that is needed. */
  async sample(): Promise<Sample> {
    const sample = Sample.fromPartial({});
    for (const collector of this.#collectors) {
      try {
        Object.assign(sample, await collector.collect(sample));
      } catch (error) {
        if (collector.isNeeded) throw error;
        this.#onError(collector.name, error);
      }
    }
    sample.atMs = BigInt(this.#now());
    return sample;
  }
}
