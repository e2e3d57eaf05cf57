import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

test('so many at once, and the others in the order in which they came', async () => {
  const turns = new Turns(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const all = [0, 1, 2, 3].map((n) => turns.take(() => (begun.push(n), new Promise<void>((resolve) => ends.push(resolve)))));
  expect([begun, turns.waiting]).toEqual([[0, 1], 2]);
  ends[1]!();
  await all[1];
  await Promise.resolve();
  expect([begun, turns.waiting]).toEqual([[0, 1, 2], 1]);
  ends[0]!();
  await all[0];
  await Promise.resolve();
  ends.slice(2).forEach((end) => end());
  await Promise.all(all);
  expect(begun).toEqual([0, 1, 2, 3]);
});

test('whoever is aborted while it waits leaves the queue at once and is never begun; the next one has its turn', async () => {
  const turns = new Turns(1);
  let end: () => void = () => undefined;
  const first = turns.take(
    () =>
      new Promise<void>((resolve) => {
        end = resolve;
      }),
  );
  const abort = new AbortController();
  const given = turns.take(() => Promise.reject(new Error('begun')), abort.signal);
  const next = turns.take(() => Promise.resolve('next'), new AbortController().signal);
  abort.abort(new Error('not wanted'));
  await expect(given).rejects.toThrow('not wanted');
  expect(turns.waiting).toBe(1);
  end();
  await first;
  expect(await next).toBe('next');
  expect(await turns.take(() => Promise.resolve('free'), AbortSignal.abort())).toBe('free');
});
