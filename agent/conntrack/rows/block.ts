import { HOST_IS_LITTLE_ENDIAN } from '../../netlink/constants.ts';

/** A module constant: V8 folds it into the code, but reads an imported one from memory each time. */
const IS_LITTLE_ENDIAN = HOST_IS_LITTLE_ENDIAN;

/**
 * A block of messages in three forms: as bytes; as host words, for comparing headers; and as a view, which reads values in network order
 * with one machine instruction.
 */
export class Block {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly view: DataView;

  /** Copies bytes that are not word-aligned. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    this.words = new Int32Array(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length >> 2);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
  }
}

/** 64 bits of a message; exact up to 2^53. */
export function u64(view: DataView, at: number): number {
  return view.getUint32(at) * 0x1_0000_0000 + view.getUint32(at + 4);
}

/** Nanoseconds of 64 bits, in milliseconds. */
export function milliseconds(view: DataView, at: number): number {
  // 2^32 ns are 4294 ms and 967,296 ns: no step exceeds 53 bits, so nothing is rounded.
  const high = view.getUint32(at);
  return high * 4294 + Math.floor((high * 967_296 + view.getUint32(at + 4)) / 1_000_000);
}

/** The first two bytes of a word in memory, as a host number. */
export function firstHalf(word: number): number {
  return IS_LITTLE_ENDIAN ? word & 0xffff : word >>> 16;
}

/** The last two bytes of a word in memory, as a host number. */
export function secondHalf(word: number): number {
  return IS_LITTLE_ENDIAN ? word >>> 16 : word & 0xffff;
}

/** The first word of an attribute; `length` in bytes including these four, `type` with its flags. */
export function headerWord(length: number, type: number): number {
  return IS_LITTLE_ENDIAN ? (type << 16) | length : (length << 16) | type;
}

/** A word that begins with this byte and is otherwise zero. */
export function wordOfByte(value: number): number {
  return IS_LITTLE_ENDIAN ? value : value << 24;
}

/** A word that begins with these two bytes in network order and is otherwise zero. */
export function wordOfTwo(value: number): number {
  return IS_LITTLE_ENDIAN ? ((value & 0xff) << 8) | (value >>> 8) : value << 16;
}
