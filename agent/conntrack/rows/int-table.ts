const NONE = -1;

/** Numbers by 32-bit keys, in one typed array with open addressing: several times as fast as a Map for a lookup per row of a snapshot. */
export class IntTable {
  /** Pairs of key and value, so that both share a cache line. */
  #cells: Int32Array;
  #size = 0;
  /** Shifts 32 bits down to the bits of an index. */
  #shift: number;

  /** @param expected approximate number of keys */
  constructor(expected = 500) {
    const bits = Math.ceil(Math.log2(4 * expected + 2));
    this.#cells = new Int32Array(2 ** bits).fill(NONE);
    this.#shift = 32 - bits;
  }

  /** The value of a key, -1 if it has none. */
  get(key: number): number {
    return this.#cells[this.#placeOf(key | 0) + 1]!;
  }

  /** Sets a value, 0 or more. */
  set(key: number, value: number): void {
    const place = this.#placeOf(key | 0);
    if (this.#cells[place + 1] === NONE) this.#enter(place, key | 0, value);
    else this.#cells[place + 1] = value;
  }

  /** Increments the count of a key. */
  count(key: number): void {
    const place = this.#placeOf(key | 0);
    if (this.#cells[place + 1] === NONE) this.#enter(place, key | 0, 1);
    else this.#cells[place + 1]!++;
  }

  /** All keys, unsigned, with their values, in no particular order. */
  entries(): [key: number, value: number][] {
    const found: [number, number][] = [];
    const cells = this.#cells;
    for (let place = 0; place < cells.length; place += 2)
      if (cells[place + 1] !== NONE) found.push([cells[place]! >>> 0, cells[place + 1]!]);
    return found;
  }

  /** The `rank` largest values with their keys, largest first; equal values by `orderOf` of the key. */
  largest(rank: number, orderOf: (key: number) => number): [key: number, value: number][] {
    const cells = this.#cells;
    const top: { key: number; value: number; order: number }[] = [];
    let least = 0;
    for (let place = 0; place < cells.length; place += 2) {
      const value = cells[place + 1]!;
      if (value < least || value === NONE) continue;
      const key = cells[place]! >>> 0;
      const one = { key, value, order: orderOf(key) };
      const at = top.findIndex((other) => other.value < value || (other.value === value && other.order > one.order));
      if (at < 0 && top.length === rank) continue;
      top.splice(at < 0 ? top.length : at, 0, one);
      top.length = Math.min(top.length, rank);
      if (top.length === rank) least = top[rank - 1]!.value;
    }
    return top.map(({ key, value }) => [key, value]);
  }

  #enter(place: number, key: number, value: number): void {
    this.#cells[place] = key;
    this.#cells[place + 1] = value;
    if (4 * ++this.#size > this.#cells.length) this.#grow();
  }

  #placeOf(key: number): number {
    const cells = this.#cells;
    const mask = cells.length - 2;
    // The highest bits of the product depend on the whole key; sources of one network differ in their lowest bits.
    let place = (Math.imul(key, 0x9e3779b1) >>> this.#shift) & mask;
    while (cells[place + 1] !== NONE && cells[place] !== key) place = (place + 2) & mask;
    return place;
  }

  #grow(): void {
    const before = this.#cells;
    this.#cells = new Int32Array(before.length * 2).fill(NONE);
    this.#shift--;
    for (let at = 0; at < before.length; at += 2) {
      if (before[at + 1] === NONE) continue;
      const place = this.#placeOf(before[at]!);
      this.#cells[place] = before[at]!;
      this.#cells[place + 1] = before[at + 1]!;
    }
  }
}
