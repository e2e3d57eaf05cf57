import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { arbitraryEntry, arbitraryFilter } from '../../../test/support/arbitrary-entry.ts';
import { filterOf } from '../../../test/support/filter-of.ts';
import { Method } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { EVERYTHING, type FlowFilter } from '../../../proto/model/filter/filter.ts';
import { freezePlan } from '../../operations/freeze-plan.ts';
import { PlanStore } from '../../operations/plan-store.ts';
import type { Breakdown, ConntrackTable, FlowContext, SearchAnswer } from '../table.ts';
import type { NewEntry } from '../wire/requests.ts';
import { Columns } from '../rows/columns.ts';
import { ColumnarTable } from './columnar-table.ts';
import { MemoryTable } from './memory-table.ts';
import { StandingFlows } from './standing-flows.ts';
import { standingSyntheticFlows } from './synthetic-flows.ts';

const NOW = 1_900_000_000_000;
const CONTEXT: FlowContext = {
  wans: [
    { name: 'wan1', addresses: [Uint8Array.from([198, 18, 1, 1])] },
    { name: 'lte', addresses: [Uint8Array.from([192, 51, 2, 2])] },
  ],
  protections: [{ reason: 'management', filter: filterOf('dport:22') }],
};
const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-columnar-'));
afterAll(() => rmSync(folder, { recursive: true }));
const plans = new PlanStore(folder);

/** What both tables can be made of: nothing that expires at once, and no tracker of a direction alone. */
const newEntry: fc.Arbitrary<NewEntry> = arbitraryEntry.map(
  ({ family, proto, orig, reply, zone, status, mark, state, timeoutSeconds, labels, helper }) => ({
    family,
    proto,
    orig,
    reply,
    zone,
    status,
    mark,
    state,
    timeoutSeconds: timeoutSeconds === undefined ? undefined : timeoutSeconds + 1,
    labels,
    helper,
  }),
);

test('finds, counts, freezes and deletes what a table of objects does', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(newEntry, { maxLength: 40 }),
      fc.array(arbitraryFilter, { minLength: 1, maxLength: 5 }),
      fc.infiniteStream(fc.boolean()),
      async (entries, filters, coins) => {
        const objects = new MemoryTable({ now: () => NOW });
        entries.forEach((entry) => objects.insert(entry));
        const columns = new ColumnarTable({ now: () => NOW, flows: new StandingFlows(new Columns(0)) });
        columns.insert(entries);
        for (const filter of filters) await expectSame(objects, columns, filter);
        const { rows } = await answer(objects, EVERYTHING);
        const some = rows.filter(() => coins.next().value);
        expect(await columns.delete(some)).toEqual(await objects.delete(some));
        expect(await columns.areThere(rows)).toEqual(await objects.areThere(rows));
        for (const filter of filters) await expectSame(objects, columns, filter);
        expect(countsOf(await columns.breakdown(CONTEXT))).toEqual(countsOf(await objects.breakdown(CONTEXT)));
        expect(await columns.delete(some)).toEqual(some.map(() => 'gone'));
      },
    ),
    { numRuns: 80 },
  );
});

async function expectSame(a: ConntrackTable, b: ConntrackTable, filter: FlowFilter): Promise<void> {
  expect(await answer(b, filter)).toEqual(await answer(a, filter));
  expect(await digestOf(b, filter)).toEqual(await digestOf(a, filter));
}

function answer(table: ConntrackTable, filter: FlowFilter): Promise<SearchAnswer> {
  return table.search({ filter, context: CONTEXT, limit: 100, withFacets: true });
}

async function digestOf(table: ConntrackTable, filter: FlowFilter): Promise<object> {
  const hands = { table, plans, isPlanInUse: () => false, context: () => CONTEXT, clock: { now: () => NOW, delay: async () => undefined } };
  const request = { planId: 'a', filter, method: Method.METHOD_DELETE, expiresAtMs: NOW + 1000, maxFlows: 1000 };
  const { flows, digest } = await freezePlan(hands, request, NOW, async () => undefined, new AbortController().signal);
  return { flows, digest: digest.toString('hex') };
}

/** Of equal groups, either may come first. */
function countsOf({ walked, byProto, byState, byWan, translations }: Breakdown): object {
  const groups = translations.map(({ address, proto, flows }) => `${flows} ${proto} ${address}`).sort();
  return { walked, byProto, byState, byWan, groups };
}

test('what is deleted on one gateway stays on those that share its flows', async () => {
  const flows = standingSyntheticFlows({ seed: 3, count: 2000, wanAddresses: ['198.18.1.1'], lan: '10.3' }, NOW);
  const [one, other] = [new ColumnarTable({ now: () => NOW, flows }), new ColumnarTable({ now: () => NOW, flows })];
  const dns = filterOf('dport:53');
  const before = await one.search({ filter: dns, context: CONTEXT, limit: 10_000, withFacets: true });
  expect(before.total).toBeGreaterThan(100);
  expect(await one.delete(before.rows)).toEqual(before.rows.map(() => 'deleted'));
  expect((await one.search({ filter: dns, context: CONTEXT, limit: 0 })).total).toBe(0);
  expect([await one.count(), await other.count()]).toEqual([2000 - before.total, 2000]);
  expect(await other.search({ filter: dns, context: CONTEXT, limit: 10_000, withFacets: true })).toEqual(before);
  expect((await one.breakdown(CONTEXT)).walked).toBe(2000 - before.total);
  expect(await one.restore(before.rows.slice(0, 5))).toEqual(before.rows.slice(0, 5).map(() => 'restored'));
  expect([await one.count(), await other.count()]).toEqual([2005 - before.total, 2000]);
});

test('a flow that was set to expire ends at its time, also when others were added meanwhile', async () => {
  const clock = { ms: NOW };
  const flows = standingSyntheticFlows({ seed: 3, count: 50, wanAddresses: [], lan: '10.3' }, NOW);
  const table = new ColumnarTable({ now: () => clock.ms, flows });
  const { rows } = await table.search({ filter: EVERYTHING, context: CONTEXT, limit: 50 });
  await table.expire(rows.slice(10, 12), 30);
  await table.delete([rows[0]!]);
  expect(await table.restore([rows[0]!])).toEqual(['restored']);
  clock.ms += 29_000;
  expect(await table.count()).toBe(50);
  clock.ms += 1000;
  expect(await table.count()).toBe(48);
  expect((await table.lookup(rows.slice(10, 13), CONTEXT)).map((flow) => flow !== undefined)).toEqual([false, false, true]);
});

test('the same seed makes the same flows, with no tuple twice', async () => {
  const make = () => standingSyntheticFlows({ seed: 9, count: 500, wanAddresses: ['198.18.1.1'], lan: '10.9' }, NOW);
  const flowsOf = async () =>
    (await new ColumnarTable({ now: () => NOW, flows: make() }).search({ filter: EVERYTHING, context: CONTEXT, limit: 500 })).rows;
  const rows = await flowsOf();
  expect(new Set(rows.map(({ proto, orig }) => JSON.stringify([proto, orig]))).size).toBe(500);
  expect(await flowsOf()).toEqual(rows);
});
