import { setHostU16, setHostU32 } from '../../agent/netlink/attributes.ts';

/** Integers below a bound, the same for the same seed: xorshift, as it must be far faster than the code under test. */
export function seededBelow(seed: number): (bound: number) => number {
  let state = seed | 0 || 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

/** Lengths and types at the boundaries. */
const EDGES = [0, 1, 2, 3, 4, 5, 7, 8, 12, 16, 0x3fff, 0x4000, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff];
const MAX_BYTES = 4096;

/** Makes damaged copies of recorded bytes, and attribute trees that nobody recorded. The bytes it returns are valid until the next call. */
export class Mutator {
  readonly #corpus: readonly Uint8Array[];
  readonly #below: (bound: number) => number;
  readonly #bytes = new Uint8Array(MAX_BYTES);
  #length = 0;

  constructor(corpus: readonly Uint8Array[], seed: number) {
    this.#corpus = corpus;
    this.#below = seededBelow(seed);
  }

  /** One to three changes to one recorded sequence of bytes. */
  mutated(): Uint8Array {
    const below = this.#below;
    this.#take(this.#recorded());
    for (let changes = 1 + below(3); changes > 0; changes--) this.#change();
    return this.#bytes.subarray(0, this.#length);
  }

  /** A recorded header followed by attributes of any type, length and depth, often almost right. */
  tree(headBytes: number): Uint8Array {
    this.#take(this.#recorded().subarray(0, headBytes));
    for (let attributes = this.#below(12); attributes > 0; attributes--) this.#attribute(0);
    return this.#bytes.subarray(0, this.#length);
  }

  #recorded(): Uint8Array {
    return this.#corpus[this.#below(this.#corpus.length)]!;
  }

  #take(bytes: Uint8Array): void {
    this.#bytes.set(bytes);
    this.#length = bytes.length;
  }

  #change(): void {
    const below = this.#below;
    const at = below(Math.max(1, this.#length));
    switch (below(8)) {
      case 0:
        this.#bytes[at] = below(256);
        return;
      case 1:
        this.#bytes[at]! ^= 1 << below(8);
        return;
      // Lengths and types of attributes are at offsets that are multiples of four and two.
      case 2:
        if (this.#length >= 4) setHostU16(this.#bytes, at & ~3 & 0xffc, EDGES[below(EDGES.length)]!);
        return;
      case 3:
        if (this.#length >= 4) setHostU16(this.#bytes, (at & ~3 & 0xffc) + 2, below(3) === 0 ? EDGES[below(EDGES.length)]! : below(32));
        return;
      case 4:
        if (this.#length >= 4) setHostU32(this.#bytes, at & ~3 & 0xffc, below(2) === 0 ? 0xffff_ffff : below(0x1_0000));
        return;
      case 5:
        this.#length = at;
        return;
      case 6: {
        // a piece of this one, duplicated
        const piece = Math.min(below(64), this.#length - at, MAX_BYTES - this.#length);
        this.#bytes.copyWithin(at + piece, at, this.#length);
        this.#length += piece;
        return;
      }
      default: {
        // a piece of another
        const other = this.#recorded();
        const from = below(other.length);
        const piece = other.subarray(from, from + Math.min(below(64), MAX_BYTES - at));
        this.#bytes.set(piece, at);
        this.#length = Math.max(this.#length, at + piece.length);
      }
    }
  }

  #attribute(depth: number): void {
    const below = this.#below;
    const header = this.#length;
    if (header + 80 > MAX_BYTES) return;
    this.#length += 4;
    if (depth < 6 && below(3) === 0) {
      for (let inner = below(5); inner > 0; inner--) this.#attribute(depth + 1);
    } else {
      const length = [0, 1, 2, 4, 8, 16, 20][below(7)]!;
      for (let i = 0; i < length; i++) this.#bytes[this.#length++] = below(256);
      this.#length = (this.#length + 3) & ~3;
    }
    setHostU16(this.#bytes, header, this.#length - header + (below(16) === 0 ? below(9) - 4 : 0));
    setHostU16(this.#bytes, header + 2, below(26) | (below(2) << 15));
  }
}
