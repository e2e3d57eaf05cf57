import { compareSortKeys, type SortKey } from '../../../proto/model/sort.ts';

/** The first rows in sort order, kept while all matches stream by; memory depends on the limit, not on the matches. */
export class TopRows<Row> {
  readonly #rows: { key: SortKey; row: Row }[] = [];
  readonly #limit: number;
  readonly #descending: boolean;
  readonly #after: SortKey | undefined;

  /** @param after rows up to and including this key belong to an earlier page */
  constructor({ limit, descending, after }: { limit: number; descending: boolean; after?: SortKey }) {
    this.#limit = limit;
    this.#descending = descending;
    this.#after = after;
  }

  /** Keeps a row if it is among the first; `makeRow` is called only then. */
  offer(key: SortKey, makeRow: () => Row): void {
    if (this.#limit === 0 || (this.#after && this.#compare(key, this.#after) <= 0)) return;
    const last = this.#rows.at(-1);
    if (last && this.#rows.length >= this.#limit && this.#compare(key, last.key) >= 0) return;
    this.#rows.splice(this.#placeOf(key), 0, { key, row: makeRow() });
    if (this.#rows.length > this.#limit) this.#rows.pop();
  }

  /** The rows in order. */
  rows(): Row[] {
    return this.#rows.map(({ row }) => row);
  }

  #compare(a: SortKey, b: SortKey): number {
    return compareSortKeys(a, b, this.#descending);
  }

  /** After all rows that do not sort after it, so that equal keys keep the table's order. */
  #placeOf(key: SortKey): number {
    let [low, high] = [0, this.#rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(this.#rows[middle]!.key, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
