import { HOST_IS_LITTLE_ENDIAN, NLA_F_NESTED, NLA_HEADER_LENGTH, NLA_TYPE_MASK, align4 } from './constants.ts';

/** Bytes that are not what the protocol says. The message names the attribute by its path, such as `CTA_TUPLE_ORIG › CTA_TUPLE_ZONE`. */
export class DecodeError extends Error {
  constructor(place: string, problem: string) {
    super(place ? `${place}: ${problem}` : problem);
    this.name = 'DecodeError';
  }
}

/** Names of attribute types by number; nested attributes have their own. */
export interface AttributeNames { readonly [type: number]: string | undefined }

const NO_NAMES: AttributeNames = {};

/** One attribute. Each getter checks the exact length; integers are in network order unless the getter says otherwise. */
export class Attribute {
  readonly type: number;
  readonly bytes: Uint8Array;
  readonly #path: string;
  readonly #names: AttributeNames;

  constructor(type: number, bytes: Uint8Array, path: string, names: AttributeNames) {
    this.type = type;
    this.bytes = bytes;
    this.#path = path;
    this.#names = names;
  }

  u8(): number {
    return this.exactly(1)[0]!;
  }

  u16(): number {
    const bytes = this.exactly(2);
    return (bytes[0]! << 8) | bytes[1]!;
  }

  u32(): number {
    const bytes = this.exactly(4);
    return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
  }

  u64(): bigint {
    const bytes = this.exactly(8);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
  }

  /** Text that ends at its first NUL. */
  text(): string {
    const end = this.bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? this.bytes : this.bytes.subarray(0, end));
  }

  /** The bytes, of this length. */
  exactly(length: number): Uint8Array {
    if (this.bytes.length !== length) throw new DecodeError(this.place, `${this.bytes.length} bytes, wanted ${length}`);
    return this.bytes;
  }

  nested(names: AttributeNames = NO_NAMES): AttributeReader {
    return new AttributeReader(this.bytes, names, this.place);
  }

  get place(): string {
    const name = this.#names[this.type] ?? `attribute ${this.type}`;
    return this.#path ? `${this.#path} › ${name}` : name;
  }
}

/** The attributes in a run of bytes, in order. Iterating throws DecodeError where a length does not fit. */
export class AttributeReader implements Iterable<Attribute> {
  readonly #bytes: Uint8Array;
  readonly #names: AttributeNames;
  readonly #path: string;

  constructor(bytes: Uint8Array, names: AttributeNames = NO_NAMES, path = '') {
    this.#bytes = bytes;
    this.#names = names;
    this.#path = path;
  }

  *[Symbol.iterator](): Iterator<Attribute> {
    const bytes = this.#bytes;
    let offset = 0;
    while (offset < bytes.length) {
      if (bytes.length - offset < NLA_HEADER_LENGTH) throw new DecodeError(this.#path, `${bytes.length - offset} bytes left over, no attribute fits`);
      const length = hostU16(bytes, offset);
      const type = hostU16(bytes, offset + 2) & NLA_TYPE_MASK;
      if (length < NLA_HEADER_LENGTH || length > bytes.length - offset) {
        throw new DecodeError(this.#path, `attribute ${this.#names[type] ?? type} says it is ${length} bytes long, ${bytes.length - offset} are there`);
      }
      yield new Attribute(type, bytes.subarray(offset + NLA_HEADER_LENGTH, offset + length), this.#path, this.#names);
      offset += align4(length);
    }
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

  /** What was written so far; valid until the next write. */
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
    new DataView(this.#bytes.buffer).setUint32(at, value);
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

  /** Bytes that are no attribute, such as the header of a message; answers their offset. */
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

/** 16 bits in the host's order. */
export function hostU16(bytes: Uint8Array, at: number): number {
  return HOST_IS_LITTLE_ENDIAN ? bytes[at]! | (bytes[at + 1]! << 8) : (bytes[at]! << 8) | bytes[at + 1]!;
}

/** 32 bits in the host's order, without sign. */
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
