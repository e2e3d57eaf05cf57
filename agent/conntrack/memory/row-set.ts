/** Some rows of a table, one bit each; takes no memory while it is empty. */
export class RowSet {
  readonly #rows: number;
  #bits: Uint8Array | undefined;
  size = 0;

  /** @param rows of the table */
  constructor(rows: number) {
    this.#rows = rows;
  }

  has(row: number): boolean {
    return this.#bits !== undefined && (this.#bits[row >> 3]! & (1 << (row & 7))) !== 0;
  }

  /** False if it was in it already. */
  add(row: number): boolean {
    if (this.has(row)) return false;
    this.#bits ??= new Uint8Array((this.#rows + 7) >> 3);
    this.#bits[row >> 3]! |= 1 << (row & 7);
    this.size++;
    return true;
  }

  /** Those of `rows` that are not in it. */
  others(rows: Uint32Array): Uint32Array {
    return this.size === 0 ? rows : rows.filter((row) => !this.has(row));
  }

  /** Those that are in it. */
  all(): Uint32Array {
    const rows = new Uint32Array(this.size);
    let count = 0;
    for (let at = 0; count < rows.length; at++)
      for (let bits = this.#bits![at]!; bits !== 0; bits &= bits - 1) rows[count++] = at * 8 + (31 - Math.clz32(bits & -bits));
    return rows;
  }
}
