import { expect, it } from 'vitest';
import { inBatches } from './chunk-batches.ts';

const rows = (count: number, bytes: number) => Array.from({ length: count }, (_, name) => ({ name, batch: new Uint8Array(bytes) }));

it('parts of a thousand gateways go into a few statements of two megabytes, in their order', () => {
  const parts = rows(1000, 23_000);
  const batches = inBatches(parts);
  expect(batches.flat()).toEqual(parts);
  expect(batches.length).toBe(11);
});

it('no statement has more than 500 rows, and what is too large has one of its own', () => {
  expect(inBatches(rows(1001, 10)).map((batch) => batch.length)).toEqual([500, 500, 1]);
  expect(inBatches(rows(2, 3_000_000)).map((batch) => batch.length)).toEqual([1, 1]);
  expect(inBatches([])).toEqual([]);
});
