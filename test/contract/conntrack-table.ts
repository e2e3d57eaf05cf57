import { beforeEach, describe, expect, test } from 'vitest';
import type { NewEntry } from '../../agent/conntrack/wire/requests.ts';
import type { ConntrackTable, Expectation, FlowContext, NewExpectation, SearchAnswer, SearchOptions } from '../../agent/conntrack/table.ts';
import type { FieldName, FlowFilter, Match } from '../../proto/model/filter/filter.ts';
import { evaluateFilter } from '../../proto/model/filter/evaluate.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { IPS } from '../../proto/model/status.ts';
import { parseAddress, parsePrefix } from '../../proto/model/address.ts';
import { SORT_FIELDS, sortValue, compareSortKeys } from '../../proto/model/sort.ts';
import { MASTERS, SAMPLE_EXPECTATIONS } from '../support/sample-expectations.ts';
import { entryOf, SAMPLE_ENTRIES, TRACKED_ENTRIES } from '../support/sample-entries.ts';

/** A table for one test, and the way to put entries into it. */
export interface TableUnderTest {
  table(): ConntrackTable;
  create(entries: NewEntry[]): void;
  /** Makes it expect flows whose masters are there. */
  expect(expectations: readonly NewExpectation[]): void;
  /** Empties the table. */
  clear(): void;
}

const EVERYTHING: FlowFilter = { kind: 'everything' };
export const CONTEXT: FlowContext = {
  wans: [
    { name: 'wan1', addresses: [parseAddress('198.18.0.12')!] },
    { name: 'wan2', addresses: [parseAddress('198.19.0.12')!, parseAddress('fd00:1:1::3')!] },
  ],
  protections: [
    { reason: 'management', filter: term('dport', { kind: 'range', from: 22, to: 22 }) },
    {
      reason: 'trunk',
      filter: {
        kind: 'and',
        operands: [term('app', { kind: 'glob', pattern: 'sip' }), term('mark', { kind: 'mask', value: 0x100, mask: 0xff00 })],
      },
    },
  ],
};

export function term(field: FieldName, match: Match): FlowFilter {
  return { kind: 'term', field, match };
}

const prefix = (text: string): Match => ({ kind: 'prefix', prefix: parsePrefix(text)! });
const endpoint = (text: string, from: number, to = from): Match => ({ kind: 'endpoint', prefix: parsePrefix(text)!, from, to });
const range = (from?: number, to?: number): Match => ({ kind: 'range', from, to });
const glob = (pattern: string): Match => ({ kind: 'glob', pattern });

