import { describe, expect, it } from 'vitest';
import { Batches } from './batches.ts';

/** Work whose end the test controls. */
function stage(most: number, canDo: (items: number[]) => boolean = () => true) {
  const begun: number[][] = [];
  const ends: (() => void)[] = [];
  const batches = new Batches<number>((items) => {
    begun.push(items);
    return new Promise((resolve, reject) =>
      ends.push(() => (canDo(items) ? resolve() : reject(new Error(`cannot do ${items.join(' ')}`)))),
    );
  }, most);
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return {
    batches,
    begun,
    end: async () => {
      ends.shift()!();
      await settle();
    },
    settle,
  };
}

describe('batches', () => {
  it('group what arrives at one moment, and what arrives during a batch, in order and never two at once', async () => {
    const { batches, begun, end, settle } = stage(3);
    const done: number[] = [];
    const add = (item: number): void => void batches.add(item).then(() => done.push(item));
    [1, 2].forEach(add);
    await settle();
    expect(begun).toEqual([[1, 2]]);
    [3, 4, 5, 6].forEach(add);
    await settle();
    expect([begun.length, done]).toEqual([1, []]);
    await end();
    expect([begun, done]).toEqual([
      [
        [1, 2],
        [3, 4, 5],
      ],
      [1, 2],
    ]);
    await end();
    await end();
    expect([begun.at(-1), done]).toEqual([[6], [1, 2, 3, 4, 5, 6]]);
    add(7);
    await settle();
    expect(begun.at(-1)).toEqual([7]);
  });

  it('are retried item by item if they fail, so that only the broken item fails, with its own error', async () => {
    const { batches, begun, end, settle } = stage(10, (items) => !items.includes(2));
    const results = Promise.allSettled([1, 2, 3].map((item) => batches.add(item)));
    await settle();
    for (let left = 4; left > 0; left--) await end();
    expect(begun).toEqual([[1, 2, 3], [1], [2], [3]]);
    expect((await results).map((result) => (result.status === 'rejected' ? (result.reason as Error).message : 'done'))).toEqual([
      'done',
      'cannot do 2',
      'done',
    ]);
  });

  it('give up at the second failure in a row, because then it is not the items', async () => {
    const { batches, begun, end, settle } = stage(10, () => false);
    const results = Promise.allSettled([1, 2, 3, 4].map((item) => batches.add(item)));
    await settle();
    for (let left = 3; left > 0; left--) await end();
    expect(begun).toEqual([[1, 2, 3, 4], [1], [2]]);
    expect((await results).map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected']);
  });

  it('try a single item only once', async () => {
    const { batches, begun, end, settle } = stage(10, () => false);
    const result = batches.add(1).catch((error: Error) => error.message);
    await settle();
    await end();
    expect([begun, await result]).toEqual([[[1]], 'cannot do 1']);
  });
});
