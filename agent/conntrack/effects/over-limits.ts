import type { Columns } from '../rows/columns.ts';
import type { Regime } from '../effects-ask.ts';

const SIDES = ['source', 'destination'] as const;

/** What one address has beyond a limit. `row`: one of its flows. */
export interface Beyond {
  path: string;
  side: (typeof SIDES)[number];
  limit: number;
  row: number;
  flows: number;
}

/** Counts flows by limit and address, as packets are forwarded: before their source is translated, and after their destination. */
export class OverLimits {
  readonly #columns: Columns;
  readonly #limits: Regime['limits'];
  /** By limit, side, family and address: the flows, and the row of the first. */
  readonly #flows = new Map<number, number>();
  readonly #rows = new Map<number, number>();

  constructor(columns: Columns, limits: Regime['limits']) {
    [this.#columns, this.#limits] = [columns, limits];
  }

  /** A flow that counts for the limit of this index. */
  add(index: number, row: number): void {
    const { origSrc, replySrc } = this.#columns.common;
    const { perSource, perDestination } = this.#limits[index]!;
    if (perSource !== undefined) this.#count(index, 0, origSrc[row]!, row);
    if (perDestination !== undefined) this.#count(index, 1, replySrc[row]!, row);
  }

  /** Those with the most first. */
  beyond(): Beyond[] {
    const found: Beyond[] = [];
    for (const [key, flows] of this.#flows) {
      const place = Math.floor(key / 0x2_0000_0000);
      const { path, perSource, perDestination } = this.#limits[place >> 1]!;
      const side = SIDES[place & 1]!;
      const limit = (side === 'source' ? perSource : perDestination)!;
      if (flows > limit) found.push({ path, side, limit, row: this.#rows.get(key)!, flows: flows - limit });
    }
    return found.sort((a, b) => b.flows - a.flows);
  }

  #count(index: number, side: 0 | 1, address: number, row: number): void {
    const isV6 = Number(this.#columns.common.family[row] === 6);
    const key = ((index * 2 + side) * 2 + isV6) * 0x1_0000_0000 + address;
    const before = this.#flows.get(key);
    if (before === undefined) this.#rows.set(key, row);
    this.#flows.set(key, (before ?? 0) + 1);
  }
}
