import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Flow } from '../../proto/model/flow.ts';
import { sortValue, type SortKey } from '../../proto/model/sort.ts';
import { afterPlace, agentField, compareGateways, compareKeys, type MergeOrder, type NamedGateway, type Place } from './place.ts';
import { Rounds, type PageRow, type RoundAnswer, type RoundAsk } from './rounds.ts';

interface Table {
  gateway: NamedGateway;
  flows: Flow[];
}

function flow(id: number, timeoutSeconds: number | undefined, helper?: string): Flow {
  return {
    family: 4,
    proto: 17,
    zone: 0,
    id,
    status: 0,
    mark: 0,
    labels: [],
    timeoutSeconds,
    helper,
    state: timeoutSeconds === undefined ? undefined : `S${timeoutSeconds}`,
    orig: { src: '10.0.0.1', dst: '10.0.0.2', sport: id % 60_000, dport: 53 },
    reply: { src: '10.0.0.2', dst: '10.0.0.1', sport: 53, dport: id % 60_000 },
  };
}

function keyOf(row: Flow, order: MergeOrder): SortKey {
  return { value: sortValue(row, agentField(order)), id: row.id };
}

/** What an honest gateway answers. One of before knows neither keys nor rows of the value after which it is asked. */
function answer({ flows }: Table, { limit, keys, after }: RoundAsk, order: MergeOrder, isOld = false): RoundAnswer {
  const start = after && { value: after.value, id: after.withValue && !isOld ? -1 : after.id };
  const rows = flows
    .toSorted((a, b) => compareKeys(keyOf(a, order), keyOf(b, order), order))
    .filter((row) => !start || compareKeys(keyOf(row, order), start, order) > 0);
  return {
    rows: rows.slice(0, limit),
    keys: isOld ? [] : rows.slice(0, Math.max(limit, keys)).map((row) => keyOf(row, order)),
    total: flows.length,
  };
}

/** Everything at once: what rounds must come to. */
function allAtOnce(tables: Table[], order: MergeOrder): string[] {
  return tables
    .flatMap(({ gateway, flows }) => flows.map((row) => ({ gateway, row })))
    .toSorted((a, b) => {
      const [x, y] = [keyOf(a.row, order), keyOf(b.row, order)];
      const byGateway = compareGateways(a.gateway, b.gateway, order);
      if (order.field === 'gateway') return byGateway || x.id - y.id;
      return compareKeys({ ...x, id: 0 }, { ...y, id: 0 }, order) || byGateway || x.id - y.id;
    })
    .map(({ gateway, row }) => `${gateway.id} ${row.id}`);
}

const shown = (rows: PageRow[]): string[] => rows.map((row) => `${row.gatewayId} ${row.flow.id}`);

interface Run {
  rows: PageRow[];
  place?: Place;
  isMore: boolean;
  rounds: number;
  decoded: number;
}

/** One page in lockstep; `reply` may fail an ask, by returning nothing. */
function runPage(
  tables: Table[],
  settings: { order: MergeOrder; limit: number; place?: Place },
  reply: (ask: RoundAsk, table: Table) => RoundAnswer | undefined = (ask, table) => answer(table, ask, settings.order),
): Run {
  const rounds = new Rounds(
    tables.map(({ gateway }) => gateway),
    settings,
  );
  const byId = new Map(tables.map((table) => [table.gateway.id, table]));
  let count = 0;
  let decoded = 0;
  for (let asks = rounds.first(); asks.length > 0; asks = rounds.next()) {
    expect(++count).toBeLessThan(40);
    for (const ask of asks) {
      const got = reply(ask, byId.get(ask.gatewayId)!);
      decoded += got?.rows.length ?? 0;
      if (got) rounds.take(ask, got);
      else rounds.fail(ask.gatewayId);
    }
  }
  expect(rounds.giveUp()).toEqual([]);
  return { ...rounds.page(), rounds: count, decoded };
}

