import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareSortKeys, type SortKey } from '../../../proto/model/sort.ts';
import { Tally } from './tally.ts';
import { TopRows } from './top-rows.ts';

const key: fc.Arbitrary<SortKey> = fc.record({ value: fc.option(fc.nat(20), { nil: undefined }), id: fc.nat(50) });

test('the top rows are the head of the sorted list, from any position on', () => {
  fc.assert(
    fc.property(fc.array(key), fc.nat(10), fc.boolean(), fc.option(key, { nil: undefined }), (keys, limit, descending, after) => {
      const top = new TopRows<SortKey>({ limit, descending, after });
      for (const one of keys) top.offer(one, () => one);
      const sorted = keys
        .filter((one) => !after || compareSortKeys(one, after, descending) > 0)
        .sort((a, b) => compareSortKeys(a, b, descending));
      expect(top.rows()).toEqual(sorted.slice(0, limit));
    }),
    { numRuns: 2000 },
  );
});

test('rows that are not among the first are never created', () => {
  const top = new TopRows<number>({ limit: 2, descending: false });
  for (const id of [1, 2]) top.offer({ value: id, id }, () => id);
  top.offer({ value: 3, id: 3 }, () => {
    throw new Error('made');
  });
  expect(top.rows()).toEqual([1, 2]);
});

test('the largest counts are those of the whole list', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(30)), fc.integer({ min: 1, max: 5 }), (values, most) => {
      const tally = new Tally<number>();
      for (const value of values) tally.add(value);
      expect(tally.entries(most)).toEqual(tally.entries().slice(0, most));
    }),
    { numRuns: 1000 },
  );
});
