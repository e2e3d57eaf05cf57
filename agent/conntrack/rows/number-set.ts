const EMPTY = -1;
const LEAST = 1024;

/**
 * A set of whole numbers from 0 to 2^53 in one typed array: a million entries that come and go leave nothing for the garbage collector,
 * while a Set leaves a heap number each. Linear probing; a deletion shifts the following values back, so there are no tombstones.
 */
export class NumberSet implements Iterable<number> {
  #slots = new Float64Array(LEAST).fill(EMPTY);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(value: number): boolean {
    return this.#slots[this.#find(value)] === value;
  }

  add(value: number): void {
    const at = this.#find(value);
    if (this.#slots[at] === value) return;
    this.#slots[at] = value;
    if (++this.#size * 2 > this.#slots.length) this.#grow();
  }

  delete(value: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = this.#find(value);
    if (slots[hole] !== value) return;
    this.#size--;
    for (let at = (hole + 1) & mask; slots[at] !== EMPTY; at = (at + 1) & mask) {
      const home = homeOf(slots[at]!) & mask;
      // A value whose home lies after the hole, wrapping around the end, stays; one that was pushed past the hole moves into it.
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots[hole] = slots[at]!;
      hole = at;
    }
    slots[hole] = EMPTY;
  }

  *[Symbol.iterator](): Generator<number, void, void> {
    for (const value of this.#slots) if (value !== EMPTY) yield value;
  }

  /** The slot of the value, or the empty slot where it belongs. */
  #find(value: number): number {
    const mask = this.#slots.length - 1;
    let at = homeOf(value) & mask;
    while (this.#slots[at] !== value && this.#slots[at] !== EMPTY) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Float64Array(before.length * 2).fill(EMPTY);
    for (const value of before) if (value !== EMPTY) this.#slots[this.#find(value)] = value;
  }
}

/** Hashes both halves: ids fill the upper one. */
function homeOf(value: number): number {
  const high = Math.floor(value / 0x1_0000_0000);
  return Math.imul((value >>> 0) ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b) >>> 7;
}
