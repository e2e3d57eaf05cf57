import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mergeSorted } from './merge.ts';

const lists = fc.array(
  fc.array(fc.nat(30), { maxLength: 8 }).map((list) => list.toSorted((a, b) => a - b)),
  { maxLength: 12 },
);

it('merged lists are as if all had been sorted together, up to the limit', () => {
  fc.assert(
    fc.property(lists, fc.nat(40), (sorted, limit) => {
      const expected = sorted
        .flat()
        .toSorted((a, b) => a - b)
        .slice(0, limit);
      expect(mergeSorted(sorted, (a, b) => a - b, limit)).toEqual(expected);
    }),
  );
});

it('a merge compares each item a few times however many lists there are', () => {
  let compared = 0;
  const many = Array.from({ length: 1024 }, (_, index) => [index, index + 2000]);
  mergeSorted(
    many,
    (a, b) => {
      compared++;
      return a - b;
    },
    100,
  );
  // Twice 1,024 to build the heap, and twice its ten levels for each item.
  expect(compared).toBeLessThan(2 * 1024 + 100 * 2 * 10 + 1);
});
