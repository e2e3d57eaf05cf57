import { expect, test } from 'vitest';
import { formatAddress, parseAddress, parsePrefix, prefixContains } from '../../proto/model/address.ts';
import { IPS } from '../../proto/model/status.ts';
import { encodeEntry } from '../../test/support/encode-entry.ts';
import { entryOf } from '../../test/support/sample-entries.ts';
import type { RouteQuestion } from '../netlink/route-messages.ts';
import { Columns } from './columns.ts';
import { Partition, portPieces } from './partition.ts';
import type { Routes } from './kernel-routes.ts';
import { STALENESS } from './stale.ts';
import { staleRows, UNKNOWN } from './stale-rows.ts';
import type { MarkFacts, WanFacts } from './table.ts';
import { DEFAULT_TIMEOUTS } from './timeouts.ts';
import { WanNames } from './wan-names.ts';
import type { NewEntry } from './wire/requests.ts';
import { RowReader } from './wire/row-reader.ts';
import { Block } from './wire/words.ts';

const LINKS = ['', 'lan0', 'wan1', 'wan2'];
const [LAN, WAN1, WAN2] = [1, 2, 3];
const ADDRESSES = ['10.1.0.1', '198.18.0.12', '198.19.0.12', '2001:db8:18::12', '2001:db8:19::12'];
const wan = (name: string, ...addresses: string[]): WanFacts => ({ name, interface: name, isUp: true, natKinds: ['snat'], addresses: addresses.map((text) => parseAddress(text)!) });
const WANS = [wan('wan1', '198.18.0.12', '2001:db8:18::12', '198.18.0.99'), wan('wan2', '198.19.0.12', '2001:db8:19::12')];

