import type { Flow } from '../../proto/model/flow.ts';

/** Some 2 MB. */
const MAX_HELD = 2000;

/** Flows in a fixed order, in memory or on disk. They are gone through a batch at a time, as often as need be. */
export interface FlowList {
  readonly count: number;
  /** All of them in their order, `size` at a time; the last batch may be smaller. */
  batches(size: number): Iterable<Flow[]>;
}

/** Of flows that are in memory. */
export function listOf(flows: readonly Flow[]): FlowList {
  return {
    count: flows.length,
    *batches(size) {
      for (let start = 0; start < flows.length; start += size) yield flows.slice(start, start + size);
    },
  };
}

/** Gone through several times, a list of so few is read once. Throws what reading it throws. */
export function readOnce(list: FlowList, most = MAX_HELD): FlowList {
  return list.count <= most ? listOf([...list.batches(Math.max(1, list.count))].flat()) : list;
}

/** So many at a time of what comes one by one. */
export function* inBatches<T>(items: Iterable<T>, size: number): Generator<T[], void, void> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
