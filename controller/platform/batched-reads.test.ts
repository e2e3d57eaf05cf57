import { expect, it } from 'vitest';
import { BatchedReads } from './batched-reads.ts';

it('a crowd that asks at one moment is read for at once, and each gets its own answer', async () => {
  const reads: number[][] = [];
  const doubled = new BatchedReads<number, number>(async (items) => {
    reads.push(items);
    return items.map((item) => 2 * item);
  }, 3);
  expect(await Promise.all([1, 2, 3, 4].map((item) => doubled.of(item)))).toEqual([2, 4, 6, 8]);
  expect(reads).toEqual([[1, 2, 3], [4]]);
});

it('an item that cannot be read fails alone', async () => {
  const strict = new BatchedReads<number, number>(async (items) => {
    if (items.includes(2)) throw new Error('not 2');
    return items;
  }, 10);
  const answers = await Promise.allSettled([1, 2, 3].map((item) => strict.of(item)));
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});
