import { expect, test } from 'vitest';
import { sharedTable, shares, simulation } from './fleet.ts';

const fleet = (count: number, processes?: number) =>
  simulation.parse({
    processes,
    gateways: Array.from({ length: count }, (_, seed) => ({ name: `gw${seed}`, seed, stateDir: `/x/${seed}` })),
  });

test('a thousand gateways are one process, more are as many as there are cores, and each gateway is in one', () => {
  expect(shares(fleet(1000), 8)).toHaveLength(1);
  expect(shares(fleet(2500), 8)).toHaveLength(3);
  const split = shares(fleet(5000), 2);
  expect(split.map((share) => share.length)).toEqual([2500, 2500]);
  expect(new Set(split.flat().map(({ name }) => name)).size).toBe(5000);
});

test('as many processes as asked for, but none without a gateway', () => {
  expect(shares(fleet(10, 3), 1).map((share) => share.length)).toEqual([4, 3, 3]);
  expect(shares(fleet(2, 5), 1)).toHaveLength(2);
});

test('large tables are shared by more gateways than small ones', () => {
  const tables = (flows: number) => new Set(Array.from({ length: 1000 }, (_, seed) => sharedTable({ seed, flows }))).size;
  expect([tables(2000), tables(100_000), tables(1_000_000)]).toEqual([50, 4, 1]);
  expect(tables(0)).toBe(50);
});
