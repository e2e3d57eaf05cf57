import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KernelTable } from '../../../agent/conntrack/kernel-table.ts';
import { parseFilter } from '../../../proto/model/filter/parse.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import { IPS } from '../../../proto/model/status.ts';
import { CONTEXT } from '../../contract/conntrack-table.ts';
import { echoRequest, espPacket, grePacket, sendRaw } from '../../lab/traffic/raw.ts';
import { parseConntrackXml, type XmlFlow } from '../../support/conntrack-xml.ts';
import { createEntries } from '../../support/create-entries.ts';
import { Namespace } from '../../support/namespace.ts';
import { entryOf, SAMPLE_ENTRIES } from '../../support/sample-entries.ts';

/** Translation and zones for the traffic that the test sends itself. */
const RULES = `
table ip translating {
  chain outgoing_raw {
    type filter hook output priority raw
    udp dport 7009 ct zone set 9
    udp dport 7011 ct original zone set 11
  }
  chain leaving {
    type nat hook postrouting priority srcnat
    ip daddr 127.0.0.20 udp dport 5062 snat to 127.0.0.77
  }
  chain sending {
    type nat hook output priority -100
    ip daddr 127.0.0.30 tcp dport 8080 dnat to 127.0.0.1
  }
}
`;

/** Entries beside the common ones that only a kernel can have. */
const MORE_ENTRIES = [
  entryOf({ proto: 17, orig: { src: '10.1.0.4', dst: '198.51.100.20', sport: 12_000, dport: 12_001 }, master: { ...SAMPLE_ENTRIES[5]!, id: 0 } }),
  entryOf({ proto: 6, orig: { src: '10.1.0.44', dst: '198.51.100.21', sport: 9000, dport: 21 }, state: 'ESTABLISHED', helper: 'ftp', timeoutSeconds: 400_000 }),
  entryOf({ proto: 17, orig: { src: '10.1.0.45', dst: '198.51.100.20', sport: 1, dport: 2, zone: 5 } }),
  entryOf({ proto: 17, orig: { src: '10.1.0.46', dst: '198.51.100.20', sport: 1, dport: 2 }, reply: { zone: 6 } }),
  entryOf({ proto: 136, orig: { src: '10.1.0.47', dst: '198.51.100.20', sport: 1, dport: 2 } }),
  entryOf({ proto: 89, orig: { src: '10.1.0.48', dst: '224.0.0.5' }, timeoutSeconds: 500 }),
];

const why = Namespace.why();

describe.skipIf(why !== undefined)(`the kernel's table against the conntrack program${why ? ` (skipped: ${why})` : ''}`, () => {
  let namespace: Namespace;
  let leave: () => void;
  let table: KernelTable;
  let labelFiles: string;
  const open: { close(): unknown }[] = [];

  beforeAll(async () => {
    namespace = Namespace.create('cta');
    labelFiles = mkdtempSync(join(tmpdir(), 'ctfleet-labels-'));
    mkdirSync(join(labelFiles, 'xtables'));
    writeFileSync(join(labelFiles, 'xtables/connlabel.conf'), Array.from({ length: 128 }, (_, bit) => `${bit} bit${bit}\n`).join(''));
    namespace.nft(RULES);
    leave = namespace.enter();
    createEntries(SAMPLE_ENTRIES);
    createEntries(MORE_ENTRIES);
    await sendTraffic(open);
    table = new KernelTable();
  });
  afterAll(async () => {
    await table.close();
    for (const socket of open) socket.close();
    leave();
    namespace.remove();
    rmSync(labelFiles, { recursive: true });
  });

  /** The program reads label names from /etc; the namespace's own mounts give it some without touching the machine's. */
  const listXml = (): XmlFlow[] => parseConntrackXml(namespace.run('sh', '-c', `mount -t overlay overlay -o lowerdir=${labelFiles}:/etc /etc && conntrack -L -o xml,id,ktimestamp,labels`));
  const listText = (): string[] => namespace.run('conntrack', '-L', '-o', 'extended,id').trim().split('\n');

  async function find(text: string): Promise<Flow[]> {
    const parsed = parseFilter(text);
    if ('problem' in parsed) throw new Error(`${text}: ${parsed.problem.message}`);
    const { rows, total } = await table.search({ filter: parsed.filter, context: CONTEXT, limit: 1000 });
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

  test('ICMP type, code and id are those of the text listing, the only one that has them', async () => {
    const pings = (await find('proto:icmp,icmpv6')).map((flow) => {
      const { icmp } = flow.orig;
      return `src=${flow.orig.src} dst=${flow.orig.dst} type=${icmp!.type} code=${icmp!.code} id=${icmp!.id} src`;
    });
    const lines = listText().filter((line) => / icmp(v6)? /.test(line));
    expect(lines).toHaveLength(pings.length);
    for (const ping of pings) expect(lines.filter((line) => line.replace(/packets=\d+ bytes=\d+ |\[UNREPLIED\] /g, '').includes(ping))).toHaveLength(1);
  });

  test('an expected flow names its master by tuple and id', async () => {
    const [related] = await find('state:related');
    const [trunk] = await find('src:10.1.0.4 dport:5060');
    expect(related!.orig.dport).toBe(12_001);
    expect(related!.master).toEqual({ family: 4, proto: 17, orig: trunk!.orig, zone: 0, id: trunk!.id });
  });

  test('translated entries carry the bits that mean they are', async () => {
    const nat = await find('status:nat');
    expect(nat.filter((flow) => flow.status & IPS.SRC_NAT).map((flow) => flow.reply.dst).sort()).toEqual(['127.0.0.77', '198.18.0.12', '198.18.0.12', '198.19.0.12']);
    expect(nat.filter((flow) => flow.status & IPS.DST_NAT).map((flow) => flow.reply.src).sort()).toEqual(['10.1.0.80', '127.0.0.1']);
  });

  const addresses = ({ orig, reply }: XmlFlow): string[] => [orig.src, orig.dst, reply.src, reply.dst];
  const ports = ({ orig, reply }: XmlFlow): (number | undefined)[] => [orig.sport, orig.dport, reply.sport, reply.dport];
  const isReplied = (flow: XmlFlow): boolean => !flow.isUnreplied;
  const isTcp = (flow: XmlFlow): boolean => flow.orig.proto === 6;
  const wanOf = (flow: XmlFlow): string | undefined => {
    const wans: Record<string, string> = { '198.18.0.12': 'wan1', '198.19.0.12': 'wan2', 'fd00:1:1::3': 'wan2' };
    return wans[flow.reply.dst] ?? wans[flow.orig.dst] ?? wans[flow.orig.src];
  };
  const total = (field: 'packets' | 'bytes') => ({ orig, reply }: XmlFlow): number => Number(orig[field]! + reply[field]!);

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
    ['timeout<60', (flow) => flow.timeout! < 60],
    ['idle>10000', (flow) => isTcp(flow) && flow.state === 'ESTABLISHED' && 432_000 - flow.timeout! - 1 > 10_000],
    ['bytes>1', (flow) => total('bytes')(flow) > 1],
    ['packets:1', (flow) => total('packets')(flow) === 1],
    ['packets<1', (flow) => total('packets')(flow) < 1],
  ];

  test.each(EXPECTED)('%s finds exactly what the listing says', async (text, predicate) => {
    const expected = listXml().filter(predicate).map((flow) => flow.id).sort();
    expect((await find(text)).map((flow) => flow.id).sort()).toEqual(expected);
    expect(text.includes('expired') || text === 'age>1h' || expected.length > 0).toBe(true);
  });

  test('one entry is found by its id', async () => {
    const [any] = listXml();
    expect((await find(`id:${any!.id}`)).map((flow) => flow.id)).toEqual([any!.id]);
  });

  test('what is deleted here is gone there, and nothing else is', async () => {
    const before = listXml();
    const doomed = (await find('proto:icmp id>0')).slice(0, 1);
    expect(await table.delete(doomed)).toEqual(['deleted']);
    expect(listXml().map((flow) => flow.id).sort()).toEqual(before.map((flow) => flow.id).filter((id) => id !== doomed[0]!.id).sort());
  });
});