const aFlow = fc.record({ id: fc.nat(1000), timeout: fc.option(fc.nat(6), { nil: undefined }) });
const tables = fc
  .array(fc.tuple(fc.constantFrom('lyon', 'milano', 'oslo'), fc.uniqueArray(aFlow, { selector: ({ id }) => id, maxLength: 25 })), {
    minLength: 1,
    maxLength: 14,
  })
  .map((all) =>
    all.map(([name, rows], index): Table => ({
      gateway: { id: `id${index}`, name },
      flows: rows.map(({ id, timeout }) => flow(id, timeout)),
    })),
  );
const order = fc.record({
  field: fc.constantFrom('gateway', 'timeout', 'state', 'id'),
  descending: fc.boolean(),
}) as fc.Arbitrary<MergeOrder>;
const limit = fc.integer({ min: 1, max: 12 });

describe('rounds', () => {
  it('come to the page of asking all gateways at once, and all pages show each row once, in order', () => {
    fc.assert(
      fc.property(tables, order, limit, fc.boolean(), (fleet, by, size, isOld) => {
        const expected = allAtOnce(fleet, by);
        const rows: string[] = [];
        let place: Place | undefined;
        for (let isMore = true; isMore;) {
          const page = runPage(fleet, { order: by, limit: size, place }, (ask, table) =>
            answer(table, ask, by, isOld && by.field === 'gateway'),
          );
          expect(shown(page.rows)).toEqual(expected.slice(rows.length, rows.length + size));
          rows.push(...shown(page.rows));
          ({ place, isMore } = page);
          expect(isMore).toBe(rows.length < expected.length);
        }
        expect(rows).toEqual(expected);
      }),
      { numRuns: 400 },
    );
  });

  it('are the same for agents that tell no keys', () => {
    fc.assert(
      fc.property(tables, order, limit, (fleet, by, size) => {
        const page = runPage(fleet, { order: by, limit: size }, (ask, table) => answer(table, ask, by, true));
        expect(shown(page.rows)).toEqual(allAtOnce(fleet, by).slice(0, size));
      }),
    );
  });

  it('leave out gateways that fail at once, and keep what one that fails later had said; the others’ rows are all there', () => {
    fc.assert(
      fc.property(tables, order, limit, fc.array(fc.nat(3), { minLength: 14, maxLength: 14 }), (fleet, by, size, failsAt) => {
        const asked = new Map<string, number>();
        const failing = new Set<string>();
        const page = runPage(fleet, { order: by, limit: size }, (ask, table) => {
          const round = (asked.get(ask.gatewayId) ?? 0) + 1;
          asked.set(ask.gatewayId, round);
          if (round !== failsAt[fleet.indexOf(table)]) return answer(table, ask, by);
          failing.add(ask.gatewayId);
          return undefined;
        });
        const healthy = fleet.filter(({ gateway }) => !failing.has(gateway.id));
        const rows = shown(page.rows);
        const ofHealthy = rows.filter((row) => !failing.has(row.split(' ')[0]!));
        expect(ofHealthy).toEqual(allAtOnce(healthy, by).slice(0, ofHealthy.length));
        expect(rows).toEqual(allAtOnce(fleet, by).filter((row) => rows.includes(row)));
        if (rows.length < size) expect(ofHealthy).toHaveLength(allAtOnce(healthy, by).length);
      }),
    );
  });

  it('skip no row that is there throughout, and show none twice, while others come and go between rounds', () => {
    const churn = fc.array(fc.record({ id: fc.integer({ min: 2000, max: 3000 }), timeout: fc.nat(6) }), { maxLength: 6 });
    fc.assert(
      fc.property(tables, order, limit, fc.array(churn, { minLength: 4, maxLength: 9 }), (fleet, by, size, coming) => {
        let looks = 0;
        const seen: PageRow[] = [];
        let place: Place | undefined;
        for (let isMore = true, pages = 0; isMore && pages < 400; pages++) {
          const page = runPage(fleet, { order: by, limit: size, place }, (ask, table) => {
            const others = coming[looks++ % coming.length]!.map(({ id, timeout }, index) => flow(id * 10 + index, timeout));
            return answer({ ...table, flows: [...table.flows, ...others] }, ask, by);
          });
          expect(new Set(shown(page.rows)).size).toBe(page.rows.length);
          seen.push(...page.rows);
          ({ place, isMore } = page);
        }
        // A row whose value changed between two pages has another place, and may be on both.
        const places = seen.map(({ gatewayId, flow }) => `${gatewayId} ${flow.id} ${flow.timeoutSeconds}`);
        expect(new Set(places).size).toBe(seen.length);
        expect(shown(seen.filter(({ flow }) => flow.id <= 1000))).toEqual(allAtOnce(fleet, by));
      }),
    );
  });

  it('at the deadline give what is sure, and never a row before one that may still come', () => {
    fc.assert(
      fc.property(tables, order, limit, fc.nat(30), (fleet, by, size, heard) => {
        const rounds = new Rounds(
          fleet.map(({ gateway }) => gateway),
          { order: by, limit: size },
        );
        let left = heard;
        for (let asks = rounds.first(); asks.length > 0 && left > 0; asks = rounds.next())
          for (const ask of asks)
            if (left-- > 0)
              rounds.take(
                ask,
                answer(
                  fleet.find(({ gateway }) => gateway.id === ask.gatewayId)!,
                  ask,
                  by,
                ),
              );
        const silent = new Set(rounds.giveUp());
        const rows = shown(rounds.page().rows);
        const ofOthers = rows.filter((row) => !silent.has(row.split(' ')[0]!));
        const others = fleet.filter(({ gateway }) => !silent.has(gateway.id));
        expect(ofOthers).toEqual(allAtOnce(others, by).slice(0, ofOthers.length));
      }),
    );
  });
});

