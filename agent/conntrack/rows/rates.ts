import { networkU32 } from '../../netlink/attributes.ts';
import type { FlowFilter } from '../../../proto/model/filter/filter.ts';
import { forEachTerm } from '../../../proto/model/filter/filter.ts';
import type { Columns } from './columns.ts';
import { IntTable } from './int-table.ts';

/**
 * Minimum and maximum time between two readings of a table: in less, a single packet would be most of the rate; after more, the rate is not
 * current.
 */
export const MIN_MS = 1_000;
export const MAX_MS = 60_000;

/** True if a filter compares rates. */
export function mentionsRate(filter: FlowFilter): boolean {
  let isMentioned = false;
  forEachTerm(filter, ({ field }) => {
    isMentioned ||= field === 'rate';
  });
  return isMentioned;
}

/** Bytes carried by each flow at one reading, from which the next one computes rates. */
export class CarriedBytes {
  readonly #rowOf = new IntTable();
  readonly #tuples: Int32Array;
  readonly #bytes: Float64Array;
  readonly #at: number;

  /** @param at milliseconds on the monotonic clock */
  constructor(columns: Columns, at: number) {
    const { origBytes, replyBytes } = columns.rare;
    this.#at = at;
    this.#tuples = new Int32Array(columns.count);
    this.#bytes = new Float64Array(columns.count).fill(Number.NaN);
    for (let row = 0; row < columns.count; row++) {
      // If ids collide the last one stays; the rates of the others are then unknown, since their tuple differs.
      this.#rowOf.set(columns.common.id[row]!, row);
      this.#tuples[row] = tupleHash(columns, row);
      if (origBytes && replyBytes) this.#bytes[row] = origBytes[row]! + replyBytes[row]!;
    }
  }

  /**
   * Fills the rate column of a later reading: bits a second, both directions together. Unknown for flows that began in between, and without
   * counters.
   */
  fillRates(columns: Columns, at: number): void {
    const { origBytes, replyBytes } = columns.rare;
    const rates = columns.ensure('rate');
    if (!origBytes || !replyBytes) return;
    const seconds = (at - this.#at) / 1000;
    for (let row = 0; row < columns.count; row++) {
      const before = this.#rowOf.get(columns.common.id[row]!);
      if (before < 0 || this.#tuples[before] !== tupleHash(columns, row)) continue;
      const carried = origBytes[row]! + replyBytes[row]! - this.#bytes[before]!;
      if (carried >= 0) rates[row] = (carried * 8) / seconds; // counters that were reset meanwhile say nothing
    }
  }
}

/** A hash of a row's original tuple. IPv6 addresses have other numbers in another snapshot, so their bytes are hashed. */
export function tupleHash({ common: { family, proto, origSrc, origDst, sport, dport }, addresses6 }: Columns, row: number): number {
  let hash = Math.imul((sport[row]! << 16) | dport[row]!, 0x9e3779b1) ^ proto[row]!;
  for (const address of [origSrc[row]!, origDst[row]!]) {
    if (family[row] === 4) hash = mix(hash, address);
    else for (let word = 0; word < 16; word += 4) hash = mix(hash, networkU32(addresses6.bytes, address * 16 + word));
  }
  return hash | 0;
}

function mix(hash: number, word: number): number {
  return Math.imul(hash ^ (hash >>> 15) ^ word, 0x85ebca6b);
}
