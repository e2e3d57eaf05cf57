import { mutated } from './mutate.ts';
import type { Random } from './random.ts';

const MAX_KEPT = 400;

/** Valid frames as they were generated, kept to be mutated. */
export class Corpus {
  readonly #random: Random;
  readonly #frames: Buffer[];

  constructor(random: Random, first: Buffer[]) {
    [this.#random, this.#frames] = [random, [...first]];
  }

  /** Keeps a sample of them; returns its argument. */
  keep(frame: Buffer): Buffer {
    if (this.#frames.length < MAX_KEPT) this.#frames.push(frame);
    else if (this.#random.perMille(20)) this.#frames[this.#random.below(MAX_KEPT)] = frame;
    return frame;
  }

  mutated(): Buffer {
    return mutated(this.#random, this.#random.pick(this.#frames), this.#frames);
  }
}
