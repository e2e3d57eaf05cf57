import { expect, test } from 'vitest';
import type { FlowFilter } from '../../../proto/model/filter/filter.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import { entryOf } from '../../../test/support/sample-entries.ts';
import { MemoryTable } from './memory-table.ts';
import { SyntheticFlows } from './synthetic-flows.ts';

const ALL: FlowFilter = { kind: 'everything' };
const CONTEXT = { wans: [], protections: [] };
const DNS = entryOf({ proto: 17, orig: { src: '10.1.0.1', dst: '198.51.100.53', sport: 1000, dport: 53 }, timeoutSeconds: 30 });

function tableAt(ms: number, options: { max?: number; count?: number } = {}) {
  const clock = { ms };
  const traffic =
    options.count === undefined
      ? undefined
      : new SyntheticFlows({ seed: 7, count: options.count, wanAddresses: ['198.18.0.12', '198.19.0.12'], lan: '10.7' });
  const table = new MemoryTable({ now: () => clock.ms, max: options.max, traffic });
  const flows = async (): Promise<Flow[]> => (await table.search({ filter: ALL, context: CONTEXT, limit: 100_000 })).rows;
  return { clock, table, flows };
}

test('a flow grows idle, and ends when its timeout expires', async () => {
  const { clock, table, flows } = tableAt(1_000_000);
  const key = table.insert(DNS)!;
  clock.ms += 5000;
  expect(await flows()).toMatchObject([{ idleSeconds: undefined, idleBounds: { atLeast: 0, atMost: 5 } }]);
  table.carry(key, { packets: 1n, bytes: 60n }, { packets: 0n, bytes: 0n });
  clock.ms += 12_500;
  expect(await flows()).toMatchObject([{ timeoutSeconds: 17, idleSeconds: 12 }]);
  clock.ms += 17_500;
  expect(await flows()).toEqual([]);
});

test('a packet is counted and restarts the timeout', async () => {
  const { clock, table, flows } = tableAt(1_000_000);
  const key = table.insert(DNS)!;
  clock.ms += 29_000;
  expect(table.carry(key, { packets: 1n, bytes: 60n }, { packets: 1n, bytes: 200n })).toBe(true);
  clock.ms += 1_500;
  expect(await flows()).toMatchObject([{ timeoutSeconds: 28, idleSeconds: 1, origCounters: { packets: 1n, bytes: 60n } }]);
  await table.delete([key]);
  expect(table.carry(key, { packets: 1n, bytes: 60n }, { packets: 0n, bytes: 0n })).toBe(false);
});

test('a full table drops new flows and counts the drops', async () => {
  const { table } = tableAt(0, { max: 1 });
  table.insert(DNS);
  expect(table.insert({ ...DNS, zone: 4 })).toBeUndefined();
  expect(await table.counters()).toMatchObject({ count: 1, max: 1, cpus: [{ insert: 1, drop: 1 }] });
});

test('synthetic traffic is the same for the same seed', async () => {
  const [one, other] = [tableAt(5_000, { count: 500 }), tableAt(5_000, { count: 500 })];
  expect(await one.flows()).toEqual(await other.flows());
});

test('synthetic traffic is a mix, stays near its size and changes slowly', async () => {
  const { clock, flows } = tableAt(5_000_000, { count: 2_000 });
  const first = await flows();
  expect(first.length).toBeGreaterThan(1_900);
  const states = new Set(first.map((flow) => `${flow.proto} ${flow.state ?? ''}`));
  for (const kind of ['6 ESTABLISHED', '6 TIME_WAIT', '6 SYN_SENT', '17 ', '1 ']) expect(states).toContain(kind);
  for (let second = 0; second < 600; second++) {
    clock.ms += 1_000;
    if (second % 10 === 0) await flows();
  }
  const later = await flows();
  expect(later.length).toBeGreaterThan(1_500);
  expect(later.length).toBeLessThanOrEqual(2_000);
  const before = new Set(first.map((flow) => flow.id));
  const kept = later.filter((flow) => before.has(flow.id)).length;
  expect(kept).toBeGreaterThan(200);
  expect(kept).toBeLessThan(later.length);
  expect(later.some((flow) => (flow.origCounters?.packets ?? 0n) > 0n)).toBe(true);
});