/** At least one filter for each field of the grammar; together they split the sample entries in many ways. */
export const FILTERS: [string, FlowFilter][] = [
  ['wan:wan1', term('wan', glob('wan1'))],
  ['wan:wan*', term('wan', glob('wan*'))],
  ['proto:tcp', term('proto', range(6, 6))],
  ['proto:esp', term('proto', range(50, 50))],
  ['proto:gre', term('proto', range(47, 47))],
  ['proto:58', term('proto', range(58, 58))],
  ['family:ipv6', term('family', range(6, 6))],
  ['state:time-wait', term('state', glob('time-wait'))],
  ['state:syn*', term('state', glob('syn*'))],
  ['state:new', term('state', glob('new'))],
  ['state:related', term('state', glob('related'))],
  ['state:established', term('state', glob('established'))],
  ['state:expired', term('state', glob('expired'))],
  ['status:assured', term('status', glob('assured'))],
  ['status:unreplied', term('status', glob('unreplied'))],
  ['status:nat', term('status', glob('nat'))],
  ['status:dnat', term('status', glob('dnat'))],
  ['app:sip', term('app', glob('sip'))],
  ['app:ipsec', term('app', glob('ipsec'))],
  ['app:dns', term('app', glob('dns'))],
  ['ip:198.18.0.12', term('ip', prefix('198.18.0.12'))],
  ['ip:10.1.0.0/29', term('ip', prefix('10.1.0.0/29'))],
  ['ip:0.0.0.0/0', term('ip', prefix('0.0.0.0/0'))],
  ['ip:2001:db8::/32', term('ip', prefix('2001:db8::/32'))],
  ['src:10.1.0.7', term('src', prefix('10.1.0.7'))],
  ['dst:198.51.100.0/28', term('dst', prefix('198.51.100.0/28'))],
  ['src:fd00:1:1::3', term('src', prefix('fd00:1:1::3'))],
  ['rsrc:10.1.0.80', term('rsrc', prefix('10.1.0.80'))],
  ['rdst:198.19.0.12', term('rdst', prefix('198.19.0.12'))],
  ['nat:198.18.0.0/16', term('nat', prefix('198.18.0.0/16'))],
  ['nat:10.1.0.80', term('nat', prefix('10.1.0.80'))],
  ['host:10.1.0.9', term('host', prefix('10.1.0.9'))],
  ['port:443', term('port', range(443, 443))],
  ['sport:40000-40003', term('sport', range(40_000, 40_003))],
  ['dport:5060-5061', term('dport', range(5060, 5061))],
  ['rsport:443', term('rsport', range(443, 443))],
  ['rdport>50000', term('rdport', range(50_001))],
  ['10.1.0.7:40001', term('ip', endpoint('10.1.0.7', 40_001))],
  ['198.18.0.12:5060', term('ip', endpoint('198.18.0.12', 5060))],
  ['src:10.1.0.0/24:40000-40003', term('src', endpoint('10.1.0.0/24', 40_000, 40_003))],
  ['dst:198.51.100.0/24:443', term('dst', endpoint('198.51.100.0/24', 443))],
  ['dst:198.51.100.0/24:53', term('dst', endpoint('198.51.100.0/24', 53))],
  ['nat:198.18.0.12:1024-', term('nat', endpoint('198.18.0.12', 1024, 65_535))],
  ['rdst:[fd00::/16]:0-65535', term('rdst', endpoint('fd00::/16', 0, 65_535))],
  ['icmp-type:8', term('icmp-type', range(8, 8))],
  ['icmp-code:0', term('icmp-code', range(0, 0))],
  ['icmp-id>0', term('icmp-id', range(1))],
  ['key>0', term('key', range(1))],
  ['srckey:0', term('srckey', range(0, 0))],
  ['rdstkey>0', term('rdstkey', range(1))],
  ['orig-zone>0', term('orig-zone', range(1))],
  ['orig-zone:none', term('orig-zone', { kind: 'none' })],
  ['reply-zone:none', term('reply-zone', { kind: 'none' })],
  ['wan:none', term('wan', { kind: 'none' })],
  ['helper:none', term('helper', { kind: 'none' })],
  ['label:none', term('label', { kind: 'none' })],
  ['mark:0x100/0xff00', term('mark', { kind: 'mask', value: 0x100, mask: 0xff00 })],
  ['mark:0xffffffff', term('mark', { kind: 'mask', value: 0xffffffff, mask: 0xffffffff })],
  ['zone:7', term('zone', range(7, 7))],
  ['zone:0', term('zone', range(0, 0))],
  ['label:100', term('label', glob('100'))],
  ['label:1*', term('label', glob('1*'))],
  ['helper:*', term('helper', glob('*'))],
  ['age<1h', term('age', range(undefined, 3599))],
  ['idle>20s', term('idle', range(21))],
  ['timeout<60s', term('timeout', range(undefined, 59))],
  ['bytes<1k', term('bytes', range(undefined, 999))],
  ['packets>0', term('packets', range(1))],
  ['id:*', term('id', range(0, 0xffffffff))],
];

