import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KernelTable } from '../../../agent/conntrack/kernel/kernel-table.ts';
import type { FilterProblem } from '../../../proto/model/filter/filter.ts';
import { parseFilter } from '../../../proto/model/filter/parse.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import { IPS } from '../../../proto/model/status.ts';
import { CONTEXT } from '../../contract/conntrack-table.ts';
import type { XmlFlow } from '../../support/conntrack-xml.ts';
import { createEntries } from '../../support/create-entries.ts';
import { MORE_ENTRIES, sendTraffic, TRANSLATING_RULES } from '../../support/every-protocol.ts';
import { Namespace } from '../../support/namespace.ts';
import { SAMPLE_ENTRIES } from '../../support/sample-entries.ts';
import { XmlListing } from '../../support/xml-listing.ts';
import { filterOf } from '../../support/filter-of.ts';

const why = Namespace.why();
const LASTING_SECONDS = 600;

describe.skipIf(why !== undefined)(`the kernel's table against the conntrack program${why ? ` (skipped: ${why})` : ''}`, () => {
  let namespace: Namespace;
  let leave: () => void;
  let table: KernelTable;
  let listing: XmlListing;
  const open: { close(): unknown }[] = [];

  beforeAll(async () => {
    namespace = Namespace.create('cta');
    listing = new XmlListing(namespace);
    namespace.nft(TRANSLATING_RULES);
    leave = namespace.enter();
    // Some of the entries that last for seconds would be gone before the last filter is tried.
    createEntries(
      [...SAMPLE_ENTRIES, ...MORE_ENTRIES].map((entry) => ({
        ...entry,
        timeoutSeconds: Math.max(entry.timeoutSeconds ?? 0, LASTING_SECONDS),
      })),
    );
    await sendTraffic(open);
    table = new KernelTable();
  });
  afterAll(async () => {
    await table.close();
    for (const socket of open) socket.close();
    leave();
    namespace.remove();
    listing.remove();
  });

  const listXml = (): XmlFlow[] => listing.read();
  const listText = (): string[] => namespace.run('conntrack', '-L', '-o', 'extended,id').trim().split('\n');

  async function find(text: string): Promise<Flow[]> {
    const { rows, total } = await table.search({ filter: filterOf(text), context: CONTEXT, limit: 1000 });
    expect(total).toBe(rows.length);
    return rows;
  }

  test('every entry has every field as the program prints it', async () => {
    const before = await find('');
    const listed = listXml();
    const after = new Map((await find('')).map((flow) => [flow.id, flow]));
    expect(before.map((flow) => flow.id).sort()).toEqual(listed.map((flow) => flow.id).sort());
    expect(new Set(before.map((flow) => flow.proto))).toEqual(new Set([1, 6, 17, 47, 50, 51, 58, 89, 132, 136]));
    for (const xml of listed) {
      const flow = before.find(({ id }) => id === xml.id)!;
      expect(printable(flow), `entry ${xml.id}`).toEqual(printed(xml));
      expect(flow.timeoutSeconds).toBeGreaterThanOrEqual(xml.timeout!);
      expect(after.get(flow.id)!.timeoutSeconds).toBeLessThanOrEqual(xml.timeout!);
    }
  });

  test('ICMP type, code and id match those of the text listing, the only one that has them', async () => {
    const pings = (await find('proto:icmp,icmpv6')).map((flow) => {
      const { icmp } = flow.orig;
      return `src=${flow.orig.src} dst=${flow.orig.dst} type=${icmp!.type} code=${icmp!.code} id=${icmp!.id} src`;
    });
    const lines = listText().filter((line) => / icmp(v6)? /.test(line));
    expect(lines).toHaveLength(pings.length);
    for (const ping of pings)
      expect(lines.filter((line) => line.replace(/packets=\d+ bytes=\d+ |\[UNREPLIED\] /g, '').includes(ping))).toHaveLength(1);
  });

  test('an expected flow names its master by tuple and id', async () => {
    const [related] = await find('state:related');
    const [trunk] = await find('src:10.1.0.4 dport:5060');
    expect(related!.orig.dport).toBe(12_001);
    expect(related!.master).toEqual({ family: 4, proto: 17, orig: trunk!.orig, zone: 0, id: trunk!.id });
  });

  test('translated entries carry the bits that say so', async () => {
    const nat = await find('status:nat');
    expect(
      nat
        .filter((flow) => flow.status & IPS.SRC_NAT)
        .map((flow) => flow.reply.dst)
        .sort(),
    ).toEqual(['127.0.0.77', '198.18.0.12', '198.18.0.12', '198.19.0.12']);
    expect(
      nat
        .filter((flow) => flow.status & IPS.DST_NAT)
        .map((flow) => flow.reply.src)
        .sort(),
    ).toEqual(['10.1.0.80', '127.0.0.1']);
  });

  const addresses = ({ orig, reply }: XmlFlow): string[] => [orig.src, orig.dst, reply.src, reply.dst];
  const ports = ({ orig, reply }: XmlFlow): (number | undefined)[] => [orig.sport, orig.dport, reply.sport, reply.dport];
  const isReplied = (flow: XmlFlow): boolean => !flow.isUnreplied;
  const isTcp = (flow: XmlFlow): boolean => flow.orig.proto === 6;
  const wanOf = (flow: XmlFlow): string | undefined => {
    const wans: Record<string, string> = { '198.18.0.12': 'wan1', '198.19.0.12': 'wan2', 'fd00:1:1::3': 'wan2' };
    return wans[flow.reply.dst] ?? wans[flow.orig.dst] ?? wans[flow.orig.src];
  };
  const total =
    (field: 'packets' | 'bytes') =>
    ({ orig, reply }: XmlFlow): number =>
      Number(orig[field]! + reply[field]!);

  const EXPECTED: [string, (flow: XmlFlow) => boolean][] = [
    ['wan:wan1', (flow) => wanOf(flow) === 'wan1'],
    ['wan:wan2', (flow) => wanOf(flow) === 'wan2'],
    ['proto:tcp,sctp', (flow) => [6, 132].includes(flow.orig.proto)],
    ['proto:esp', (flow) => flow.orig.proto === 50],
    ['proto:gre', (flow) => flow.orig.proto === 47],
    ['proto:ospf', (flow) => flow.orig.proto === 89],
    ['family:ipv6', (flow) => flow.orig.family === 6],
    ['family:ipv4', (flow) => flow.orig.family === 4],
    ['state:established', (flow) => (flow.state ? flow.state === 'ESTABLISHED' || flow.orig.proto === 132 : isReplied(flow))],
    ['state:time-wait', (flow) => flow.state === 'TIME_WAIT'],
    ['state:syn-sent,close-wait', (flow) => isTcp(flow) && ['SYN_SENT', 'CLOSE_WAIT'].includes(flow.state!)],
    ['state:new', (flow) => flow.isUnreplied],
    ['state:expired', () => false],
    ['status:assured', (flow) => flow.isAssured],
    ['status:unreplied', (flow) => flow.isUnreplied],
    ['status:replied', isReplied],
    ['status:snat', ({ orig, reply }) => reply.dst !== orig.src],
    ['status:dnat', ({ orig, reply }) => reply.src !== orig.dst],
    ['app:sip', ({ orig }) => (orig.proto === 17 || orig.proto === 6) && (orig.dport === 5060 || orig.dport === 5061)],
    ['app:ping', ({ orig }) => orig.proto === 1 || orig.proto === 58],
    ['app:ipsec', ({ orig }) => [50, 51].includes(orig.proto)],
    ['198.18.0.12', (flow) => addresses(flow).includes('198.18.0.12')],
    ['ip:10.1.0.0/29', (flow) => addresses(flow).some((address) => /^10\.1\.0\.[0-7]$/.test(address))],
    ['ip:127.0.0.0/8', (flow) => addresses(flow).some((address) => address.startsWith('127.'))],
    ['ip:2001:db8:113::/48', (flow) => addresses(flow).some((address) => address.startsWith('2001:db8:113:'))],
    ['src:10.1.0.2', ({ orig }) => orig.src === '10.1.0.2'],
    ['dst:198.51.100.20', ({ orig }) => orig.dst === '198.51.100.20'],
    ['rsrc:10.1.0.80', ({ reply }) => reply.src === '10.1.0.80'],
    ['rdst:198.19.0.12', ({ reply }) => reply.dst === '198.19.0.12'],
    ['nat:198.18.0.0/16', ({ orig, reply }) => reply.dst !== orig.src && reply.dst.startsWith('198.18.')],
    ['nat:10.1.0.80', ({ orig, reply }) => reply.src !== orig.dst && reply.src === '10.1.0.80'],
    ['host:10.1.0.9', (flow) => addresses(flow).includes('10.1.0.9')],
    ['port:443', (flow) => ports(flow).includes(443)],
    ['sport:40000-40003', ({ orig }) => orig.sport! >= 40_000 && orig.sport! <= 40_003],
    ['dport:5060-5062', ({ orig }) => orig.dport! >= 5060 && orig.dport! <= 5062],
    [
      '198.18.0.12:5060',
      ({ orig, reply }) =>
        [
          [orig.src, orig.sport],
          [orig.dst, orig.dport],
          [reply.src, reply.sport],
          [reply.dst, reply.dport],
        ].some(([address, port]) => address === '198.18.0.12' && port === 5060),
    ],
    ['src:10.1.0.0/24:40000-40003', ({ orig }) => orig.src.startsWith('10.1.0.') && orig.sport! >= 40_000 && orig.sport! <= 40_003],
    ['key>0', ({ orig, reply }) => [orig.srcKey, orig.dstKey, reply.srcKey, reply.dstKey].some((key) => key! > 0)],
    ['icmp-type:8,128', ({ orig }) => orig.proto === 1 || orig.proto === 58],
    ['orig-zone>0', ({ orig }) => orig.zone! > 0],
    ['helper:none', ({ helper }) => helper === undefined],
    ['wan:none', (flow) => wanOf(flow) === undefined],
    ['rsport:443', ({ reply }) => reply.sport === 443],
    ['rdport>50000', ({ reply }) => reply.dport! > 50_000],
    ['mark:0x100/0xff00', (flow) => (flow.mark & 0xff00) === 0x100],
    ['mark:0xffffffff', (flow) => flow.mark === 0xffffffff],
    ['zone:7', (flow) => flow.zone === 7],
    ['zone:5,6,9,11', ({ zone, orig, reply }) => [zone, orig.zone, reply.zone].some((one) => [5, 6, 9, 11].includes(one!))],
    ['label:100', (flow) => flow.labels.includes('bit100')],
    ['helper:ftp', (flow) => flow.helper === 'ftp'],
    ['age<1h', (flow) => flow.startedAtNs !== undefined],
    ['age>1h', () => false],
    ['timeout>390000', (flow) => flow.timeout! > 390_000],
    ['timeout<601', (flow) => flow.timeout! < 601],
    // Entries of this table were made by a program, with timeouts that it chose.
    ['idle>10000', () => false],
    ['bytes>1', (flow) => total('bytes')(flow) > 1],
    ['packets:1', (flow) => total('packets')(flow) === 1],
    ['packets<1', (flow) => total('packets')(flow) < 1],
  ];

  test.each(EXPECTED)('%s finds exactly what the listing shows', async (text, predicate) => {
    const expected = listXml()
      .filter(predicate)
      .map((flow) => flow.id)
      .sort();
    expect((await find(text)).map((flow) => flow.id).sort()).toEqual(expected);
    expect(text.includes('expired') || ['age>1h', 'idle>10000'].includes(text) || expected.length > 0).toBe(true);
  });

  test('one entry is found by its id', async () => {
    const [any] = listXml();
    expect((await find(`id:${any!.id}`)).map((flow) => flow.id)).toEqual([any!.id]);
  });

  test('what is deleted here is gone there, and nothing else is', async () => {
    const before = listXml();
    const doomed = (await find('proto:icmp id>0')).slice(0, 1);
    expect(await table.delete(doomed)).toEqual(['deleted']);
    expect(
      listXml()
        .map((flow) => flow.id)
        .sort(),
    ).toEqual(
      before
        .map((flow) => flow.id)
        .filter((id) => id !== doomed[0]!.id)
        .sort(),
    );
  });

  test('each line of the text listing, pasted as a filter, finds exactly its flow', async () => {
    const found = new Map<string, number[]>();
    for (const line of listText()) {
      const pasted = line.replace(/ id=\d+$/, '');
      const { start, end, suggestion } = (parseFilter(pasted) as { problem: FilterProblem }).problem;
      expect([start, end]).toEqual([0, pasted.length]);
      found.set(
        line,
        (await find(suggestion!)).map(({ id }) => id),
      );
    }
    const left = new Set(listXml().map(({ id }) => id));
    const wanted = [...found.keys()].map((line) => [line, Number(/ id=(\d+)$/.exec(line)![1])] as const).filter(([, id]) => left.has(id));
    expect(wanted.length).toBeGreaterThan(5);
    for (const [line, id] of wanted) expect([line, ...found.get(line)!]).toEqual([line, id]);
  });
});

/** What both can say about an entry. */
function printable(flow: Flow): object {
  const tuple = (one: Flow['orig'], counters: Flow['origCounters']): object => ({
    ...one,
    icmp: undefined,
    family: flow.family,
    proto: flow.proto,
    ...counters,
  });
  return {
    id: flow.id,
    orig: tuple(flow.orig, flow.origCounters),
    reply: tuple(flow.reply, flow.replyCounters),
    zone: flow.zone,
    mark: flow.mark,
    state: flow.state,
    isAssured: (flow.status & IPS.ASSURED) !== 0,
    isUnreplied: (flow.status & IPS.SEEN_REPLY) === 0,
    labels: flow.labels.map((bit) => `bit${bit}`),
    startedAtMs: flow.startedAtMs,
    helper: flow.helper,
  };
}

function printed({ startedAtNs, state, ...flow }: XmlFlow): object {
  // The program prints an SCTP state by the name that the same number has for TCP (seen with 1.4.7).
  const sctpStates: Record<string, string> = { FIN_WAIT: 'ESTABLISHED' };
  return {
    ...flow,
    timeout: undefined,
    state: flow.orig.proto === 132 ? sctpStates[state!] : state,
    startedAtMs: Number(startedAtNs! / 1_000_000n),
  };
}
