import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { counterFrom, countsFrom, flowsFrom, int32From, rateFrom, textFrom, timeFrom } from './untrusted.ts';

const NOW = Date.UTC(2026, 10, 29);
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

describe('a value from an agent', () => {
  it('of a time is near now or dropped', () => {
    fc.assert(
      fc.property(fc.oneof(uint64, fc.bigInt({ min: BigInt(NOW - 1000), max: BigInt(NOW + 1000) })), (ms) => {
        const time = timeFrom(ms, NOW);
        if (time) expect(time.toISOString()).toMatch(/^20\d\d-/);
      }),
    );
    expect(timeFrom(2n ** 52n, NOW)).toBeUndefined();
    expect(timeFrom(0n, NOW)).toBeUndefined();
    expect(timeFrom(BigInt(NOW), NOW)).toEqual(new Date(NOW));
    expect(timeFrom(undefined, NOW)).toBeUndefined();
  });

  it('of a number is an integer, not negative and fits its column', () => {
    fc.assert(
      fc.property(fc.oneof(uint64, fc.double()), (value) => {
        for (const number of [flowsFrom(value), counterFrom(value), int32From(Number(value))]) {
          expect(Number.isSafeInteger(number) && number >= 0).toBe(true);
        }
        expect(int32From(Number(value))).toBeLessThan(2 ** 31);
      }),
    );
    expect(counterFrom(5n)).toBe(5);
  });

  it('of a rate is a number that JSON can represent, or dropped', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        const rate = rateFrom(value);
        expect(rate === undefined || (rate <= Number.MAX_SAFE_INTEGER && rate >= 0)).toBe(true);
      }),
    );
  });

  it('of a text is short, well formed and without NUL', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), fc.integer({ min: 0, max: 40 }), (text, max) => {
        const kept = textFrom(text, max);
        expect(kept.length).toBeLessThanOrEqual(max);
        expect(kept.isWellFormed() && !kept.includes('\0')).toBe(true);
      }),
    );
    expect(textFrom('a\0b\uD800', 10)).toBe('a\uFFFDb\uFFFD');
    expect(textFrom('😀😀', 3)).toBe('😀\uFFFD');
  });

  it('of counts by name is bounded, and names of object properties are ordinary names', () => {
    expect(countsFrom({ constructor: 3, toString: 4n }, 10)).toEqual({ constructor: 3, toString: 4 });
    expect(Object.keys(countsFrom(Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`n${at}`, at])), 200))).toHaveLength(200);
  });
});