/** What holds for every table. */
export function describeConntrackTable(underTest: TableUnderTest): void {
  const search = (options: Partial<SearchOptions> = {}): Promise<SearchAnswer> =>
    underTest.table().search({ filter: EVERYTHING, context: CONTEXT, limit: 1000, ...options });
  const nowOf = (answer: SearchAnswer): number => answer.snapshotAtMs;

  describe('a conntrack table', () => {
    beforeEach(() => {
      underTest.clear();
      underTest.create(SAMPLE_ENTRIES);
    });

    test('every entry is found with everything it was made of', async () => {
      const { rows, total, tableCount } = await search();
      expect([total, tableCount, rows.length]).toEqual([SAMPLE_ENTRIES.length, SAMPLE_ENTRIES.length, SAMPLE_ENTRIES.length]);
      for (const entry of SAMPLE_ENTRIES) {
        const row = rows.find(
          (flow) =>
            flow.proto === entry.proto &&
            flow.zone === entry.zone &&
            JSON.stringify(sorted(flow.orig)) === JSON.stringify(sorted(entry.orig)),
        );
        expect(row?.reply).toEqual(entry.reply);
        expect([row!.mark, row!.state, row!.status & entry.status]).toEqual([entry.mark, entry.state, entry.status]);
        expect(entry.timeoutSeconds! - row!.timeoutSeconds!).toBeLessThanOrEqual(5);
        expect(row!.labels).toEqual(entry.labels ? ['1', '100'] : []);
        expect(Math.abs(row!.startedAtMs! - Date.now())).toBeLessThan(60_000);
      }
    });

    test.each(FILTERS)('%s finds what the reference evaluator finds, and so does its negation', async (_, filter) => {
      const all = await search();
      for (const asked of [filter, { kind: 'not', operand: filter } satisfies FlowFilter]) {
        const answer = await search({ filter: asked });
        expect(ids(answer.rows)).toEqual(ids(all.rows.filter((flow) => evaluateFilter(asked, flow, nowOf(answer)))));
        expect(answer.total).toBe(answer.rows.length);
      }
    });

    test('flows without a WAN are unknown if no WAN is known, and nothing is mistaken for one', async () => {
      const asked = { ...CONTEXT, wans: [] };
      for (const filter of [term('wan', { kind: 'none' }), { kind: 'not', operand: term('wan', { kind: 'none' }) } satisfies FlowFilter]) {
        await expect(search({ filter, context: asked })).rejects.toMatchObject({ code: 'CAPABILITY_MISSING' });
      }
    });

    test('and, or and not combine', async () => {
      const filter: FlowFilter = {
        kind: 'or',
        operands: [
          { kind: 'and', operands: [term('proto', range(6, 6)), { kind: 'not', operand: term('state', glob('established')) }] },
          { kind: 'not', operand: { kind: 'or', operands: [term('family', range(4, 4)), term('proto', range(17, 17))] } },
        ],
      };
      expect((await search({ filter })).rows.map((flow) => `${flow.proto} ${flow.state}`).sort()).toEqual([
        '58 undefined',
        '6 CLOSE_WAIT',
        '6 SYN_SENT',
        '6 TIME_WAIT',
      ]);
    });

    test('flows of a WAN are those with its address on any side that the gateway has', async () => {
      const { rows } = await search({ filter: term('wan', glob('wan1')) });
      expect(rows.map((flow) => flow.wan)).toEqual(['wan1', 'wan1', 'wan1']);
      expect(rows.some((flow) => flow.orig.dst === '198.18.0.12')).toBe(true);
    });

    test('a protected flow gives the reason, and the first reason wins', async () => {
      const { rows } = await search();
      const reasons = rows.filter((flow) => flow.protectedBy !== undefined).map((flow) => [flow.orig.dport, flow.protectedBy]);
      expect(reasons.sort()).toEqual([
        [22, 'management'],
        [5060, 'trunk'],
      ]);
    });

    test('a term that no table can evaluate is refused, in a protection too', async () => {
      const site = term('site', glob('mil*'));
      await expect(search({ filter: site })).rejects.toMatchObject({ code: 'FILTER_UNSUPPORTED' });
      await expect(search({ filter: { kind: 'and', operands: [term('proto', range(255, 255)), site] } })).rejects.toMatchObject({
        code: 'FILTER_UNSUPPORTED',
      });
      await expect(search({ context: { wans: [], protections: [{ reason: 'x', filter: site }] } })).rejects.toMatchObject({
        code: 'FILTER_UNSUPPORTED',
      });
    });

    test.each(SORT_FIELDS)('sorted by %s, pages hold each flow once and in order', async (field) => {
      for (const descending of [false, true]) {
        const rows: Flow[] = [];
        let page: Flow[];
        do {
          const last = rows.at(-1);
          ({ rows: page } = await search({
            sort: { field, descending },
            limit: 4,
            after: last && { value: sortValue(last, field), id: last.id },
          }));
          rows.push(...page);
        } while (page.length > 0 && rows.length <= SAMPLE_ENTRIES.length);
        const keys = rows.map((flow) => ({ value: sortValue(flow, field), id: flow.id }));
        for (let i = 1; i < keys.length; i++)
          if (field !== 'idle' && field !== 'timeout') expect(compareSortKeys(keys[i - 1]!, keys[i]!, descending)).toBeLessThan(0);
        if (field !== 'idle' && field !== 'timeout') expect(new Set(rows.map((flow) => flow.id)).size).toBe(SAMPLE_ENTRIES.length);
      }
    });

    test('facets count all matches, not only the rows', async () => {
      const { rows, total, facets } = await search({ limit: 1, withFacets: true });
      expect([rows.length, total]).toEqual([1, SAMPLE_ENTRIES.length]);
      const counts = Object.fromEntries(
        facets.map(({ field, values }) => [field, Object.fromEntries(values.map(({ value, flows }) => [value, flows]))]),
      );
      expect(counts.proto).toEqual({ tcp: 5, udp: 5, icmp: 2, icmpv6: 1, gre: 1, esp: 1, ah: 1, sctp: 1 });
      expect(counts.state).toMatchObject({ ESTABLISHED: 3, TIME_WAIT: 1, SYN_SENT: 1, CLOSE_WAIT: 1, assured: 2, unreplied: 2 });
      expect(counts.wan).toEqual({ wan1: 3, wan2: 2 });
      expect(counts.app).toMatchObject({ sip: 1, dns: 2, ping: 3, ipsec: 2 });
      expect(counts.dport!['443']).toBe(3);
      expect(counts.status).toMatchObject({ replied: 14, unreplied: 3, snat: 3, dnat: 1 });
      expect(counts.nat).toEqual({ '198.18.0.12': 2, '198.19.0.12': 1, '10.1.0.80': 1 });
      expect((await search({ limit: 0 })).facets).toEqual([]);
    });

    test('a breakdown counts the whole table', async () => {
      const breakdown = await underTest.table().breakdown(CONTEXT);
      expect(breakdown).toMatchObject({
        walked: 17,
        byWan: { wan1: 3, wan2: 2, none: 12 },
        byProto: { tcp: 5 },
        byState: { TIME_WAIT: 1 },
      });
      expect(breakdown.topSources.slice(0, 4).map(({ address, flows }) => [address, flows])).toEqual([
        ['10.1.0.2', 2],
        ['10.1.0.6', 2],
        ['10.1.0.7', 2],
        ['10.1.0.9', 2],
      ]);
      expect(breakdown.topSources).toHaveLength(10);
      expect(breakdown.translations).toEqual([
        { address: '198.18.0.12', proto: 'tcp', flows: 1 },
        { address: '198.18.0.12', proto: 'udp', flows: 1 },
        { address: '198.19.0.12', proto: 'tcp', flows: 1 },
      ]);
    });

    test('a collection arrives in batches and holds each match once', async () => {
      underTest.create(manyEntries(2_500));
      const batches: Flow[][] = [];
      for await (const batch of underTest.table().collect({ filter: term('sport', range(20_000, 29_999)), context: CONTEXT }))
        batches.push(batch);
      expect(batches.length).toBeGreaterThan(1);
      expect(new Set(batches.flat().map((flow) => flow.orig.sport)).size).toBe(2_500);
      expect(batches.flat()).toHaveLength(2_500);
    });

    test('a collection ends early if its reader stops or its signal aborts, and the table keeps answering', async () => {
      underTest.create(manyEntries(6_000));
      for await (const batch of underTest.table().collect({ filter: EVERYTHING, context: CONTEXT })) {
        expect(batch.length).toBeGreaterThan(0);
        break;
      }
      const abort = new AbortController();
      let flows = 0;
      for await (const batch of underTest.table().collect({ filter: EVERYTHING, context: CONTEXT, signal: abort.signal })) {
        flows += batch.length;
        abort.abort();
      }
      expect(flows).toBeLessThan(6_000);
      expect((await search({ limit: 0 })).total).toBe(6_017);
    });

    test('other queries are answered while a collection waits for its reader', async () => {
      underTest.create(manyEntries(6_000));
      let flows = 0;
      for await (const batch of underTest.table().collect({ filter: EVERYTHING, context: CONTEXT })) {
        if (flows === 0) expect((await search({ limit: 0 })).total).toBe(6_017);
        flows += batch.length;
      }
      expect(flows).toBe(6_017);
    });

    test('an aborted search is cancelled', async () => {
      await expect(search({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' });
    });

    test('deleting one of two pings between the same hosts leaves the other', async () => {
      const pings = term('src', prefix('10.1.0.7'));
      const { rows } = await search({ filter: pings });
      const first = rows.find((flow) => flow.orig.icmp?.id === 1001)!;
      expect(await underTest.table().delete([first])).toEqual(['deleted']);
      expect((await search({ filter: pings })).rows.map((flow) => flow.orig.icmp)).toEqual([{ type: 8, code: 0, id: 1002 }]);
      expect((await search({ limit: 0 })).total).toBe(SAMPLE_ENTRIES.length - 1);
    });

    test('deleting a flow in zone 7 leaves its twin in zone 8', async () => {
      const { rows } = await search({ filter: term('zone', range(7, 8)) });
      expect(await underTest.table().delete(rows.filter((flow) => flow.zone === 7))).toEqual(['deleted']);
      expect((await search({ filter: term('zone', range(7, 8)) })).rows.map((flow) => flow.zone)).toEqual([8]);
    });

    test('another entry that reuses a tuple is spared', async () => {
      const {
        rows: [sip],
      } = await search({ filter: term('app', glob('sip')) });
      await underTest.table().delete([sip!]);
      underTest.create(SAMPLE_ENTRIES.filter((entry) => entry.orig.dport === 5060));
      expect(await underTest.table().delete([sip!])).toEqual(['gone']);
      const [again] = await underTest.table().lookup([sip!], CONTEXT);
      // The kernel may well assign the same id again; that flow began later.
      expect([again!.id, again!.startedAtMs]).not.toEqual([sip!.id, sip!.startedAtMs]);
      expect({ ...again, id: 0, timeoutSeconds: 0, idleSeconds: 0, startedAtMs: 0 }).toEqual({
        ...sip,
        id: 0,
        timeoutSeconds: 0,
        idleSeconds: 0,
        startedAtMs: 0,
      });
    });

    test('a flow that began at a time other than the one seen is spared even if the kernel gave it the same id', async () => {
      const {
        rows: [sip],
      } = await search({ filter: term('app', glob('sip')) });
      expect(await underTest.table().delete([{ ...sip!, startedAtMs: sip!.startedAtMs! - 60_000 }])).toEqual(['gone']);
      expect(await underTest.table().delete([sip!])).toEqual(['deleted']);
    });

    test('outcomes of many deletes come in the order given, whatever they are', async () => {
      underTest.create(manyEntries(2_000));
      const { rows } = await search({ filter: term('sport', range(20_000, 29_999)), limit: 2_000 });
      const keys = rows.map((flow, index) => (index % 3 === 0 ? { ...flow, id: (flow.id ^ 1) >>> 0 } : flow));
      expect(await underTest.table().delete(keys)).toEqual(rows.map((_, index) => (index % 3 === 0 ? 'gone' : 'deleted')));
      expect((await search({ limit: 0 })).total).toBe(SAMPLE_ENTRIES.length + Math.ceil(2_000 / 3));
      expect(await underTest.table().delete([])).toEqual([]);
    });

    test('every kind of entry can be deleted by its key', async () => {
      const { rows } = await search();
      expect(await underTest.table().delete(rows)).toEqual(rows.map(() => 'deleted'));
      expect((await underTest.table().counters()).count).toBe(0);
    });

    test('an entry is still there only if its tuple, zone, id and start are unchanged', async () => {
      const {
        rows: [first, second, third, fourth],
      } = await search();
      await underTest.table().delete([fourth!]);
      const asked = [
        first!,
        { ...second!, id: (second!.id ^ 1) >>> 0 },
        { ...third!, startedAtMs: third!.startedAtMs! - 1000 },
        fourth!,
        { ...third!, startedAtMs: undefined },
        { ...first!, zone: 9 },
      ];
      expect(await underTest.table().areThere(asked)).toEqual([true, false, false, false, true, false]);
    });

    test('exactly the flows that are set to expire get a fixed timeout, and only once', async () => {
      const { rows } = await search();
      const [first, second, ...others] = rows;
      expect(await underTest.table().expire([first!, { ...second!, id: (second!.id ^ 1) >>> 0 }], 40)).toEqual(['expiring', 'gone']);
      const [fixed, ...rest] = await underTest.table().lookup([first!, second!, ...others], CONTEXT);
      expect([fixed!.id, fixed!.status]).toEqual([first!.id, first!.status | IPS.FIXED_TIMEOUT]);
      // Its timeout no longer shows when it last carried traffic.
      expect(fixed!.idleSeconds ?? 0).toBe(0);
      expect(fixed!.timeoutSeconds).toBeLessThanOrEqual(40);
      expect(fixed!.timeoutSeconds).toBeGreaterThanOrEqual(35);
      expect(rest.map((flow) => flow!.status)).toEqual([second!, ...others].map((flow) => flow.status));
      expect(await underTest.table().expire([first!], 10)).toEqual(['failed']);
      expect(await underTest.table().expire([first!], 60)).toEqual(['expiring']);
    });

    test('a deleted flow is re-created with everything it had, and only once', async () => {
      const { rows } = await search();
      await underTest.table().delete(rows);
      expect(await underTest.table().restore(rows)).toEqual(rows.map(() => 'restored'));
      const again = await underTest.table().lookup(rows, CONTEXT);
      const lasting = (flow: Flow): object => ({ ...flow, id: 0, timeoutSeconds: 0, idleSeconds: 0, startedAtMs: 0 });
      expect(again.map((flow) => lasting(flow!))).toEqual(rows.map(lasting));
      for (const [index, flow] of again.entries()) expect(rows[index]!.timeoutSeconds! - flow!.timeoutSeconds!).toBeLessThanOrEqual(5);
      expect(await underTest.table().restore(rows)).toEqual(rows.map(() => 'exists'));
      expect((await search({ limit: 0 })).total).toBe(rows.length);
    });

    test('state that only trackers use is reported, and restored with the flow', async () => {
      underTest.create(TRACKED_ENTRIES);
      const { rows } = await search({ filter: term('src', prefix('10.1.0.60/30')) });
      const wanted = new Map(TRACKED_ENTRIES.map(({ orig, tracker }) => [orig.src, tracker]));
      expect(rows.map(({ orig, tracker }) => [orig.src, tracker])).toEqual(rows.map(({ orig }) => [orig.src, wanted.get(orig.src)]));
      expect(rows).toHaveLength(TRACKED_ENTRIES.length);
      await underTest.table().delete(rows);
      expect(await underTest.table().restore(rows)).toEqual(rows.map(() => 'restored'));
      const again = await underTest.table().lookup(rows, CONTEXT);
      expect(again.map((flow) => [flow?.tracker, flow!.status & IPS.SEQ_ADJUST])).toEqual(
        rows.map((flow) => [flow.tracker, flow.status & IPS.SEQ_ADJUST]),
      );
    });

    test('an expected flow is re-created under its master, whichever is named first, and not without it', async () => {
      const [master] = (await search({ filter: term('app', glob('sip')) })).rows;
      underTest.create([entryOf({ proto: 17, orig: { src: '10.1.0.4', dst: '198.51.100.20', sport: 12_000, dport: 12_001 }, master })]);
      const { rows } = await search({ filter: term('src', prefix('10.1.0.4')) });
      const [child, parent] = rows.sort((a, b) => b.orig.dport! - a.orig.dport!);
      await underTest.table().delete([child!, parent!]);
      expect(await underTest.table().restore([child!])).toEqual(['failed']);
      expect(await underTest.table().restore([child!, parent!])).toEqual(['restored', 'restored']);
      const [found, over] = await underTest.table().lookup([child!, parent!], CONTEXT);
      expect(found!.master).toMatchObject({ family: 4, proto: 17, orig: parent!.orig, zone: 0, id: over!.id });
    });

    test('a look-up finds by original tuple and zone, not by reply tuple', async () => {
      const { rows } = await search();
      const found = await underTest.table().lookup(rows, CONTEXT);
      expect(found.map((flow) => flow?.id)).toEqual(rows.map((flow) => flow.id));
      const dns = rows.find((flow) => flow.orig.dport === 53 && flow.family === 4)!;
      expect(
        await underTest.table().lookup(
          [
            { ...dns, orig: dns.reply },
            { ...dns, zone: 9 },
          ],
          CONTEXT,
        ),
      ).toEqual([undefined, undefined]);
    });

    describe('the expectations of helpers', () => {
      const whatLasts = (expectations: readonly (Expectation | NewExpectation)[]): object[] =>
        expectations
          .map(({ family, proto, orig, mask, zone, helper, class: kind, nat, fn, flags, master }) => ({
            family,
            proto,
            orig,
            mask,
            zone,
            helper,
            class: kind,
            nat,
            fn,
            flags,
            master: master.orig,
            masterZone: master.zone,
          }))
          .sort((a, b) => a.orig.dport! - b.orig.dport! || a.proto - b.proto || a.family - b.family);

      beforeEach(() => {
        underTest.create(MASTERS);
        underTest.expect(SAMPLE_EXPECTATIONS);
      });

      test('are all listed with everything they were made of, including the zone of their master', async () => {
        const found = await underTest.table().expectations();
        expect(whatLasts(found)).toEqual(whatLasts(SAMPLE_EXPECTATIONS));
        for (const { timeoutSeconds } of found) expect(timeoutSeconds).toBeGreaterThan(100);
        expect(new Set(found.map(({ id }) => id)).size).toBe(SAMPLE_EXPECTATIONS.length);
      });

      test('of one flow are listed alone, and none for a flow that has since taken its tuple', async () => {
        const [sip] = (await search({ filter: term('src', prefix('10.1.0.70')) })).rows;
        const [ftp] = (await search({ filter: term('src', prefix('10.1.0.71')) })).rows;
        expect((await underTest.table().expectations(sip)).map(({ orig }) => orig.dport).sort()).toEqual([4000, 4002]);
        expect((await underTest.table().expectations(ftp)).map(({ orig, zone }) => [orig.dport, zone])).toEqual([[2580, 7]]);
        expect(await underTest.table().expectations({ ...sip!, id: (sip!.id ^ 1) >>> 0 })).toEqual([]);
      });

      test('end exactly as named, by tuple, zone and id', async () => {
        const [first, second, ...others] = await underTest.table().expectations();
        const asked = [{ ...first!, id: (first!.id ^ 1) >>> 0 }, second!, { ...others[0]!, zone: 9 }];
        expect(await underTest.table().deleteExpectations(asked)).toEqual(['gone', 'deleted', 'gone']);
        expect(await underTest.table().deleteExpectations([second!])).toEqual(['gone']);
        expect(whatLasts(await underTest.table().expectations())).toEqual(whatLasts([first!, ...others]));
        expect(await underTest.table().deleteExpectations([first!, ...others])).toEqual([first!, ...others].map(() => 'deleted'));
        expect(await underTest.table().expectations()).toEqual([]);
      });

      test('of a flow all end with it, and no others', async () => {
        const [sip] = (await search({ filter: term('src', prefix('10.1.0.70')) })).rows;
        expect(await underTest.table().delete([sip!])).toEqual(['deleted']);
        expect((await underTest.table().expectations()).map(({ helper }) => helper)).toEqual(['ftp', 'ftp']);
      });
    });

    test('counters count the entries', async () => {
      const counters = await underTest.table().counters();
      expect(counters.count).toBe(SAMPLE_ENTRIES.length);
      expect(await underTest.table().count()).toBe(SAMPLE_ENTRIES.length);
      expect(counters.max).toBeGreaterThan(0);
      expect(counters.cpus.reduce((sum, { insert = 0 }) => sum + insert, 0)).toBeGreaterThanOrEqual(SAMPLE_ENTRIES.length);
    });

    test('capabilities name what works, and why the rest does not', async () => {
      const { can, cannot } = await underTest.table().capabilities();
      expect(can).toEqual(expect.arrayContaining(['list', 'delete', 'counters', 'accounting', 'timestamps']));
      for (const reason of Object.values(cannot)) expect(reason).toMatch(/\w+ \w+/);
    });
  });
}

function manyEntries(count: number): NewEntry[] {
  return Array.from({ length: count }, (_, index) =>
    entryOf({ proto: 17, orig: { src: `10.9.${index >> 8}.${index & 255}`, dst: '198.51.100.99', sport: 20_000 + index, dport: 4000 } }),
  );
}

function sorted(value: object): object {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function ids(flows: Flow[]): number[] {
  return flows.map((flow) => flow.id).sort((a, b) => a - b);
}
