import { networkU32 } from '../../netlink/attributes.ts';
import type { FlowFilter } from '../../../proto/model/filter/filter.ts';
import { forEachTerm } from '../../../proto/model/filter/filter.ts';
import type { Columns } from './columns.ts';
import { IntTable } from './int-table.ts';

/**
 * Two looks at a table lie at least so far apart, or a packet more or less would be most of the rate; and at most so far, or it is not one
 * of now.
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

/** What each flow had carried at one look, so that the next knows how fast it goes. */
export class CarriedBytes {
  readonly #rowOf = new IntTable();
  readonly #tuples: Int32Array;
  readonly #bytes: Float64Array;
  readonly #at: number;

  /** @param at milliseconds of the monotonic clock */
  constructor(columns: Columns, at: number) {
    const { origBytes, replyBytes } = columns.rare;
    this.#at = at;
    this.#tuples = new Int32Array(columns.count);
    this.#bytes = new Float64Array(columns.count).fill(Number.NaN);
    for (let row = 0; row < columns.count; row++) {
      // Of ids that collide the last stays; the others' rates are then unknown, as their tuple is another.
      this.#rowOf.set(columns.common.id[row]!, row);
      this.#tuples[row] = tupleHash(columns, row);
      if (origBytes && replyBytes) this.#bytes[row] = origBytes[row]! + replyBytes[row]!;
    }
  }

  /**
   * Fills the rate column of a later look: bits a second of both directions. Unknown for flows that began in between, and where nothing is
   * counted.
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
      if (carried >= 0) rates[row] = (carried * 8) / seconds; // counters that were set to zero meanwhile say nothing
    }
  }
}

/** A hash of a row's original tuple. IPv6 addresses have other numbers in another snapshot, so they go in by their bytes. */
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
