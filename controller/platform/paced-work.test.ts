import { expect, it } from 'vitest';
import { PacedWork } from './paced-work.ts';

it('a crowd is worked off a few in each turn, in order, and what comes meanwhile after it', () => {
  const turns: (() => void)[] = [];
  const done: number[] = [];
  const paced = new PacedWork<number>(
    (item) => done.push(item),
    2,
    (run) => turns.push(run),
  );
  const turn = (): void => turns.shift()!();
  for (let item = 1; item <= 5; item++) paced.add(item);
  expect(done).toEqual([]);
  turn();
  expect(done).toEqual([1, 2]);
  paced.add(6);
  turn();
  turn();
  expect(done).toEqual([1, 2, 3, 4, 5, 6]);
  expect(turns).toEqual([]);
  paced.add(7);
  expect(turns).toHaveLength(1);
  turn();
  expect(done.at(-1)).toBe(7);
  expect(turns).toEqual([]);
});
