import { formatAddress } from '../../proto/model/address.ts';
import { networkU32 } from '../netlink/attributes.ts';

/** IPv6 addresses of a snapshot, each kept once and named by a number: a column of addresses then holds four bytes a row whatever the family. */
export class Addresses6 {
  /** Sixteen bytes an address, in network order. */
  bytes: Uint8Array<ArrayBuffer>;
  count: number;
  /** Open addressing; a slot holds a number plus one. Built with the first intern, so that a copy that is only read has none. */
  #slots: Int32Array = new Int32Array();

  constructor(bytes: Uint8Array<ArrayBuffer> = new Uint8Array(), count = bytes.length / 16) {
    this.bytes = bytes;
    this.count = count;
  }

  /** The number of the address at an offset. */
  intern(from: Uint8Array, at: number): number {
    if (2 * this.count >= this.#slots.length) this.#grow();
    const mask = this.#slots.length - 1;
    for (let slot = hashOf(from, at) & mask; ; slot = (slot + 1) & mask) {
      const found = this.#slots[slot]! - 1;
      if (found < 0) {
        this.bytes.set(from.subarray(at, at + 16), this.count * 16);
        this.#slots[slot] = ++this.count;
        return this.count - 1;
      }
      if (this.isAt(found, from, at)) return found;
    }
  }

  /** Forgets all and keeps the memory. */
  clear(): void {
    this.count = 0;
    this.#slots.fill(0);
  }

  /** A view of an address's bytes. */
  bytesOf(index: number): Uint8Array {
    return this.bytes.subarray(index * 16, index * 16 + 16);
  }

  textOf(index: number): string {
    return formatAddress(this.bytesOf(index));
  }

  /** True if the address of a number is the one at an offset. */
  isAt(index: number, from: Uint8Array, at = 0): boolean {
    for (let i = 15; i >= 0; i--) if (this.bytes[index * 16 + i] !== from[at + i]) return false;
    return true;
  }

  #grow(): void {
    const capacity = Math.max(64, this.count * 2);
    const bytes = new Uint8Array(capacity * 16);
    bytes.set(this.bytes.subarray(0, this.count * 16));
    this.bytes = bytes;
    // A power of two, at most half full.
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(capacity * 2)));
    const mask = this.#slots.length - 1;
    for (let index = 0; index < this.count; index++) {
      let slot = hashOf(bytes, index * 16) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = index + 1;
    }
  }
}

function hashOf(bytes: Uint8Array, at: number): number {
  let hash = 0;
  for (let word = 0; word < 16; word += 4) hash = Math.imul(hash ^ networkU32(bytes, at + word), 0x9e3779b1) ^ (hash >>> 15);
  return (hash ^ (hash >>> 16)) >>> 0;
}
