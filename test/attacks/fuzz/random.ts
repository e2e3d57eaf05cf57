import { seededBelow } from '../../support/mutations.ts';

/** A trial's only source of randomness; the same seed gives the same trial. */
export class Random {
  /** An integer from 0 up to but excluding `bound`, which is 2^32 at most. */
  readonly below: (bound: number) => number;

  constructor(seed: number) {
    // Adjacent seeds would otherwise begin alike.
    this.below = seededBelow(Math.imul(seed + 1, 0x9e37_79b1));
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  /** True this many times in a thousand. */
  perMille(times: number): boolean {
    return this.below(1000) < times;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; at++) bytes[at] = this.below(256);
    return bytes;
  }

  /** Any 64-bit number, most often a small one or a boundary value. */
  uint64(): bigint {
    const edges = [
      0n,
      1n,
      2n ** 31n,
      2n ** 32n - 1n,
      2n ** 32n,
      2n ** 52n,
      2n ** 53n - 1n,
      2n ** 53n,
      2n ** 63n - 1n,
      2n ** 63n,
      2n ** 64n - 1n,
    ];
    switch (this.below(4)) {
      case 0:
        return BigInt(this.below(100));
      case 1:
        return this.pick(edges);
      case 2:
        return BigInt(Date.now() + this.below(20_000) - 10_000);
      default:
        return (BigInt(this.below(2 ** 32)) << 32n) | BigInt(this.below(2 ** 32));
    }
  }

  /** Any 32-bit number, most often a small one or a boundary value. */
  uint32(): number {
    return this.below(3) > 0
      ? this.below(100)
      : this.pick([0, 1, 255, 256, 65_535, 65_536, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, this.below(2 ** 32)]);
  }

  double(): number {
    return this.below(2) > 0
      ? this.below(1000) / 10
      : this.pick([0, -0, -1, NaN, Infinity, -Infinity, Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53, 1e21, -1e-9]);
  }

  uuid(): string {
    return this.bytes(16)
      .toString('hex')
      .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-7$3-8$4-$5');
  }
}
