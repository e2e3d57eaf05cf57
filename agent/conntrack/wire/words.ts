import { HOST_IS_LITTLE_ENDIAN } from '../../netlink/constants.ts';

/** A constant of this module: V8 folds it into its code, and reads an imported one from memory each time. */
const IS_LITTLE_ENDIAN = HOST_IS_LITTLE_ENDIAN;

/** A block of messages, as bytes and as words of the host; words are what attributes are read by. */
export class Block {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;

  /** Copies bytes that do not begin on a word. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    this.words = new Int32Array(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length >> 2);
  }
}

/**
 * A word of the host in network order, with a sign: V8 keeps 32 bits with a sign in a register, and makes an object of 32 without. Columns of
 * unsigned numbers take either.
 */
export function network(word: number): number {
  return IS_LITTLE_ENDIAN ? (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24) : word;
}

/** 64 bits in network order; exact up to 2^53. */
export function network64(words: Int32Array, at: number): number {
  const high = words[at]!;
  const low = network(words[at + 1]!) >>> 0;
  return high === 0 ? low : (network(high) >>> 0) * 0x1_0000_0000 + low;
}

/** Nanoseconds of 64 bits in network order, in milliseconds. */
export function milliseconds(words: Int32Array, at: number): number {
  // 2^32 ns are 4294 ms and 967,296 ns: so no step leaves 53 bits, and nothing is rounded.
  const high = network(words[at]!) >>> 0;
  return high * 4294 + Math.floor((high * 967_296 + (network(words[at + 1]!) >>> 0)) / 1_000_000);
}

/** The first byte of a word as it lies in memory. */
export function firstByte(word: number): number {
  return IS_LITTLE_ENDIAN ? word & 0xff : word >>> 24;
}

/** The first two bytes, in network order. */
export function firstTwo(word: number): number {
  return IS_LITTLE_ENDIAN ? ((word & 0xff) << 8) | ((word >>> 8) & 0xff) : word >>> 16;
}

/** The first word of an attribute; `length` in bytes with these four, `type` with its flags. */
export function headerWord(length: number, type: number): number {
  return IS_LITTLE_ENDIAN ? (type << 16) | length : (length << 16) | type;
}

/** A word that begins with this byte and is zero else. */
export function wordOfByte(value: number): number {
  return IS_LITTLE_ENDIAN ? value : value << 24;
}

/** A word that begins with these two bytes in network order and is zero else. */
export function wordOfTwo(value: number): number {
  return IS_LITTLE_ENDIAN ? ((value & 0xff) << 8) | (value >>> 8) : value << 16;
}
