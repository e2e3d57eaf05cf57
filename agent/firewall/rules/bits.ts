import { hostU32, networkU32, setHostU32 } from '../../netlink/attributes.ts';

/** Yes, no, or not to be told. */
export type Tri = true | false | undefined;

export function not(answer: Tri): Tri {
  return answer === undefined ? undefined : !answer;
}

/** True only where all are, false where one is. */
export function all(...answers: Tri[]): Tri {
  if (answers.includes(false)) return false;
  return answers.includes(undefined) ? undefined : true;
}

export function any(...answers: Tri[]): Tri {
  return not(all(...answers.map(not)));
}

/** Bytes of which each bit is known or not. Of bits that are not known the value says nothing. */
export class Bits {
  readonly value: Uint8Array;
  readonly known: Uint8Array;

  constructor(value: Uint8Array, known: Uint8Array = new Uint8Array(value.length).fill(0xff)) {
    this.value = value;
    this.known = known;
  }

  static unknown(length: number): Bits {
    return new Bits(new Uint8Array(length), new Uint8Array(length));
  }

  /** Bytes, or nothing known of them. */
  static of(value: Uint8Array | undefined, length: number): Bits {
    return value ? new Bits(value) : Bits.unknown(length);
  }

  static u8(value: number | undefined): Bits {
    return value === undefined ? Bits.unknown(1) : new Bits(Uint8Array.of(value));
  }

  /** 16 bits in network order. */
  static u16(value: number | undefined): Bits {
    return value === undefined ? Bits.unknown(2) : new Bits(Uint8Array.of(value >> 8, value));
  }

  /** 32 bits in the host's order, as registers have what is no part of a packet. */
  static host(value: number | undefined, known = 0xffff_ffff): Bits {
    const bits = Bits.unknown(4);
    if (value === undefined) return bits;
    setHostU32(bits.value, 0, (value & known) >>> 0);
    setHostU32(bits.known, 0, known);
    return bits;
  }

  /** Something from one to another: known is what both have in front of the first bit in which they differ. */
  static between(low: Bits, high: Bits): Bits {
    const bits = low.join(high);
    const first = bits.known.findIndex((byte) => byte !== 0xff);
    if (first < 0) return bits;
    bits.known[first] = bits.known[first]! & ~(0xff >> (Math.clz32(~bits.known[first]! & 0xff) - 24));
    bits.known.fill(0, first + 1);
    for (let at = first; at < bits.length; at++) bits.value[at]! &= bits.known[at]!;
    return bits;
  }

  get length(): number {
    return this.value.length;
  }

  get isKnown(): boolean {
    return this.known.every((byte) => byte === 0xff);
  }

  get isUnknown(): boolean {
    return this.known.every((byte) => byte === 0);
  }

  clone(): Bits {
    return new Bits(this.value.slice(), this.known.slice());
  }

  slice(from: number, length: number): Bits {
    const bits = Bits.unknown(length);
    bits.copy(0, this, from, length);
    return bits;
  }

  set(at: number, bits: Bits): void {
    this.copy(at, bits, 0, bits.length);
  }

  /** Copies a part of another; of bytes that the other does not have nothing is known. */
  copy(at: number, from: Bits, offset: number, length: number): void {
    for (let n = 0; n < length && at + n < this.length; n++) {
      this.value[at + n] = from.value[offset + n] ?? 0;
      this.known[at + n] = from.known[offset + n] ?? 0;
    }
  }

  /** (this & mask) ^ xor; what the mask leaves out is known to be that of xor. */
  maskXor(mask: Uint8Array, xor: Uint8Array): Bits {
    const bits = Bits.unknown(this.length);
    for (let at = 0; at < this.length; at++) {
      const [and, flip] = [mask[at] ?? 0xff, xor[at] ?? 0];
      bits.known[at] = this.known[at]! | ~and;
      bits.value[at] = ((this.value[at]! & and) ^ flip) & bits.known[at]!;
    }
    return bits;
  }

