import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LiveSet } from './live-set.ts';

test('the set is exact only after a walk during which no event was lost', () => {
  const live = new LiveSet();
  live.born(1);
  expect(live.isExact).toBe(false);
  live.begin();
  live.lost();
  live.met(1);
  expect(live.finish()).toBe(false);
  live.begin();
  live.met(1);
  expect([live.finish(), live.isExact, [...live]]).toEqual([true, true, [1]]);
  live.lost();
  expect(live.isExact).toBe(false);
});

test('an entry that ended before its row was read is not alive', () => {
  const live = new LiveSet();
  live.begin();
  live.ended(7);
  live.met(7);
  live.finish();
  expect([...live]).toEqual([]);
});

test('in whatever order rows and events are read, the set equals the table', () => {
  // A walk that meets each entry at one moment, and whose row is read some steps later; events are read in order.
  const step = fc.record({ entry: fc.nat(6), isBirth: fc.boolean(), readsRows: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(fc.nat(6)), fc.array(step, { maxLength: 40 }), (first, steps) => {
      const table = new Set(first);
      const live = new LiveSet();
      live.begin();
      const bucket = [0, 1, 2, 3, 4, 5, 6];
      const rows: number[] = [];
      const fillBlock = (): void => {
        for (const entry of bucket.splice(0, 2)) if (table.has(entry)) rows.push(entry);
      };
      fillBlock();
      for (const { entry, isBirth, readsRows } of steps) {
        if (isBirth === table.has(entry)) continue;
        if (isBirth) table.add(entry);
        else table.delete(entry);
        live[isBirth ? 'born' : 'ended'](entry);
        for (const row of rows.splice(0, readsRows)) live.met(row);
        if (rows.length === 0) fillBlock();
      }
      while (bucket.length > 0 || rows.length > 0) {
        for (const row of rows.splice(0)) live.met(row);
        fillBlock();
      }
      expect(live.finish()).toBe(true);
      expect([...live].toSorted()).toEqual([...table].toSorted());
    }),
    { numRuns: 2000 },
  );
});