describe('a gateway that lies', () => {
  const fleet: Table[] = ['a', 'b', 'c'].map((name, at) => ({
    gateway: { id: name, name },
    flows: Array.from({ length: 30 }, (_, index) => flow(index + 1, index * 3 + at)),
  }));
  const by: MergeOrder = { field: 'timeout', descending: false };
  const honest = allAtOnce(
    fleet.filter(({ gateway }) => gateway.id !== 'b'),
    by,
  );

  it.each<[string, (ask: RoundAsk, table: Table) => RoundAnswer]>([
    ['in the order of its rows', (ask, table) => ({ ...answer(table, ask, by), rows: answer(table, ask, by).rows.toReversed() })],
    ['by a time of no number', (ask, table) => ({ ...answer(table, ask, by), rows: [flow(1, Number.NaN), flow(2, 1)] })],
  ])('%s is left out at once, with the reason', (_, lie) => {
    const rounds = new Rounds(
      fleet.map(({ gateway }) => gateway),
      { order: by, limit: 10 },
    );
    const reasons: string[] = [];
    for (let asks = rounds.first(); asks.length > 0; asks = rounds.next())
      for (const ask of asks) {
        const table = fleet.find(({ gateway }) => gateway.id === ask.gatewayId)!;
        const reason = rounds.take(ask, ask.gatewayId === 'b' ? lie(ask, table) : answer(table, ask, by));
        if (reason !== undefined) reasons.push(`${ask.gatewayId}: ${reason}`);
      }
    expect(reasons).toEqual([expect.stringMatching(/^b: It sent rows/)]);
    expect(shown(rounds.page().rows)).toEqual(honest.slice(0, 10));
  });

  it('by repeating rows in a later round is left out, with all that it had said', () => {
    const skewed: Table[] = [
      { gateway: { id: 'b', name: 'b' }, flows: Array.from({ length: 200 }, (_, index) => flow(index + 1, 0)) },
      ...Array.from({ length: 9 }, (_, at): Table => ({
        gateway: { id: `c${at}`, name: `c${at}` },
        flows: Array.from({ length: 50 }, (__, index) => flow(index + 1, 9)),
      })),
    ];
    const page = runPage(skewed, { order: by, limit: 40 }, (ask, table) =>
      ask.gatewayId === 'b' ? answer(table, { ...ask, after: undefined }, by) : answer(table, ask, by),
    );
    expect(shown(page.rows)).toEqual(allAtOnce(skewed.slice(1), by).slice(0, 40));
  });

  it('whatever it says, the others’ rows are those of asking them at once, and the rounds end', () => {
    const anything = fc.record({
      ids: fc.array(fc.nat(50), { maxLength: 12 }),
      total: fc.nat(1_000_000),
      keys: fc.array(fc.nat(50), { maxLength: 12 }),
    });
    fc.assert(
      fc.property(
        fc.array(anything, { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 20 }),
        (says, sorts, size) => {
          let told = 0;
          const page = runPage(fleet, { order: by, limit: size }, (ask, table) => {
            if (ask.gatewayId !== 'b') return answer(table, ask, by);
            const { ids, total, keys } = says[told++ % says.length]!;
            const rows = (sorts ? ids.toSorted((a, c) => a - c) : ids).slice(0, ask.limit).map((id) => flow(id, id));
            return { rows, keys: keys.map((id) => ({ value: id, id })), total };
          });
          const ofOthers = shown(page.rows).filter((row) => !row.startsWith('b'));
          expect(ofOthers).toEqual(honest.slice(0, ofOthers.length));
          expect(page.rows.length).toBe(size);
        },
      ),
    );
  });
});