  and(other: Bits): Bits {
    return this.#with(
      other,
      (a, b, knownA, knownB) => (knownA & knownB) | (knownA & ~a) | (knownB & ~b),
      (a, b) => a & b,
    );
  }

  or(other: Bits): Bits {
    return this.#with(
      other,
      (a, b, knownA, knownB) => (knownA & knownB) | (knownA & a) | (knownB & b),
      (a, b) => a | b,
    );
  }

  xor(other: Bits): Bits {
    return this.#with(
      other,
      (_a, _b, knownA, knownB) => knownA & knownB,
      (a, b) => a ^ b,
    );
  }

  /** What holds whichever of the two it is. */
  join(other: Bits): Bits {
    return this.#with(
      other,
      (a, b, knownA, knownB) => knownA & knownB & ~(a ^ b),
      (a) => a,
    );
  }

  /** 32-bit words of the host's order, shifted towards the upper bits; to the lower ones by a negative number. */
  shift(by: number): Bits {
    const bits = Bits.unknown(this.length);
    for (let at = 0; at + 4 <= this.length; at += 4) {
      const [value, known] = [hostU32(this.value, at), hostU32(this.known, at)];
      const gap = by >= 0 ? (2 ** by - 1) >>> 0 : ~(0xffff_ffff >>> -by) >>> 0;
      setHostU32(bits.value, at, by >= 0 ? value << by : value >>> -by);
      setHostU32(bits.known, at, ((by >= 0 ? known << by : known >>> -by) | gap) >>> 0);
    }
    return bits;
  }

  /** Bytes of each piece of `size` the other way round. */
  swap(size: number): Bits {
    const bits = this.clone();
    for (const bytes of [bits.value, bits.known])
      for (let at = 0; at + size <= bytes.length; at += size) bytes.subarray(at, at + size).reverse();
    return bits;
  }

  /** @param from where in these bits the value is to stand */
  equals(value: Uint8Array, from = 0): Tri {
    let isKnown = true;
    for (let at = 0; at < value.length; at++) {
      const known = this.known[from + at] ?? 0;
      if (((this.value[from + at] ?? 0) ^ value[at]!) & known) return false;
      isKnown &&= known === 0xff;
    }
    return isKnown ? true : undefined;
  }

  /** low <= this <= high, both included. */
  isWithin(low: Uint8Array, high: Uint8Array, from = 0): Tri {
    const end = from + low.length;
    const [least, most] = [this.value.slice(from, end), this.value.slice(from, end)];
    for (let at = 0; at < low.length; at++) {
      const known = this.known[from + at]!;
      least[at]! &= known;
      most[at] = least[at]! | (~known & 0xff);
    }
    if (order(most, low) < 0 || order(least, high) > 0) return false;
    return order(least, low) >= 0 && order(most, high) <= 0 ? true : undefined;
  }

  isSame(other: Bits): boolean {
    return (
      this.length === other.length &&
      this.known.every((known, at) => known === other.known[at] && ((this.value[at]! ^ other.value[at]!) & known) === 0)
    );
  }

  /** The whole as a number in the host's order; undefined unless these bits are known. */
  hostNumber(bits = 0xffff_ffff): number | undefined {
    const known = hostU32(this.known, 0);
    return (bits & ~known) === 0 ? (hostU32(this.value, 0) & bits) >>> 0 : undefined;
  }

  networkNumber(): number | undefined {
    if (!this.isKnown) return undefined;
    return this.length === 4 ? networkU32(this.value, 0) : this.value.reduce((sum, byte) => sum * 256 + byte, 0);
  }

  #with(
    other: Bits,
    known: (a: number, b: number, knownA: number, knownB: number) => number,
    value: (a: number, b: number) => number,
  ): Bits {
    const bits = Bits.unknown(this.length);
    for (let at = 0; at < this.length; at++) {
      bits.known[at] = known(this.value[at]!, other.value[at] ?? 0, this.known[at]!, other.known[at] ?? 0);
      bits.value[at] = value(this.value[at]!, other.value[at] ?? 0) & bits.known[at]!;
    }
    return bits;
  }
}

/** As memcmp orders; a shorter one is as if it went on with zeros. */
export function order(a: Uint8Array, b: Uint8Array): -1 | 0 | 1 {
  for (let at = 0; at < a.length || at < b.length; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference < 0 ? -1 : 1;
  }
  return 0;
}
