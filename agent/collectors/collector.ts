import { Sample } from '../../proto/gen/ctfleet/v1/stats.ts';

/** One collector's part of a sample. What it does not know is absent. */
export type Measures = Partial<Omit<Sample, 'atMs'>>;

/**
 * Gathers some measures of a gateway. To add one: a file here, its fields in `stats.proto` and, if it is a number, its line in
 * `proto/model/measures.ts`; the compiler then asks for the rest.
 */
export interface Collector {
  /** For the log when it fails. */
  readonly name: string;
  /** If it fails there is no sample. If any other fails, the sample only lacks its part. */
  readonly isNeeded?: true;
  /** @param before what the collectors before it have gathered for the same sample */
  collect(before: Measures): Promise<Measures>;
}

/** Takes samples by running the collectors in order. */
export class Sampler {
  readonly #collectors: readonly Collector[];
  readonly #now: () => number;
  readonly #onError: (collector: string, error: unknown) => void;

  /** @param now milliseconds since 1970 */
  constructor(collectors: readonly Collector[], now: () => number, onError: (collector: string, error: unknown) => void) {
    [this.#collectors, this.#now, this.#onError] = [collectors, now, onError];
  }

  /** Throws what a needed collector throws. */
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
