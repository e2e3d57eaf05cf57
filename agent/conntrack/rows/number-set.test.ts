import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NumberSet } from './number-set.ts';

const value = fc.oneof(
  fc.nat(40),
  fc.nat(40).map((n) => n * 0x20_0000),
  fc.maxSafeNat(),
);

test('behaves like a Set, whatever is added and removed', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(value, fc.boolean()), { maxLength: 400 }), (steps) => {
      const [ours, theirs] = [new NumberSet(), new Set<number>()];
      for (const [one, isAdded] of steps) {
        if (isAdded) ours.add(one);
        else ours.delete(one);
        theirs[isAdded ? 'add' : 'delete'](one);
        expect(ours.has(one)).toBe(isAdded);
      }
      expect(ours.size).toBe(theirs.size);
      expect([...ours].toSorted((a, b) => a - b)).toEqual([...theirs].toSorted((a, b) => a - b));
    }),
    { numRuns: 2000 },
  );
});

test('grows, and still finds everything after half of it was removed', () => {
  const set = new NumberSet();
  for (let n = 0; n < 100_000; n++) set.add(n * 77_777_777);
  for (let n = 0; n < 100_000; n += 2) set.delete(n * 77_777_777);
  expect(set.size).toBe(50_000);
  for (let n = 0; n < 100_000; n++) if (set.has(n * 77_777_777) !== (n % 2 === 1)) throw new Error(`${n} is ${n % 2 ? 'not ' : ''}there`);
});
