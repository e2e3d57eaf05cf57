import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Columns } from '../../../agent/conntrack/rows/columns.ts';
import type { KernelFilter } from '../../../agent/conntrack/wire/kernel-filter.ts';
import { kernelFeatures } from '../../../agent/conntrack/pushdown/features.ts';
import { KernelTable } from '../../../agent/conntrack/kernel/kernel-table.ts';
import { pipeline } from '../../../agent/conntrack/ctnetlink/pipeline.ts';
import { openTable, walkInto } from '../../../agent/conntrack/ctnetlink/dump.ts';
import { CT_DELETE } from '../../../agent/conntrack/wire/constants.ts';
import { encodeFlush, type NewEntry } from '../../../agent/conntrack/wire/requests.ts';
import { AttributeWriter } from '../../../agent/netlink/attributes.ts';
import { NLM_F_REQUEST } from '../../../agent/netlink/constants.ts';
import { EVERYTHING } from '../../../proto/model/filter/filter.ts';
import { createEntries } from '../../support/create-entries.ts';
import { Namespace } from '../../support/namespace.ts';
import { until } from '../../support/until.ts';
import { entryOf } from '../../support/sample-entries.ts';
import { CONTEXT } from '../../contract/conntrack-table.ts';
import { filterOf } from '../../support/filter-of.ts';

const UNPROTECTED = { wans: CONTEXT.wans, protections: [] };
const V4 = { src: '10.1.0.1', dst: '198.51.100.1', sport: 1000, dport: 53 };
const V6 = { src: 'fd00::1', dst: '2001:db8::1', sport: 1000, dport: 53 };
const ENTRIES: NewEntry[] = [
  entryOf({ proto: 17, orig: V4, mark: 0x100 }),
  entryOf({ proto: 17, orig: { ...V4, src: '10.1.0.2' }, zone: 7 }),
  entryOf({ proto: 6, orig: V4, state: 'ESTABLISHED' }),
  entryOf({ proto: 17, orig: V6 }),
  entryOf({ proto: 17, orig: { ...V6, src: 'fd00::2' } }),
  entryOf({ proto: 6, orig: V6, state: 'ESTABLISHED' }),
  entryOf({ proto: 132, orig: { ...V4, sport: 5 }, state: 'ESTABLISHED' }),
];

const why = Namespace.why();

