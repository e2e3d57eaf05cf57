import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Bits, order, type Tri } from './bits.ts';

const WIDTH = 4;
const bytes = fc.uint8Array({ minLength: WIDTH, maxLength: WIDTH });
/** Bits of which few are not known, so that all that they may be can be tried. */
const partly = fc.tuple(bytes, fc.uniqueArray(fc.nat(8 * WIDTH - 1), { maxLength: 3 })).map(([value, unknown]) => {
  const known = new Uint8Array(WIDTH).fill(0xff);
  for (const bit of unknown) known[bit >> 3]! &= ~(1 << (bit & 7));
  return {
    bits: new Bits(value, known),
    all: unknown.reduce<Uint8Array[]>((values, bit) => values.flatMap((each) => [each, flip(each, bit)]), [value]),
  };
});

function flip(value: Uint8Array, bit: number): Uint8Array {
  const flipped = value.slice();
  flipped[bit >> 3]! ^= 1 << (bit & 7);
  return flipped;
}

function agreed(answers: boolean[]): Tri {
  return answers.every((answer) => answer === answers[0]) ? answers[0] : undefined;
}

/** What is claimed of bits holds for every value that they may have, and nothing is claimed that differs among them. */
function holds(claimed: Bits, values: Uint8Array[]): void {
  for (const value of values) for (let at = 0; at < WIDTH; at++) expect((value[at]! ^ claimed.value[at]!) & claimed.known[at]!).toBe(0);
}

test('a comparison with bits that are not all known is answered only where every value agrees', () => {
  fc.assert(
    fc.property(partly, bytes, bytes, ({ bits, all }, a, b) => {
      const [low, high] = order(a, b) <= 0 ? [a, b] : [b, a];
      expect(bits.equals(a)).toBe(agreed(all.map((value) => order(value, a) === 0)));
      const within = bits.isWithin(low, high);
      // An interval may hold every value although its ends do not show it; then nothing is claimed.
      if (within !== undefined) expect(agreed(all.map((value) => order(low, value) <= 0 && order(value, high) <= 0))).toBe(within);
    }),
  );
});

test('what is known of a result is so for every value of its parts', () => {
  fc.assert(
    fc.property(partly, partly, (a, b) => {
      const pairs = a.all.flatMap((x) => b.all.map((y) => [x, y] as const));
      const each = (of: (x: number, y: number) => number): Uint8Array[] => pairs.map(([x, y]) => x.map((byte, at) => of(byte, y[at]!)));
      holds(
        a.bits.and(b.bits),
        each((x, y) => x & y),
      );
      holds(
        a.bits.or(b.bits),
        each((x, y) => x | y),
      );
      holds(
        a.bits.xor(b.bits),
        each((x, y) => x ^ y),
      );
      holds(a.bits.join(b.bits), [...a.all, ...b.all]);
      holds(
        a.bits.maskXor(b.all[0]!, b.all[0]!),
        a.all.map((x) => x.map((byte, at) => (byte & b.all[0]![at]!) ^ b.all[0]![at]!)),
      );
    }),
  );
});

test('of something between two addresses only their common prefix is known', () => {
  fc.assert(
    fc.property(bytes, bytes, bytes, (a, b, c) => {
      const [low, middle, high] = [a, b, c].sort(order) as [Uint8Array, Uint8Array, Uint8Array];
      holds(Bits.between(new Bits(low), new Bits(high)), [low, middle, high]);
    }),
  );
  expect(Bits.between(new Bits(Uint8Array.of(10, 0, 0, 4)), new Bits(Uint8Array.of(10, 0, 0, 7))).known).toEqual(
    Uint8Array.of(255, 255, 255, 252),
  );
});
