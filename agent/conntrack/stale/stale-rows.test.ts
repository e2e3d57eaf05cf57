import { expect, test } from 'vitest';
import { formatAddress, parseAddress, parsePrefix, prefixContains } from '../../../proto/model/address.ts';
import { IPS } from '../../../proto/model/status.ts';
import { encodeEntry } from '../../../test/support/encode-entry.ts';
import { entryOf } from '../../../test/support/sample-entries.ts';
import type { RouteQuery } from '../../netlink/route-messages.ts';
import { AskedRules } from './asked-rules.ts';
import { Columns } from '../rows/columns.ts';
import type { Packet } from '../../firewall/rules/packet.ts';
import type { DestinationNat, Reads, Rules, SourceNat } from '../../firewall/rules/rules.ts';
import { Partition, portPieces } from './partition.ts';
import type { Routes } from './routes.ts';
import { STALENESS } from './stale.ts';
import { judgeRows } from './stale-rows.ts';
import type { VirtualAddress, WanFacts } from '../table.ts';
import { DEFAULT_TIMEOUTS } from '../proc/timeouts.ts';
import { NO_WAN, WanNames } from '../rows/wan-names.ts';
import type { NewEntry } from '../wire/requests.ts';
import { RowReader } from '../rows/read-entry.ts';
import { Block } from '../rows/block.ts';

const LINKS = ['', 'lan0', 'wan1', 'wan2', 'vpn0'];
const [LAN, WAN1, WAN2, VPN] = [1, 2, 3, 4];
const ADDRESSES = ['10.1.0.1', '198.18.0.12', '198.19.0.12', '2001:db8:18::12', '2001:db8:19::12'];
const wan = (name: string, ...addresses: string[]): WanFacts => ({
  name,
  interface: name,
  isUp: true,
  addresses: addresses.map((text) => parseAddress(text)!),
});
const WANS = [wan('wan1', '198.18.0.12', '2001:db8:18::12', '198.18.0.99'), wan('wan2', '198.19.0.12', '2001:db8:19::12')];

const ON: Record<string, string[]> = {
  lan0: ['10.1.0.1'],
  wan1: ['198.18.0.12', '2001:db8:18::12'],
  wan2: ['198.19.0.12', '2001:db8:19::12'],
};
const CUTS = ['10.0.0.0/8', 'fd00::/8', '198.51.100.0/24'].map((text) => {
  const { address, bits } = parsePrefix(text)!;
  return { bytes: address, bits };
});

