import { formatAddress } from '../../../proto/model/address.ts';

/**
 * IPv6 addresses of a snapshot, each stored once and identified by a number: an address column then takes four bytes a row for either
 * family.
 */
export class Addresses6 {
  /** Sixteen bytes an address, in network order. */
  bytes: Uint8Array<ArrayBuffer>;
  count: number;
  /** The same memory as host words, for comparing addresses. */
  #words: Int32Array<ArrayBuffer>;
  /** Open addressing; a slot holds a number plus one. Built by the first intern, so that a read-only copy has none. */
  #slots: Int32Array = new Int32Array();

  constructor(bytes: Uint8Array<ArrayBuffer> = new Uint8Array(), count = bytes.length / 16) {
    this.bytes = bytes;
    this.#words = wordsOf(bytes);
    this.count = count;
  }

  /** The number of the address whose first host word is at index `at`. */
  intern(from: Int32Array, at: number): number {
    if (2 * this.count >= this.#slots.length) this.#grow();
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hashOf(from, at) & mask; ; slot = (slot + 1) & mask) {
      const found = slots[slot]! - 1;
      if (found < 0) {
        this.#words.set(from.subarray(at, at + 4), this.count * 4);
        slots[slot] = ++this.count;
        return this.count - 1;
      }
      if (areEqual(this.#words, found * 4, from, at)) return found;
    }
  }

  /** The number here of an address from another set. */
  internOf(others: Addresses6, index: number): number {
    return this.intern(others.#words, index * 4);
  }

  /** Writes an address as host words. */
  copy(index: number, to: Int32Array, at: number): void {
    const from = index * 4;
    for (let word = 0; word < 4; word++) to[at + word] = this.#words[from + word]!;
  }

  /** Removes all addresses and keeps the memory. */
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

  /** The number of an address given by its sixteen bytes; -1 if it is not in the set. */
  find(address: Uint8Array): number {
    const wanted = wordsOf(address.slice());
    for (let index = 0; index < this.count; index++) if (areEqual(this.#words, index * 4, wanted, 0)) return index;
    return -1;
  }

  #grow(): void {
    const capacity = Math.max(64, this.count * 2);
    const bytes = new Uint8Array(capacity * 16);
    bytes.set(this.bytes.subarray(0, this.count * 16));
    this.bytes = bytes;
    this.#words = wordsOf(bytes);
    // A power of two, at most half full.
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(capacity * 2)));
    const mask = this.#slots.length - 1;
    for (let index = 0; index < this.count; index++) {
      let slot = hashOf(this.#words, index * 4) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = index + 1;
    }
  }
}

function wordsOf(bytes: Uint8Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
}

function areEqual(a: Int32Array, at: number, b: Int32Array, bAt: number): boolean {
  // The last words differ most often.
  return a[at + 3] === b[bAt + 3] && a[at + 2] === b[bAt + 2] && a[at + 1] === b[bAt + 1] && a[at] === b[bAt];
}

/** Most addresses of a network differ in a few bits of the last word, all of which must reach the low bits of the hash. */
function hashOf(words: Int32Array, at: number): number {
  let hash = words[at]!;
  hash = Math.imul(hash, 0x9e3779b1) ^ words[at + 1]!;
  hash = Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) ^ words[at + 2]!;
  hash = Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) ^ words[at + 3]!;
  hash = Math.imul(hash ^ (hash >>> 15), 0x9e3779b1);
  return (hash ^ (hash >>> 16)) >>> 0;
}
