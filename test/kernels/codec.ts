import assert from 'node:assert/strict';
import { TableEvents } from '../../agent/conntrack/events/table-events.ts';
import { kernelFeatures } from '../../agent/conntrack/pushdown/features.ts';
import { KernelTable } from '../../agent/conntrack/kernel/kernel-table.ts';
import { KERNEL_FEATURES } from '../../agent/conntrack/pushdown/kernel-filter.ts';
import type { FlowContext } from '../../agent/conntrack/table.ts';
import { evaluateFilter } from '../../proto/model/filter/evaluate.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { createEntries } from '../support/create-entries.ts';
import { Namespace } from '../support/namespace.ts';
import { SAMPLE_ENTRIES, TRACKED_ENTRIES } from '../support/sample-entries.ts';
import { until } from '../support/until.ts';
import { sharing, type CheckGroup, type Seen } from './check.ts';
import { filterOf } from '../support/filter-of.ts';

const CONTEXT: FlowContext = { wans: [], protections: [] };
/** Those that a kernel may compare by itself, alone and together, and some that no kernel compares. */
const FILTERS = [
  'src:10.1.0.2',
  'dst:198.51.100.10',
  'rdst:198.18.0.12',
  'src:fd00:1:1::2',
  'dst:198.51.100.10:443 proto:tcp',
  'proto:udp',
  'proto:udp dport:53',
  'proto:tcp sport:40001',
  'proto:sctp',
  'family:ipv6',
  'family:ipv4 proto:udp',
  'zone:7',
  'zone:0',
  'zone:8 mark:0xffffffff',
  'mark:0x100/0xff00',
  'mark:0x200',
  'status:assured',
  'status:unreplied',
  'status:nat',
  'proto:tcp status:assured',
  '-status:assured',
  '-zone:7',
  'label:100',
  'state:established',
  'ip:10.1.0.0/29',
  'icmp-id:1001',
];
const EVERYTHING: FlowFilter = { kind: 'everything' };

interface Stage {
  table: KernelTable;
  namespace: Namespace;
  leave: () => void;
}

export const codecChecks: CheckGroup = sharing<Stage>(open, close, {
  'codec: what is reported as working works': capabilities,
  'codec: an entry is found with everything it was made of': roundTrip,
  'codec: filters find what they should': filters,
  'codec: exactly one entry is ended, by tuple, zone and id': exactDelete,
  'codec: an entry expires in its time and is restored': expireAndRestore,
  'codec: new and ended flows are heard': events,
});

async function open(): Promise<Stage> {
  const namespace = Namespace.create('ctk-codec');
  const leave = namespace.enter();
  return { table: new KernelTable(), namespace, leave };
}

async function close({ table, namespace, leave }: Stage): Promise<void> {
  await table.close();
  leave();
  namespace.remove();
}

async function capabilities({ table }: Stage): Promise<Seen> {
  const { can, cannot } = await table.capabilities();
  const features = await kernelFeatures();
  for (const word of ['counters', 'list', 'delete', 'expectations', 'read-rules', 'stale'])
    assert.ok(can.includes(word), `${word}: ${cannot[word]}`);
  await table.counters();
  await table.expectations();
  return {
    can,
    cannot,
    kernelFilters: KERNEL_FEATURES.filter((feature) => features.has(feature)),
    missing: KERNEL_FEATURES.filter((feature) => !features.has(feature)),
  };
}

/** Makes a kernel before 5.18 keep what a SYN proxy answered, which it does only once its module is loaded. */
const SYNPROXY = 'table ip proxied { chain going { type filter hook forward priority filter; tcp dport 1 synproxy mss 1460 wscale 7; }; }';

/** Entries are made separately for each protocol, since a kernel may lack one. */
async function roundTrip({ table, namespace }: Stage): Promise<Seen> {
  const refused: string[] = [];
  try {
    namespace.nft(SYNPROXY);
  } catch {
    // This kernel was built without it.
  }
  const differs: string[] = [];
  await table.delete(await rows(table));
  for (const entry of [...SAMPLE_ENTRIES, ...TRACKED_ENTRIES]) {
    const about = `${entry.proto} ${entry.orig.src}:${entry.orig.sport ?? ''}${entry.tracker ? ` with ${Object.keys(entry.tracker).join(' and ')}` : ''}`;
    try {
      createEntries([entry]);
    } catch (error) {
      refused.push(`${about}: ${(error as Error).message}`);
      continue;
    }
    const row = (await rows(table)).find((flow) => flow.proto === entry.proto && flow.zone === entry.zone && same(flow.orig, entry.orig));
    const [found] = row ? await table.lookup([row], CONTEXT) : [];
    const wanted = {
      reply: entry.reply,
      mark: entry.mark,
      state: entry.state,
      status: entry.status,
      labels: entry.labels ? ['1', '100'] : [],
      tracker: entry.tracker,
    };
    for (const [place, flow] of [
      ['a listing', row],
      ['a look-up', found],
    ] as const) {
      if (!flow) {
        differs.push(`${about} is not in ${place}`);
        continue;
      }
      const is = {
        reply: flow.reply,
        mark: flow.mark,
        state: flow.state,
        status: flow.status & entry.status,
        labels: flow.labels,
        tracker: place === 'a look-up' && entry.tracker ? only(flow.tracker, entry.tracker) : entry.tracker,
      };
      for (const field of Object.keys(wanted) as (keyof typeof wanted)[]) {
        if (!same(is[field], wanted[field]))
          differs.push(`${field} of ${about} in ${place}: ${JSON.stringify(is[field])} for ${JSON.stringify(wanted[field])}`);
      }
      if (Math.abs((flow.startedAtMs ?? 0) - Date.now()) > 60_000) differs.push(`the start of ${about} in ${place}: ${flow.startedAtMs}`);
    }
  }
  assert.deepEqual(differs, []);
  return { entries: SAMPLE_ENTRIES.length + TRACKED_ENTRIES.length, refused };
}

