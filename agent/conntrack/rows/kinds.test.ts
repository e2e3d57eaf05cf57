import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Kinds } from './kinds.ts';

test('a tuple has one number however often it occurs, and no two share one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: -3, max: 3 }), fc.integer(), fc.integer({ min: 0, max: 40 })), { maxLength: 3000 }),
      (tuples) => {
        const kinds = new Kinds(3);
        const known = new Map<string, number>();
        for (const tuple of tuples) {
          const expected = known.get(tuple.join(' ')) ?? known.size;
          known.set(tuple.join(' '), expected);
          expect(kinds.of(Int32Array.from(tuple))).toBe(expected);
        }
        expect(kinds.count).toBe(known.size);
      },
    ),
    { numRuns: 30 },
  );
});
