/**
 * Numbers for tuples of 32-bit words, assigned from 0 in order of appearance: one lookup per row says which rows are alike. Open addressing
 * in typed arrays.
 */
export class Kinds {
  readonly #width: number;
  #words: Int32Array;
  /** A slot holds a number plus one. */
  #slots = new Int32Array(1024);
  count = 0;

  /** @param width words of a tuple */
  constructor(width: number) {
    this.#width = width;
    this.#words = new Int32Array(width * 256);
  }

  /** The number of a tuple. */
  of(tuple: Int32Array): number {
    const width = this.#width;
    const mask = this.#slots.length - 1;
    for (let slot = hashOf(tuple, 0, width) & mask; ; slot = (slot + 1) & mask) {
      const found = this.#slots[slot]! - 1;
      if (found < 0) return this.#enter(slot, tuple);
      const at = found * width;
      let word = 0;
      while (word < width && this.#words[at + word] === tuple[word]) word++;
      if (word === width) return found;
    }
  }

  #enter(slot: number, tuple: Int32Array): number {
    const width = this.#width;
    if (this.#words.length === this.count * width) {
      const words = new Int32Array(this.#words.length * 2);
      words.set(this.#words);
      this.#words = words;
    }
    this.#words.set(tuple, this.count * width);
    this.#slots[slot] = ++this.count;
    if (2 * this.count > this.#slots.length) this.#grow();
    return this.count - 1;
  }

  #grow(): void {
    const slots = (this.#slots = new Int32Array(this.#slots.length * 4));
    const mask = slots.length - 1;
    for (let index = 0; index < this.count; index++) {
      let slot = hashOf(this.#words, index * this.#width, this.#width) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = index + 1;
    }
  }
}

/** The high bits of the product depend on every word; the low ones choose the slot. */
function hashOf(words: Int32Array, at: number, width: number): number {
  let hash = 0;
  for (let word = at; word < at + width; word++) hash = Math.imul(hash ^ words[word]!, 0x9e3779b1);
  return (hash ^ (hash >>> 15)) >>> 0;
}
