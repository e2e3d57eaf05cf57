/** Numbers by 32-bit keys in typed arrays with open addressing: several times as fast as a Map where a key is looked up for each row of a snapshot. */
export class IntTable {
  #keys = new Int32Array(1024);
  #values = new Int32Array(1024).fill(NONE);
  #size = 0;

  /** The value of a key, -1 if it has none. */
  get(key: number): number {
    return this.#values[this.#slotOf(key | 0)]!;
  }

  /** Sets a value, 0 or more. */
  set(key: number, value: number): void {
    this.#values[this.#take(key | 0)] = value;
  }

  /** Counts a key once more. */
  count(key: number): void {
    const slot = this.#slotOf(key | 0);
    if (this.#values[slot] === NONE) this.#values[this.#take(key | 0)] = 1;
    else this.#values[slot]!++;
  }

  /** All keys without sign, in no order. */
  *entries(): Generator<[key: number, value: number], void, void> {
    for (let slot = 0; slot < this.#values.length; slot++) if (this.#values[slot] !== NONE) yield [this.#keys[slot]! >>> 0, this.#values[slot]!];
  }

  /** The value that so many keys and `others` have or surpass; 0 if there are not so many. */
  nthLargest(rank: number, others: Iterable<number>): number {
    const largest = new Int32Array(rank);
    const offer = (value: number): void => {
      if (value <= largest[0]!) return;
      largest[0] = value;
      largest.sort();
    };
    for (let slot = 0; slot < this.#values.length; slot++) offer(this.#values[slot]!);
    for (const value of others) offer(value);
    return largest[0]!;
  }

  /** The slot of a key, with its value there to be set. */
  #take(key: number): number {
    let slot = this.#slotOf(key);
    if (this.#values[slot] !== NONE) return slot;
    if (2 * ++this.#size > this.#keys.length) {
      this.#grow();
      slot = this.#slotOf(key);
    }
    this.#keys[slot] = key;
    return slot;
  }

  #slotOf(key: number): number {
    const [keys, values] = [this.#keys, this.#values];
    const mask = keys.length - 1;
    let slot = (Math.imul(key, 0x9e3779b1) >>> 7) & mask;
    while (values[slot] !== NONE && keys[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const [keys, values] = [this.#keys, this.#values];
    this.#keys = new Int32Array(keys.length * 4);
    this.#values = new Int32Array(keys.length * 4).fill(NONE);
    for (let slot = 0; slot < keys.length; slot++) {
      if (values[slot] === NONE) continue;
      const place = this.#slotOf(keys[slot]!);
      this.#keys[place] = keys[slot]!;
      this.#values[place] = values[slot]!;
    }
  }
}

const NONE = -1;