/** A gateway whose clients are in 10.0.0.0/8 and fd00::/8; `out` says where everything else goes, and `asked` what was looked up. */
function gateway(out: (question: RouteQuestion) => number[] | undefined, change: Partial<Routes> = {}): Routes & { asked: RouteQuestion[] } {
  const cuts = new Partition(['10.0.0.0/8', 'fd00::/8', '198.51.100.0/24'].map((text) => { const { address, bits } = parsePrefix(text)!; return { bytes: address, bits }; }));
  const asked: RouteQuestion[] = [];
  const isClient = (address: Uint8Array): boolean => ['10.0.0.0/8', 'fd00::/8'].some((text) => prefixContains(parsePrefix(text)!, address));
  const here = new Set(ADDRESSES);
  return {
    destinations: cuts, sources: new Partition([]), useMarks: false, useTransport: false, portPiece: portPieces([]), asked,
    hasAddress4: (address) => here.has([24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.')),
    hasAddress6: (address) => here.has(formatAddress(address)),
    nameOf: (link) => LINKS[link],
    waysOut: (question) => {
      asked.push(question);
      return isClient(question.destination) ? [LAN] : out(question);
    },
    ...change,
  };
}

function verdicts(entries: NewEntry[], routes: Routes, { wans = WANS, marks = { areGiven: false, areRestored: true } }: { wans?: WanFacts[]; marks?: MarkFacts } = {}): string[] {
  const columns = new Columns(entries.length);
  const reader = new RowReader(columns);
  entries.forEach((entry, id) => {
    const body = encodeEntry({ labels: undefined, helper: undefined, ...entry, id } as Parameters<typeof encodeEntry>[0]);
    reader.append(new Block(body), 0, body.length);
  });
  const surroundings = { nowMs: 1_900_000_000_000, sources: [{ timeouts: DEFAULT_TIMEOUTS, fromMs: -Infinity, untilMs: Infinity }], isSynced: false, labels: new Map(), wans: new WanNames(wans) };
  return Array.from(staleRows(columns, surroundings, { wans, marks }, routes), (code) => (code === UNKNOWN ? 'unknown' : STALENESS[code]!));
}

/** A translated flow of a client. */
function outbound(port: number, { dst = '198.51.100.10', outer = '198.18.0.12', ...rest }: { dst?: string; outer?: string } & Partial<NewEntry> = {}): NewEntry {
  return entryOf({ proto: 17, orig: { src: `10.1.1.${port & 0xff}`, dst, sport: port, dport: 5060 }, status: IPS.SRC_NAT | IPS.SEEN_REPLY, ...rest, reply: { dst: outer } });
}

const moved = () => [WAN2];

test('flows of the WAN that the route left are stale, those of the other and those of none are not', () => {
  const ofNone = entryOf({ proto: 17, orig: { src: '10.1.0.9', dst: '10.2.0.9', sport: 1, dport: 2 } });
  expect(verdicts([outbound(1), outbound(2, { outer: '198.19.0.12' }), ofNone], gateway(moved))).toEqual(['route-moved', 'no', 'no']);
});

test('a thousand flows that the routes treat alike take two look-ups: the client’s interface and the way out', () => {
  const routes = gateway(moved);
  const entries = Array.from({ length: 1000 }, (_, index) => outbound(index, { dst: `198.51.100.${index & 0xff}` }));
  expect(new Set(verdicts(entries, routes))).toEqual(new Set(['route-moved']));
  expect(routes.asked.map(({ from, source }) => [from, source !== undefined])).toEqual([[undefined, false], [LAN, true]]);
});

test('with too many routes to tell apart, each peer is looked up by itself', () => {
  const routes = gateway(({ destination }) => [destination[3]! < 2 ? WAN1 : WAN2], { destinations: undefined });
  expect(verdicts([0, 1, 2, 3].map((last) => outbound(7, { dst: `198.51.100.${last}` })), routes)).toEqual(['no', 'no', 'route-moved', 'route-moved']);
});

test('a mark that the rules give back counts, one that they do not give back does not', () => {
  const pinned = ({ mark }: RouteQuestion) => [mark === 0x100 ? WAN1 : WAN2];
  const entry = outbound(1, { mark: 0x100 });
  expect(verdicts([entry], gateway(pinned, { useMarks: true }))).toEqual(['no']);
  expect(verdicts([entry], gateway(pinned, { useMarks: true }), { marks: { areRestored: false, areGiven: false } })).toEqual(['route-moved']);
  expect(verdicts([entry], gateway(pinned, { useMarks: true }), { wans: [{ ...WANS[0]!, isAnswering: false }, WANS[1]!] })).toEqual(['wan-down']);
});

test('where rules give marks of their own, nothing is said of a flow without one', () => {
  for (const marks of [{ areGiven: true }, {}]) expect(verdicts([outbound(1)], gateway(moved, { useMarks: true }), { marks })).toEqual(['unknown']);
});

test('rules that choose by port are asked with the ports that they tell apart', () => {
  const routes = gateway(({ transport }) => [transport?.dport === 5060 ? WAN1 : WAN2], { useTransport: true, portPiece: portPieces([[5060, 5060]]) });
  const web = entryOf({ proto: 17, orig: { src: '10.1.1.1', dst: '198.51.100.10', sport: 9, dport: 443 }, status: IPS.SRC_NAT, reply: { dst: '198.18.0.12' } });
  expect(verdicts([outbound(1), web, outbound(3)], routes)).toEqual(['no', 'route-moved', 'no']);
  expect(routes.asked).toHaveLength(3);
});

test('a route with both WANs says nothing, one with only the other says that it moved', () => {
  expect(verdicts([outbound(1)], gateway(() => [WAN1, WAN2]))).toEqual(['unknown']);
  expect(verdicts([outbound(1)], gateway(() => [WAN2, WAN2]))).toEqual(['route-moved']);
});

test('what the kernel does not say is not known', () => expect(verdicts([outbound(1)], gateway(() => undefined))).toEqual(['unknown']));

test('an address that is on no interface any more is gone', () => expect(verdicts([outbound(1, { outer: '198.18.0.99' })], gateway(() => [WAN1]))).toEqual(['address-gone']));

test('connections of the gateway itself are looked up from their own address, and its pings are left out', () => {
  const own = (proto: number, rest: Partial<NewEntry>) => entryOf({ proto, orig: { src: '198.18.0.12', dst: '198.51.100.10', sport: 1, dport: 2 }, ...rest });
  const routes = gateway(moved);
  expect(verdicts([own(17, {}), own(1, { orig: { src: '198.18.0.12', dst: '198.51.100.10', icmp: { type: 8, code: 0, id: 1 } } })], routes)).toEqual(['route-moved', 'no']);
  expect(routes.asked).toMatchObject([{ source: parseAddress('198.18.0.12'), from: undefined }]);
});

test('of a flow that came in, the way of its answers is looked up', () => {
  const began = { startedAtNs: 1_899_999_000_000_000_000n };
  const forwarded = { ...began, ...entryOf({ proto: 6, orig: { src: '203.0.113.9', dst: '198.18.0.12', sport: 1, dport: 8443 }, status: IPS.DST_NAT, state: 'ESTABLISHED', reply: { src: '10.1.0.80', sport: 443 } }) };
  const routes = gateway(moved);
  expect(verdicts([forwarded], routes, { wans: [{ ...WANS[0]!, routeLostAtMs: 1_899_999_500_000 }, WANS[1]!] })).toEqual(['route-moved']);
  expect(routes.asked.at(-1)).toMatchObject({ destination: parseAddress('203.0.113.9'), source: parseAddress('10.1.0.80'), from: LAN });
});

test('IPv6 flows are judged like the others', () => {
  const entry = entryOf({ proto: 17, orig: { src: 'fd00:1:1::5', dst: '2001:db8:113::10', sport: 1, dport: 2 }, status: IPS.SRC_NAT, reply: { dst: '2001:db8:18::12' } });
  expect(verdicts([entry], gateway(moved))).toEqual(['route-moved']);
});