/** Real packets on loopback: TCP, UDP, ICMP, GRE 0 and 1, ESP, UDP over IPv6, translated and zoned. */
async function sendTraffic(open: { close(): unknown }[]): Promise<void> {
  const server = createServer((socket) => { socket.resume(); open.push({ close: () => socket.destroy() }); }).listen(8080, '127.0.0.1');
  await once(server, 'listening');
  open.push(server);
  for (const host of ['127.0.0.1', '127.0.0.30']) {
    const client: Socket = connect(8080, host);
    await once(client, 'connect');
    open.push({ close: () => client.destroy() });
  }
  const v4 = createSocket('udp4');
  const v6 = createSocket('udp6');
  open.push(v4, v6);
  const send = (socket: typeof v4, port: number, host: string): Promise<void> => new Promise((resolve) => socket.send('x', port, host, () => resolve()));
  await send(v4, 5062, '127.0.0.20');
  await send(v4, 7009, '127.0.0.21');
  await send(v4, 7011, '127.0.0.22');
  await send(v6, 9999, '::1');
  sendRaw(1, '127.0.0.1', '127.0.0.2', echoRequest(7, 1));
  sendRaw(1, '127.0.0.1', '127.0.0.2', echoRequest(8, 1));
  sendRaw(47, '127.0.0.1', '127.0.0.2', grePacket());
  sendRaw(47, '127.0.0.1', '127.0.0.3', grePacket(77));
  sendRaw(50, '127.0.0.1', '127.0.0.2', espPacket(5));
}

/** What both can say of an entry. */
function printable(flow: Flow): object {
  const tuple = (one: Flow['orig'], counters: Flow['origCounters']): object => ({ ...one, icmp: undefined, family: flow.family, proto: flow.proto, ...counters });
  return {
    id: flow.id, orig: tuple(flow.orig, flow.origCounters), reply: tuple(flow.reply, flow.replyCounters), zone: flow.zone, mark: flow.mark, state: flow.state,
    isAssured: (flow.status & IPS.ASSURED) !== 0, isUnreplied: (flow.status & IPS.SEEN_REPLY) === 0,
    labels: flow.labels.map((bit) => `bit${bit}`), startedAtMs: flow.startedAtMs, helper: flow.helper,
  };
}

function printed({ startedAtNs, state, ...flow }: XmlFlow): object {
  // The program prints an SCTP state by the name that the same number has for TCP (seen with 1.4.7).
  const sctpStates: Record<string, string> = { FIN_WAIT: 'ESTABLISHED' };
  return { ...flow, timeout: undefined, state: flow.orig.proto === 132 ? sctpStates[state!] : state, startedAtMs: Number(startedAtNs! / 1_000_000n) };
}