describe.skipIf(why !== undefined)(`what the kernel filters by itself${why ? ` (skipped: ${why})` : ''}`, () => {
  let namespace: Namespace;
  let leave: () => void;
  let table: KernelTable;

  beforeAll(async () => {
    namespace = Namespace.create('cte');
    leave = namespace.enter();
    table = new KernelTable();
    // The worker tries what the kernel honours when it starts.
    await until('the probe of the worker', async () => {
      const { explain } = await table.search({ filter: filterOf('mark:0x100'), context: UNPROTECTED, limit: 0 });
      return !explain.some((line) => line.includes('was not seen to honour')) || undefined;
    });
  });
  afterAll(async () => {
    await table.close();
    leave();
    namespace.remove();
  });
  beforeEach(() => {
    namespace.run('conntrack', '-F');
    createEntries(ENTRIES);
  });

  const left = async (): Promise<string[]> =>
    (await table.search({ filter: EVERYTHING, context: UNPROTECTED, limit: 100 })).rows
      .map(({ proto, orig }) => `${proto} ${orig.src}`)
      .sort();
  const ALL = ENTRIES.map(({ proto, orig }) => `${proto} ${orig.src}`).sort();
  test('the probe leaves this namespace alone and reports what works', async () => {
    const features = await kernelFeatures();
    expect(await left()).toEqual(ALL);
    expect(features.has('dump by mark')).toBe(true);
  });

  describe('the traps, as this kernel has them', () => {
    const send = (body: Uint8Array): void => {
      const socket = openTable();
      try {
        expect([
          ...pipeline(socket, {
            type: CT_DELETE,
            flags: NLM_F_REQUEST,
            count: 1,
            writeBody: (_, out, at) => (out.bytes.set(body, at), body.length),
          }),
        ]).toEqual([0]);
      } finally {
        socket.close();
      }
    };
    const dumped = (filter: KernelFilter): number => {
      const columns = new Columns(16);
      for (const _ of walkInto(columns, filter));
      return columns.count;
    };

    test('a DELETE by family alone ends both families while nfgenmsg.version is 0', async () => {
      const body = encodeFlush({ family: 6 }).slice();
      body[1] = 0;
      send(body);
      expect(await left()).toEqual([]);
    });

    test('ports are not compared for SCTP', () => {
      expect(dumped({ family: 4, proto: 132, dport: 54 })).toBe(1);
      expect(dumped({ family: 4, proto: 17, dport: 54 })).toBe(0);
    });

    test('an IPv6 source in CTA_FILTER ends every flow but the intended one', async () => {
      const out = new AttributeWriter();
      out.raw(encodeFlush({ family: 6 }));
      out.nested(1, () => out.nested(1, () => out.bytes(3, Uint8Array.from([0xfd, ...Array<number>(14).fill(0), 1]))));
      out.nested(25, () => {
        out.hostU32(1, 1);
        out.hostU32(2, 0);
      });
      send(out.finish());
      expect((await left()).filter((one) => one.includes('fd00'))).toEqual(['17 fd00::1', '6 fd00::1']);
    });
  });

  test('a search reports how the table was read, and reads it once for many queries', async () => {
    const search = (maxAgeMs?: number) => table.search({ filter: filterOf('src:10.1.0.1'), context: UNPROTECTED, limit: 10, maxAgeMs });
    const [first, ...rest] = [await search(), await search(60_000), await search(60_000)];
    expect(first!.explain[0]).toBe('the whole table was read');
    for (const one of rest) expect(one.explain[0]).toMatch(/^answered from a snapshot of \d+ ms ago$/);
    expect(new Set([first, ...rest].map((one) => one!.snapshotAtMs)).size).toBe(1);
    namespace.run('conntrack', '-D', '-s', '10.1.0.1');
    expect((await search(60_000)).total).toBe(3);
    expect((await search()).total).toBe(0);
  });

  test('flows the agent ends itself are in no later answer, however old that may be', async () => {
    const { rows } = await table.search({ filter: EVERYTHING, context: UNPROTECTED, limit: 100 });
    await table.delete(rows.slice(0, 2));
    expect((await table.search({ filter: EVERYTHING, context: UNPROTECTED, limit: 100, maxAgeMs: 60_000 })).total).toBe(ENTRIES.length - 2);
  });

  test('a filter with many hits is passed to the kernel, and finds what a full walk finds', async () => {
    createEntries(
      Array.from({ length: 9_000 }, (_, index) =>
        entryOf({
          proto: 17,
          orig: { src: index % 3 === 0 ? '10.9.9.9' : '10.9.9.8', dst: '198.51.100.7', sport: 2000 + index, dport: 9 },
        }),
      ),
    );
    const search = (maxAgeMs?: number) =>
      table.search({ filter: filterOf('src:10.9.9.9 sport>2999'), context: UNPROTECTED, limit: 0, maxAgeMs });
    const whole = await search();
    const filtered = await search();
    expect(whole.explain[0]).toBe('the whole table was read');
    expect(filtered.explain[0]).toBe('the kernel filtered by family, src');
    expect([filtered.total, filtered.tableCount]).toEqual([whole.total, whole.tableCount]);
    // A change of the agent's own: the snapshot is too old for all that follow, and what the kernel filtered after it is not.
    const { rows } = await table.search({ filter: filterOf('src:10.9.9.8'), context: UNPROTECTED, limit: 1 });
    await table.delete(rows);
    expect((await search(60_000)).explain[0]).toBe('the kernel filtered by family, src');
    const later = await search(60_000);
    expect([later.explain[0], later.total]).toEqual([expect.stringMatching(/^answered from a reading of \d+ ms ago$/), whole.total]);
  });
});
