import { expect, it } from 'vitest';
import type { Flow } from '../../proto/model/flow.ts';
import { inBatches, readOnce, type FlowList } from './flow-list.ts';

const flows = Array.from({ length: 7 }, (_, id) => ({ id }) as Flow);

/** A list that counts how often it is read. */
function counted(): { list: FlowList; reads: () => number } {
  let reads = 0;
  return { list: { count: flows.length, batches: (size) => (reads++, inBatches(flows, size)) }, reads: () => reads };
}

it('a short list is read once, however often and in whatever batches it is gone through', () => {
  const { list, reads } = counted();
  const held = readOnce(list, 7);
  for (const size of [1, 3, 7, 100]) expect([...held.batches(size)]).toEqual([...inBatches(flows, size)]);
  expect([held.count, reads()]).toEqual([7, 1]);
});

it('a longer one stays where it is', () => {
  const { list, reads } = counted();
  expect(readOnce(list, 6)).toBe(list);
  expect(reads()).toBe(0);
});

it('an empty one is none', () => {
  expect([...readOnce({ count: 0, batches: () => [] }).batches(10)]).toEqual([]);
});