async function filters({ table }: Stage): Promise<Seen> {
  const all = await filled(table);
  const wrong: string[] = [];
  for (const text of FILTERS) {
    const filter = filterOf(text);
    const answer = await table.search({ filter, context: CONTEXT, limit: 1000 });
    const should = all.filter((flow) => evaluateFilter(filter, flow, answer.snapshotAtMs));
    if (!same(ids(answer.rows), ids(should)) || answer.total !== should.length)
      wrong.push(`${text}: ${answer.total} for ${should.length} (${answer.explain.join('; ')})`);
  }
  assert.deepEqual(wrong, []);
  return { filters: FILTERS.length, entries: all.length };
}

async function exactDelete({ table }: Stage): Promise<Seen> {
  const all = await filled(table);
  const [seven] = all.filter(({ zone }) => zone === 7);
  assert.deepEqual(await table.delete([{ ...seven!, id: seven!.id ^ 1 }]), ['gone']);
  assert.equal((await rows(table)).length, all.length);
  assert.deepEqual(await table.delete([seven!]), ['deleted']);
  assert.deepEqual(ids(await rows(table)), ids(all.filter((flow) => flow !== seven)));
  const rest = await table.delete(all);
  assert.deepEqual([rest.filter((outcome) => outcome === 'deleted').length, (await rows(table)).length], [all.length - 1, 0]);
  return { entries: all.length };
}

async function expireAndRestore({ table }: Stage): Promise<Seen> {
  const all = await filled(table);
  const flow = all.find(({ proto, orig }) => proto === 6 && orig.sport === 40_001)!;
  assert.deepEqual(await table.expire([flow], 1), ['expiring']);
  await until('it has expired', async () => !(await rows(table)).some(({ orig }) => orig.sport === 40_001) || undefined);
  assert.deepEqual(await table.restore([flow]), ['restored']);
  const [again] = (await rows(table)).filter(({ orig }) => orig.sport === 40_001);
  assert.deepEqual([again?.reply, again?.state, again?.status], [flow.reply, flow.state, flow.status]);
  assert.deepEqual(await table.restore([flow]), ['exists']);
  return { status: again!.status };
}

/** Whether ends are heard of flows born before anybody listened is up to the kernel; `eventsSetting` is its default for a new namespace. */
async function events({ table, namespace }: Stage): Promise<Seen> {
  const before = await filled(table);
  const eventsSetting = Number(namespace.run('sysctl', '-n', 'net.netfilter.nf_conntrack_events'));
  const heard = await TableEvents.open();
  try {
    const all = await filled(table);
    await until('all new flows are heard', () => heard.totals().born >= all.length || undefined);
    const endsOfThoseBefore = heard.totals().ended;
    await table.delete(all);
    await until('all ends are heard', () => heard.totals().ended >= endsOfThoseBefore + all.length || undefined);
    const { born, ended, overflows } = heard.totals();
    assert.deepEqual([born, ended - endsOfThoseBefore, overflows], [all.length, all.length, 0]);
    assert.ok([0, before.length].includes(endsOfThoseBefore), `${endsOfThoseBefore} of ${before.length} ends were heard`);
    return { born, ended: ended - endsOfThoseBefore, eventsSetting, bornBefore: before.length, endsOfThoseBefore };
  } finally {
    await heard.close();
  }
}

/** The table with the sample entries that this kernel accepts, and nothing else. None of them ends during a check, however slow it is. */
async function filled(table: KernelTable): Promise<Flow[]> {
  await table.delete(await rows(table));
  for (const entry of SAMPLE_ENTRIES) {
    try {
      createEntries([{ ...entry, timeoutSeconds: entry.timeoutSeconds! + 3600 }]);
    } catch {
      // roundTrip says which.
    }
  }
  return rows(table);
}

async function rows(table: KernelTable): Promise<Flow[]> {
  return (await table.search({ filter: EVERYTHING, context: CONTEXT, limit: 1000 })).rows;
}

function ids(flows: Flow[]): number[] {
  return flows.map(({ id }) => id).sort((a, b) => a - b);
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

function sorted(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, field]) => [name, sorted(field)]),
  );
}

/** Those fields of one object that the other has. */
function only(value: object | undefined, like: object): object {
  return Object.fromEntries(Object.keys(like).map((name) => [name, (value as Record<string, unknown> | undefined)?.[name]]));
}
