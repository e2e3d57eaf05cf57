import { HOST_IS_LITTLE_ENDIAN, NLA_F_NESTED, NLA_HEADER_LENGTH, NLA_TYPE_MASK, align4 } from './constants.ts';

/** Bytes that violate the protocol. The message names the attribute by its path, such as `CTA_TUPLE_ORIG › CTA_TUPLE_ZONE`. */
export class DecodeError extends Error {
  constructor(place: string, problem: string) {
    super(place ? `${place}: ${problem}` : problem);
    this.name = 'DecodeError';
  }
}

/** Names of attribute types by number; nested attributes have their own. */
export interface AttributeNames {
  readonly [type: number]: string | undefined;
}

const NO_NAMES: AttributeNames = {};

/**
 * A cursor over the attributes in a run of bytes: `while (reader.next()) switch (reader.type) …`. Getters read the current attribute; each
 * checks the exact length. Integers are in network order. Nothing is copied, and no object is allocated per attribute.
 */
export class AttributeReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #names: AttributeNames;
  readonly #parent: AttributeReader | undefined;
  #next: number;
  #start = 0;
  #length = 0;
  /** The type of the current attribute, without its flags. */
  type = 0;

  constructor(bytes: Uint8Array, names: AttributeNames = NO_NAMES, start = 0, end = bytes.length, parent?: AttributeReader) {
    this.#bytes = bytes;
    this.#names = names;
    this.#next = start;
    this.#end = end;
    this.#parent = parent;
  }

  /** Advances to the next attribute; false at the end. Throws DecodeError if a length does not fit. */
  next(): boolean {
    const left = this.#end - this.#next;
    if (left <= 0) return false;
    if (left < NLA_HEADER_LENGTH) throw new DecodeError(this.#within(), `${left} bytes left over, no attribute fits`);
    const length = hostU16(this.#bytes, this.#next);
    this.type = hostU16(this.#bytes, this.#next + 2) & NLA_TYPE_MASK;
    if (length < NLA_HEADER_LENGTH || length > left)
      throw new DecodeError(this.place, `says it is ${length} bytes long, ${left} are there`);
    this.#start = this.#next + NLA_HEADER_LENGTH;
    this.#length = length - NLA_HEADER_LENGTH;
    this.#next += align4(length);
    return true;
  }

  u8(): number {
    return this.#bytes[this.#exactly(1)]!;
  }

  u16(): number {
    const at = this.#exactly(2);
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }

  u32(): number {
    return networkU32(this.#bytes, this.#exactly(4));
  }

  u64(): bigint {
    const at = this.#exactly(8);
    const [high, low] = [networkU32(this.#bytes, at), networkU32(this.#bytes, at + 4)];
    return high < 0x20_0000 ? BigInt(high * 0x1_0000_0000 + low) : (BigInt(high) << 32n) | BigInt(low);
  }

  /** Text that ends at its first NUL. */
  text(): string {
    const bytes = this.bytes();
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  /** The raw bytes, which must be `length` bytes if that is given. A view, not a copy. */
  bytes(length = this.#length): Uint8Array {
    const at = this.#exactly(length);
    return this.#bytes.subarray(at, at + length);
  }

  nested(names: AttributeNames = NO_NAMES): AttributeReader {
    return new AttributeReader(this.#bytes, names, this.#start, this.#start + this.#length, this);
  }

  /** The path of the current attribute. */
  get place(): string {
    const name = this.#names[this.type] ?? `attribute ${this.type}`;
    return this.#parent ? `${this.#within()} › ${name}` : name;
  }

  #within(): string {
    return this.#parent?.place ?? '';
  }

  #exactly(length: number): number {
    if (this.#length !== length) throw new DecodeError(this.place, `${this.#length} bytes, wanted ${length}`);
    return this.#start;
  }
}

/** Appends attributes to a buffer that grows; the counterpart of AttributeReader. */
export class AttributeWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** What has been written so far; valid until the next write. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  u8(type: number, value: number): void {
    const at = this.#start(type, 1);
    this.#bytes[at] = value;
  }

  u16(type: number, value: number): void {
    const at = this.#start(type, 2);
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
  }

  u32(type: number, value: number): void {
    const at = this.#start(type, 4);
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  /** In the host's order, which few attributes use. */
  hostU32(type: number, value: number): void {
    const at = this.#start(type, 4);
    setHostU32(this.#bytes, at, value);
  }

  u64(type: number, value: bigint): void {
    const at = this.#start(type, 8);
    new DataView(this.#bytes.buffer).setBigUint64(at, value);
  }

  /** Text with its closing NUL. */
  text(type: number, value: string): void {
    const bytes = new TextEncoder().encode(value);
    const at = this.#start(type, bytes.length + 1);
    this.#bytes.set(bytes, at);
  }

  bytes(type: number, value: Uint8Array): void {
    const at = this.#start(type, value.length);
    this.#bytes.set(value, at);
  }

  nested(type: number, write: (out: this) => void): void {
    const header = this.#start(type | NLA_F_NESTED, 0) - NLA_HEADER_LENGTH;
    write(this);
    setHostU16(this.#bytes, header, this.#length - header);
  }

  /** Appends bytes that are not an attribute, such as a message header; returns their offset. */
  raw(value: Uint8Array): number {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
    return at;
  }

  #start(type: number, length: number): number {
    const at = this.#grow(align4(NLA_HEADER_LENGTH + length));
    setHostU16(this.#bytes, at, NLA_HEADER_LENGTH + length);
    setHostU16(this.#bytes, at + 2, type);
    return at + NLA_HEADER_LENGTH;
  }

  #grow(length: number): number {
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return at;
  }
}

/** 32 bits in network order, unsigned. */
export function networkU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** 16 bits in the host's order. */
export function hostU16(bytes: Uint8Array, at: number): number {
  return HOST_IS_LITTLE_ENDIAN ? bytes[at]! | (bytes[at + 1]! << 8) : (bytes[at]! << 8) | bytes[at + 1]!;
}

/** 32 bits in the host's order, unsigned. */
export function hostU32(bytes: Uint8Array, at: number): number {
  return HOST_IS_LITTLE_ENDIAN
    ? (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
    : ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

export function setHostU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[HOST_IS_LITTLE_ENDIAN ? at : at + 1] = value;
  bytes[HOST_IS_LITTLE_ENDIAN ? at + 1 : at] = value >>> 8;
}

export function setHostU32(bytes: Uint8Array, at: number, value: number): void {
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, value, HOST_IS_LITTLE_ENDIAN);
}