describe('what a page costs', () => {
  const fleetOf = (count: number, rowsOf: (index: number) => Flow[]): Table[] =>
    Array.from({ length: count }, (_, index) => ({
      gateway: { id: `id${index}`, name: `gw${String(index).padStart(5, '0')}` },
      flows: rowsOf(index),
    }));
  const rowsEach = (count: number, value: (row: number) => number) => Array.from({ length: count }, (_, row) => flow(row + 1, value(row)));
  const shuffled = (index: number, count: number) => rowsEach(count, (row) => ((row * 7919 + index * 104_729) % 100_003) + 1);

  it.each<[string, number, (index: number) => Flow[]]>([
    ['1,000 gateways of equal tables', 1000, (index) => shuffled(index, 40)],
    ['1,000 gateways, one of which has all first rows', 1000, (index) => (index === 700 ? rowsEach(300, () => 0) : shuffled(index, 20))],
    [
      '1,000 gateways, some of which have most of the first rows',
      1000,
      (index) => (index % 100 === 0 ? rowsEach(60, (row) => row % 5) : shuffled(index, 9)),
    ],
    ['1,000 gateways of one match each', 1000, (index) => shuffled(index, 1)],
    ['100 gateways of equal tables', 100, (index) => shuffled(index, 300)],
    ['100 gateways whose rows come one gateway after the other', 100, (index) => rowsEach(300, (row) => index * 1000 + row)],
    ['3 gateways', 3, (index) => shuffled(index, 500)],
  ])('of %s is at most ten rows for each that is shown, and few rounds', (_, count, rowsOf) => {
    const fleet = fleetOf(count, rowsOf);
    for (const field of ['timeout', 'gateway'] as const)
      for (const size of [50, 100, 200]) {
        const by: MergeOrder = { field, descending: false };
        const page = runPage(fleet, { order: by, limit: size });
        expect(shown(page.rows)).toEqual(allAtOnce(fleet, by).slice(0, size));
        expect(page.decoded).toBeLessThanOrEqual(10 * page.rows.length);
        expect(page.rounds).toBeLessThanOrEqual(6);
      }
  });
});

it('a gateway continues after a page wherever its last row came from: the value is shown of gateways before it, of those after not', () => {
  const place: Place = { value: 5, gatewayName: 'milano', gatewayId: 'm', flowId: 7 };
  const by: MergeOrder = { field: 'timeout', descending: true };
  expect(afterPlace({ id: 'm', name: 'renamed' }, place, by)).toEqual({ value: 5, id: 7 });
  expect(afterPlace({ id: 'l', name: 'lyon' }, place, by)).toEqual({ value: 5, id: 0xffff_ffff });
  expect(afterPlace({ id: 'o', name: 'oslo' }, place, by)).toEqual({ value: 5, id: 0, withValue: true });
  expect(afterPlace({ id: 'o', name: 'oslo' }, place, { field: 'gateway', descending: true })).toBe('its-end');
  expect(afterPlace({ id: 'l', name: 'lyon' }, place, { field: 'gateway', descending: true })).toBeUndefined();
});