/** A gateway whose clients are in 10.0.0.0/8 and fd00::/8; `out` is where everything else goes, and `asked` collects the lookups. */
function gateway(out: (query: RouteQuery) => number[] | undefined, change: Partial<Routes> = {}): Routes & { asked: RouteQuery[] } {
  const cuts = new Partition(CUTS);
  const asked: RouteQuery[] = [];
  const isClient = (address: Uint8Array): boolean => ['10.0.0.0/8', 'fd00::/8'].some((text) => prefixContains(parsePrefix(text)!, address));
  const here = new Set(ADDRESSES);
  return {
    destinations: cuts,
    sources: new Partition([]),
    prefixes: CUTS,
    markBits: 0,
    useTransport: false,
    ports: [],
    portPieces: portPieces([]),
    asked,
    addresses: ADDRESSES.map((text) => parseAddress(text)!),
    addressesOf: (device) => ON[device]?.map((text) => parseAddress(text)!) ?? [],
    linkOf: (device) => LINKS.indexOf(device),
    hasAddress4: (address) => here.has([24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.')),
    hasAddress6: (address) => here.has(formatAddress(address)),
    isOfVrf: () => false,
    nameOf: (link) => LINKS[link],
    waysOut: (query) => {
      asked.push(query);
      return isClient(query.destination) ? [LAN] : out(query);
    },
    ...change,
  };
}

const one = <T>(value: T) => ({ from: value, to: value });
const to = (address: string): SourceNat => ({ kind: 'to', addresses: one(parseAddress(address)!), rule: 'snat' });

/** Rules that translate what leaves by a WAN to the first address of its interface, and leave everything else alone. */
function snat(
  change: Partial<{
    source(packet: Packet): SourceNat | undefined;
    destination(packet: Packet): DestinationNat | undefined;
    mark(packet: Packet): number | undefined;
    reads: Partial<Reads>;
  }> = {},
): Rules {
  const {
    source = ({ out, family }) => (out?.startsWith('wan') ? to(ON[out]![family === 4 ? 0 : 1]!) : { kind: 'none' }),
    destination = () => ({ kind: 'none' }),
    mark = ({ ct }) => ct.mark,
    reads = {},
  } = change;
  const known = <T>(value: T | undefined) =>
    value === undefined ? { isKnown: false as const, why: 'a rule' } : { isKnown: true as const, value };
  return {
    marks: (_hook, packet) => {
      const found = mark(packet);
      return known(found === undefined ? undefined : { mark: found, ctMark: packet.ct.mark, isTracked: true });
    },
    destination: (_hook, packet) => known(destination(packet)),
    source: (packet) => known(source(packet)),
    verdict: () => known({ kind: 'accepted' }),
    reads: () => ({
      fields: new Set(['in', 'out', 'ctMark', 'state', 'direction', 'dport', 'src']),
      sources: { prefixes: [], areWhole: false },
      destinations: { prefixes: [], areWhole: false },
      sports: [],
      dports: [[8443, 8443]],
      mark: 0,
      ctMark: 0xffffffff,
      ...reads,
    }),
  };
}

/** By which WAN each would leave if it began now. */
function nextWans(entries: NewEntry[], routes: Routes, rules = snat()): string[] {
  const { columns, surroundings } = rowsOf(entries);
  const { nextWan } = judgeRows(columns, surroundings, { wans: WANS, routes, asked: new AskedRules(rules), tellsNext: true });
  return Array.from(nextWan!, (number) => surroundings.wans.names[number] ?? (number === NO_WAN ? 'none' : 'unknown'));
}

interface Given {
  wans?: WanFacts[];
  rules?: Rules;
  virtualAddresses?: VirtualAddress[];
}

function judged(entries: NewEntry[], routes: Routes, { wans = WANS, virtualAddresses, ...given }: Given = {}): string[] {
  const rules = 'rules' in given ? given.rules : snat();
  const { columns, surroundings } = rowsOf(entries, wans);
  const {
    wan: numbers,
    stale,
    nextWan,
  } = judgeRows(columns, surroundings, { wans, virtualAddresses, routes, asked: new AskedRules(rules) });
  expect(nextWan).toBeUndefined();
  const { names } = surroundings.wans;
  return Array.from(
    stale,
    (code, row) =>
      `${names[numbers[row]!] ?? (numbers[row] === NO_WAN ? 'none' : 'unknown')} ${Number.isNaN(code) ? 'unknown' : STALENESS[code]!}`,
  );
}

function rowsOf(entries: NewEntry[], wans = WANS) {
  const columns = new Columns(entries.length);
  const reader = new RowReader(columns);
  entries.forEach((entry, id) => {
    const body = encodeEntry({ labels: undefined, helper: undefined, ...entry, id } as Parameters<typeof encodeEntry>[0]);
    reader.append(new Block(body), 0, body.length);
  });
  const names = new WanNames(wans);
  const surroundings = {
    nowMs: 1_900_000_000_000,
    sources: [{ timeouts: DEFAULT_TIMEOUTS, fromMs: -Infinity, untilMs: Infinity }],
    isSynced: false,
    labels: new Map(),
    wans: names,
  };
  return { columns, surroundings };
}

const verdicts = (...args: Parameters<typeof judged>): string[] => judged(...args).map((words) => words.split(' ')[1]!);

/** A translated flow of a client. */
function outbound(
  port: number,
  { dst = '198.51.100.10', outer = '198.18.0.12', ...rest }: { dst?: string; outer?: string } & Partial<NewEntry> = {},
): NewEntry {
  return entryOf({
    proto: 17,
    orig: { src: `10.1.1.${port & 0xff}`, dst, sport: port, dport: 5060 },
    status: IPS.SRC_NAT | IPS.SEEN_REPLY,
    ...rest,
    reply: { dst: outer },
  });
}

const moved = () => [WAN2];

test('flows of the WAN that lost the route are stale, those of the other WAN and of none are not', () => {
  const ofNone = entryOf({ proto: 17, orig: { src: '10.1.0.9', dst: '10.2.0.9', sport: 1, dport: 2 } });
  expect(verdicts([outbound(1), outbound(2, { outer: '198.19.0.12' }), ofNone], gateway(moved))).toEqual(['route-moved', 'no', 'no']);
});

test('a thousand flows that the routes treat alike take two lookups: the client’s interface and the way out', () => {
  const routes = gateway(moved);
  const entries = Array.from({ length: 1000 }, (_, index) => outbound(index, { dst: `198.51.100.${index & 0xff}` }));
  expect(new Set(verdicts(entries, routes))).toEqual(new Set(['route-moved']));
  expect(routes.asked.map(({ from, source }) => [from, source !== undefined])).toEqual([
    [undefined, false],
    [LAN, true],
  ]);
});

test('with too many routes to read, each peer is looked up by itself', () => {
  const routes = gateway(({ destination }) => [destination[3]! < 2 ? WAN1 : WAN2], { destinations: undefined, prefixes: undefined });
  expect(
    verdicts(
      [0, 1, 2, 3].map((last) => outbound(7, { dst: `198.51.100.${last}` })),
      routes,
    ),
  ).toEqual(['no', 'no', 'route-moved', 'route-moved']);
});

test('a mark that the rules restore counts, one that they do not restore does not', () => {
  const pinned = ({ mark }: RouteQuery) => [mark === 0x100 ? WAN1 : WAN2];
  const entry = outbound(1, { mark: 0x10100 });
  const routes = () => gateway(pinned, { markBits: 0xf00 });
  expect(verdicts([entry], routes())).toEqual(['no']);
  expect(verdicts([entry], routes(), { rules: snat({ mark: () => 0 }) })).toEqual(['route-moved']);
  expect(verdicts([entry], routes(), { wans: [{ ...WANS[0]!, isAnswering: false }, WANS[1]!] })).toEqual(['wan-down']);
});

test('if the mark is unknown and routes depend on it, staleness is unknown; if they do not, it does not matter', () => {
  const rules = snat({ mark: () => undefined });
  expect(verdicts([outbound(1)], gateway(moved, { markBits: 0xf00 }), { rules })).toEqual(['unknown']);
  expect(verdicts([outbound(1)], gateway(moved), { rules })).toEqual(['route-moved']);
});

test('rules that match on ports are queried with the ports that they distinguish', () => {
  const routes = gateway(({ transport }) => [transport?.dport === 5060 ? WAN1 : WAN2], {
    useTransport: true,
    ports: [[5060, 5060]],
    portPieces: portPieces([[5060, 5060]]),
  });
  const web = entryOf({
    proto: 17,
    orig: { src: '10.1.1.1', dst: '198.51.100.10', sport: 9, dport: 443 },
    status: IPS.SRC_NAT,
    reply: { dst: '198.18.0.12' },
  });
  expect(verdicts([outbound(1), web, outbound(3)], routes)).toEqual(['no', 'route-moved', 'no']);
  expect(routes.asked).toHaveLength(3);
});

test('a route with both WANs proves nothing, one with only the other WAN proves that it moved', () => {
  expect(
    verdicts(
      [outbound(1)],
      gateway(() => [WAN1, WAN2]),
    ),
  ).toEqual(['unknown']);
  expect(
    verdicts(
      [outbound(1)],
      gateway(() => [WAN2, WAN2]),
    ),
  ).toEqual(['route-moved']);
});

test('what the kernel does not report is not known', () =>
  expect(
    verdicts(
      [outbound(1)],
      gateway(() => undefined),
    ),
  ).toEqual(['unknown']));

test('an address that is no longer on any interface is gone', () =>
  expect(
    verdicts(
      [outbound(1, { outer: '198.18.0.99' })],
      gateway(() => [WAN1]),
    ),
  ).toEqual(['address-gone']));

test('connections of the gateway itself are looked up from their own address, and its pings are skipped', () => {
  const own = (proto: number, rest: Partial<NewEntry>) =>
    entryOf({ proto, orig: { src: '198.18.0.12', dst: '198.51.100.10', sport: 1, dport: 2 }, ...rest });
  const routes = gateway(moved);
  expect(
    verdicts([own(17, {}), own(1, { orig: { src: '198.18.0.12', dst: '198.51.100.10', icmp: { type: 8, code: 0, id: 1 } } })], routes),
  ).toEqual(['route-moved', 'no']);
  expect(routes.asked).toMatchObject([{ source: parseAddress('198.18.0.12'), from: undefined }]);
});

test('for an inbound flow the way of its answers is looked up', () => {
  const began = { startedAtNs: 1_899_999_000_000_000_000n };
  const forwarded = {
    ...began,
    ...entryOf({
      proto: 6,
      orig: { src: '203.0.113.9', dst: '198.18.0.12', sport: 1, dport: 8443 },
      status: IPS.DST_NAT,
      state: 'ESTABLISHED',
      reply: { src: '10.1.0.80', sport: 443 },
    }),
  };
  const routes = gateway(moved);
  expect(verdicts([forwarded], routes, { wans: [{ ...WANS[0]!, routeLostAtMs: 1_899_999_500_000 }, WANS[1]!] })).toEqual(['route-moved']);
  expect(routes.asked.at(-1)).toMatchObject({ destination: parseAddress('203.0.113.9'), source: parseAddress('10.1.0.80'), from: LAN });
});

test('IPv6 flows are judged like the others', () => {
  const entry = entryOf({
    proto: 17,
    orig: { src: 'fd00:1:1::5', dst: '2001:db8:113::10', sport: 1, dport: 2 },
    status: IPS.SRC_NAT,
    reply: { dst: '2001:db8:18::12' },
  });
  expect(verdicts([entry], gateway(moved))).toEqual(['route-moved']);
});

test('the WAN of a new flow is that of its current route, whatever pins the old one; with several next hops it is not known', () => {
  const pinned = outbound(1, { outer: '198.19.0.12', mark: 0x200 });
  const inside = entryOf({ proto: 17, orig: { src: '10.1.0.9', dst: '10.2.0.9', sport: 1, dport: 2 } });
  const byMark = ({ mark }: RouteQuery): number[] => [mark === 0x200 ? WAN2 : WAN1];
  const restoring = snat({ mark: ({ ct }) => ct.mark, reads: { mark: 0xffffffff } });
  expect(nextWans([pinned, inside], gateway(byMark, { markBits: 0xf00 }), restoring)).toEqual(['wan1', 'none']);
  expect(nextWans([pinned], gateway(moved))).toEqual(['wan2']);
  expect(
    nextWans(
      [pinned],
      gateway(() => [WAN1, WAN2]),
    ),
  ).toEqual(['unknown']);
  expect(
    nextWans(
      [pinned],
      gateway(() => []),
    ),
  ).toEqual(['none']);
});

const lan = (change: Partial<NewEntry> = {}): NewEntry =>
  entryOf({ proto: 17, orig: { src: '10.1.1.9', dst: '198.51.100.10', sport: 1, dport: 5060 }, ...change });
const stays = () => [WAN1];

test('a flow belongs to no WAN only if both its ends are known to be inside', () => {
  const inside = lan({ orig: { src: '10.1.1.9', dst: '10.2.0.9', sport: 1, dport: 2 } });
  expect(judged([inside], gateway(stays))).toEqual(['none no']);
  expect(judged([inside], gateway(stays, { waysOut: () => undefined }))).toEqual(['unknown unknown']);
});

test('a flow that began before its WAN translated, and never got an answer, is stale', () => {
  expect(judged([lan({ status: 0 }), lan({ status: IPS.SEEN_REPLY })], gateway(stays))).toEqual(['wan1 untranslated', 'wan1 unknown']);
  expect(judged([lan({ status: 0 })], gateway(stays), { rules: undefined })).toEqual(['wan1 unknown']);
});

test('an untranslated flow belongs to the WAN that its route leads to, and deleting it does not help', () => {
  const out = lan({ orig: { src: 'fd00:1:1::5', dst: '2001:db8:113::10', sport: 1, dport: 2 } });
  const into = entryOf({
    proto: 6,
    orig: { src: '2001:db8:113::10', dst: 'fd00:1:1::5', sport: 1, dport: 443 },
    status: IPS.SEEN_REPLY,
    state: 'ESTABLISHED',
  });
  const rules = snat({ source: () => ({ kind: 'none' }) });
  expect(judged([out, into], gateway(stays), { rules })).toEqual(['wan1 no', 'wan1 no']);
});

test('an address that a rule translates to belongs to that WAN though it is on no interface, and is left behind when the route moves', () => {
  const rules = snat({ source: ({ out }) => (out === 'wan1' ? to('203.0.113.9') : to('198.19.0.12')) });
  const entry = outbound(1, { outer: '203.0.113.9' });
  expect([stays, moved].map((route) => judged([entry], gateway(route), { rules })[0])).toEqual(['wan1 no', 'wan1 route-moved']);
  expect(judged([entry], gateway(moved), { rules: snat({ source: () => to('203.0.113.9') }) })).toEqual(['wan2 no']);
  expect(judged([outbound(1, { outer: '203.0.113.77' })], gateway(moved), { rules })).toEqual(['unknown unknown']);
});

test('a call between two LAN hosts via the external address belongs to no WAN', () => {
  const hairpin = lan({
    orig: { src: '10.1.1.9', dst: '198.18.0.12', sport: 1, dport: 8443 },
    status: IPS.DST_NAT | IPS.SRC_NAT | IPS.SEEN_REPLY,
    reply: { src: '10.1.0.80', sport: 443, dst: '10.1.0.1' },
  });
  const destination = ({ dport }: Packet): DestinationNat =>
    dport === 8443 ? { kind: 'to', addresses: one(parseAddress('10.1.0.80')!), ports: one(443), rule: 'dnat' } : { kind: 'none' };
  expect(judged([hairpin], gateway(moved), { rules: snat({ destination, source: () => ({ kind: 'masquerade', rule: 'm' }) }) })).toEqual([
    'none no',
  ]);
  expect(
    judged([{ ...hairpin, reply: { ...hairpin.reply, dst: '198.18.0.12' } }], gateway(moved), {
      rules: snat({ destination, source: () => to('198.18.0.12') }),
    }),
  ).toEqual(['none no']);
});

test('a flow of a port forward that now leads elsewhere, or was removed, is stale; an answered connection may continue', () => {
  const forwarded = (proto: number, status: number) =>
    entryOf({
      proto,
      orig: { src: '203.0.113.9', dst: '198.18.0.12', sport: 1, dport: 8443 },
      status: IPS.DST_NAT | status,
      reply: { src: '10.1.0.80', sport: 443 },
      ...(proto === 6 && { state: 'ESTABLISHED' }),
    });
  const entries = [forwarded(17, IPS.SEEN_REPLY), forwarded(6, 0), forwarded(6, IPS.SEEN_REPLY)];
  const sendTo = (address: string): Rules =>
    snat({
      destination: ({ dport }) =>
        dport === 8443 ? { kind: 'to', addresses: one(parseAddress(address)!), ports: one(443), rule: 'dnat' } : { kind: 'none' },
    });
  expect(verdicts(entries, gateway(stays), { rules: sendTo('10.1.0.80') })).toEqual(['no', 'no', 'no']);
  expect(verdicts(entries, gateway(stays), { rules: sendTo('10.1.0.81') })).toEqual(['forward-changed', 'forward-changed', 'unknown']);
  expect(verdicts(entries, gateway(stays), { rules: snat() })).toEqual(['forward-changed', 'forward-changed', 'unknown']);
});

test('an address of the other node of a pair is not gone; for one that may be, it is not known', () => {
  const entry = outbound(1, { outer: '198.18.0.99' });
  const virtual = (isCertain: boolean): VirtualAddress[] => [{ address: parseAddress('198.18.0.99')!, isCertain }];
  expect([true, false].map((isCertain) => verdicts([entry], gateway(moved), { virtualAddresses: virtual(isCertain) })[0])).toEqual([
    'no',
    'unknown',
  ]);
  const counters = { origCounters: { packets: 0n, bytes: 0n }, replyCounters: { packets: 0n, bytes: 0n } };
  expect(verdicts([{ ...entry, ...counters }], gateway(moved))).toEqual(['unknown']);
});

test('a call that began before the tunnel came up is left behind with the address of its WAN', () => {
  expect(
    judged(
      [outbound(1)],
      gateway(() => [VPN]),
    ),
  ).toEqual(['wan1 route-moved']);
  expect(
    judged(
      [outbound(1)],
      gateway(() => [VPN]),
      { rules: snat({ source: ({ out }) => (out === 'vpn0' ? { kind: 'none' } : { kind: 'masquerade', rule: 'm' }) }) },
    ),
  ).toEqual(['wan1 no']);
});

test('the mark of a local program’s packets is not known, and does not matter if no route depends on it', () => {
  const own = entryOf({ proto: 17, orig: { src: '198.18.0.12', dst: '198.51.100.10', sport: 1, dport: 2 } });
  const rules = snat({ mark: ({ mark }) => mark });
  expect([0, 0xf00].map((markBits) => judged([own], gateway(moved, { markBits }), { rules })[0])).toEqual([
    'wan1 route-moved',
    'wan1 unknown',
  ]);
});

test('nothing is concluded about a host that a VRF has a route for', () => {
  const isOfVrf = (address: Uint8Array): boolean => prefixContains(parsePrefix('10.1.0.0/16')!, address);
  const inside = lan({ orig: { src: '10.1.1.9', dst: '10.2.0.9', sport: 1, dport: 2 } });
  expect(judged([outbound(1), lan({ status: 0 }), inside], gateway(moved, { isOfVrf }))).toEqual([
    'wan1 unknown',
    'unknown unknown',
    'unknown unknown',
  ]);
});

test('staleness is unknown for flows forwarded without a rule, and if the address does not tell the link', () => {
  const ipvs = entryOf({
    proto: 17,
    orig: { src: '203.0.113.9', dst: '198.18.0.12', sport: 1, dport: 53 },
    status: IPS.SEEN_REPLY,
    reply: { src: '10.1.0.80', sport: 53 },
  });
  const neighbour = entryOf({ proto: 17, orig: { src: 'fe80::1', dst: 'fe80::2', sport: 546, dport: 547 } });
  expect(judged([ipvs, neighbour], gateway(stays))).toEqual(['wan1 unknown', 'unknown unknown']);
});
