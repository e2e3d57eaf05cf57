import type { RoutePrefix } from '../../netlink/route-messages.ts';
import { networkU32 } from '../../netlink/attributes.ts';

/**
 * The address space cut at the borders of some prefixes. Two addresses of one piece lie in the same prefixes, so whatever matches on these
 * prefixes treats both alike: one route lookup for a piece serves all its flows.
 */
export class Partition {
  readonly #v4: Float64Array;
  /** With many borders: for each upper half of an IPv4 address the number of borders below it, so that few remain to be compared. */
  readonly #below: Uint32Array | undefined;
  readonly #v6: bigint[];

  constructor(prefixes: Iterable<RoutePrefix>) {
    const [v4, v6] = [new Set<number>(), new Set<bigint>()];
    for (const { bytes, bits } of prefixes) {
      if (bytes.length === 4) {
        const size = 2 ** (32 - bits);
        const start = Math.floor(networkU32(bytes, 0) / size) * size;
        v4.add(start).add(start + size);
      } else if (bytes.length === 16) {
        const size = 1n << BigInt(128 - bits);
        const start = (toBigInt(bytes) / size) * size;
        v6.add(start).add(start + size);
      }
    }
    this.#v4 = Float64Array.from(v4).sort();
    if (this.#v4.length > FEW) this.#below = countsBelow(this.#v4);
    this.#v6 = [...v6].sort((a, b) => (a < b ? -1 : 1));
  }

  /** The number of the piece of an IPv4 address. */
  of4(address: number): number {
    const borders = this.#v4;
    const below = this.#below;
    let low = below ? below[address >>> 16]! : 0;
    let high = below ? below[(address >>> 16) + 1]! : borders.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (borders[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The number of the piece of an IPv6 address. */
  of6(address: Uint8Array): number {
    return this.#v6.length === 0 ? 0 : countUpTo(this.#v6, toBigInt(address));
  }
}

function countsBelow(borders: Float64Array): Uint32Array {
  const below = new Uint32Array(HALF + 1);
  for (let half = 0, count = 0; half <= HALF; half++) {
    while (borders[count]! < half * HALF) count++;
    below[half] = count;
  }
  return below;
}

/** Ports cut in the same way at the borders of some ranges: the piece number of each port. */
export function portPieces(ranges: Iterable<readonly [from: number, to: number]>): Uint16Array {
  const borders = [...new Set(Array.from(ranges, ([from, to]) => [from, to + 1]).flat())].sort((a, b) => a - b);
  const pieces = new Uint16Array(PORTS);
  for (const [index, border] of borders.entries()) pieces.fill(index + 1, border);
  return pieces;
}

const PORTS = 0x1_0000;
const HALF = 0x1_0000;
const FEW = 64;

/** The number of these sorted borders that are not above a value. */
function countUpTo(borders: readonly bigint[], value: bigint): number {
  let [low, high] = [0, borders.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (borders[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function toBigInt(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return (view.getBigUint64(0) << 64n) | view.getBigUint64(8);
}
