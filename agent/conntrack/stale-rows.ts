import { PROTOCOLS } from '../../proto/model/protocol.ts';
import { forEachTerm, type FlowFilter } from '../../proto/model/filter/filter.ts';
import type { Columns } from './columns.ts';
import type { Surroundings } from './compile.ts';
import { idleOfRows } from './idle-rows.ts';
import type { RouteQuestion } from '../netlink/route-messages.ts';
import type { Routes } from './kernel-routes.ts';
import { STALENESS, staleness, type Way } from './stale.ts';
import type { FlowContext, WanFacts } from './table.ts';
import { WAN_SIDE } from './wan-names.ts';

/** Not known, in what `staleRows` answers. */
export const UNKNOWN = 255;

const ICMP = new Set<number>([PROTOCOLS.icmp, PROTOCOLS.icmpv6]);
const TRANSPORTS = new Set<number>([PROTOCOLS.tcp, PROTOCOLS.udp]);
/** IPv6 addresses are numbers of a snapshot; this sets them apart from IPv4 addresses. */
const V6 = 0x1_0000_0000;
const MOST_CLIENTS = 0x1_0000;

/** Whose packets are routed: a client that sends them in by an interface, or an address of the gateway itself. Clients that routes treat alike are one. */
interface Client { index: number; source: Uint8Array | undefined; from: number | undefined }

/** For each row a number of STALENESS, or UNKNOWN. One look-up serves all rows that the routes treat alike. */
export function staleRows(columns: Columns, surroundings: Surroundings, { wans, marks = {} }: Pick<FlowContext, 'wans' | 'marks'>, routes: Routes): Uint8Array {
  const { count, common } = columns;
  const { origSrc, origDst, replySrc, replyDst, sport, rsport, rdport, family, proto, mark, startedAtMs } = common;
  const { wans: names, nowMs } = surroundings;
  const { useMarks, useTransport } = routes;
  const [wanOf, sideOf, idle] = [names.ofRows(columns), names.sidesOfRows(columns), idleOfRows(columns, surroundings)];
  const paths = new Paths(columns, routes, waysOut(wans, names.names));
  const own = names.names.map((name) => wans.find((wan) => wan.name === name)!);
  const verdicts = new Uint8Array(count);
  for (let row = 0; row < count; row++) {
    const wan = wanOf[row]!;
    if (wan < 0) continue;
    const isInbound = sideOf[row] === WAN_SIDE.origDst;
    const outer = (isInbound ? origDst : sideOf[row] === WAN_SIDE.replyDst ? replyDst : origSrc)[row]!;
    const [inner, peer] = isInbound ? [replySrc[row]!, origSrc[row]!] : [origSrc[row]!, replySrc[row]!];
    const base = family[row] === 4 ? 0 : V6;
    const isOwn = inner === outer || paths.isHere(base + inner);
    // Pings of the gateway itself are probes, and end by themselves.
    if (isOwn && !isInbound && ICMP.has(proto[row]!)) continue;
    const client = isOwn ? paths.gateway(base + outer) : paths.client(base + inner);
    const ports = useTransport && TRANSPORTS.has(proto[row]!)
      ? { proto: proto[row]!, sport: isInbound ? rsport[row]! : sport[row]!, dport: isInbound ? rdport[row]! : rsport[row]! } : undefined;
    const facts = own[wan]!;
    const { routeLostAtMs } = facts;
    const routedMark = marks.areRestored === false ? 0 : mark[row]!;
    const newWay = paths.way(client, base + peer, 0, ports, wan);
    const verdict = staleness({
      wan, isWanWorking: isWorking(facts), isAddressThere: paths.isHere(base + outer), isInbound,
      way: routedMark === 0 ? newWay : paths.way(client, base + peer, routedMark, ports, wan),
      newWay,
      nat: facts.natKinds?.length === 1 ? facts.natKinds[0] : undefined,
      isMarkHidden: useMarks && mark[row] === 0 && marks.areGiven !== false,
      hadPacketSince: routeLostAtMs !== undefined && nowMs - (idle(row).atMost + 1) * 1000 > routeLostAtMs, // idle times are whole seconds, rounded down
      beganBefore: routeLostAtMs === undefined || Number.isNaN(startedAtMs[row]!) ? undefined : startedAtMs[row]! < routeLostAtMs,
    });
    verdicts[row] = verdict === undefined ? UNKNOWN : STALENESS.indexOf(verdict);
  }
  return verdicts;
}

/** True if a filter asks whether flows are stale. */
export function mentionsStale(filter: FlowFilter): boolean {
  let isMentioned = false;
  forEachTerm(filter, ({ field }) => { isMentioned ||= field === 'stale'; });
  return isMentioned;
}

/** Fills the column `stale` of rows that are to be compared or shown by it. */
export function fillStale(columns: Columns, verdicts: Uint8Array): void {
  const column = columns.ensure('stale');
  for (let row = 0; row < verdicts.length; row++) column[row] = verdicts[row] === UNKNOWN ? Number.NaN : verdicts[row]!;
}

function isWorking({ isUp, isAnswering }: WanFacts): boolean {
  return isUp !== false && isAnswering !== false;
}

/** WANs by interface, under the numbers of `names`; one that has no address yet has a number behind them. */
function waysOut(wans: readonly WanFacts[], names: readonly string[]): Map<string, Way & { kind: 'wan' }> {
  return new Map(wans.flatMap((wan, at) => {
    if (wan.interface === undefined) return [];
    const known = names.indexOf(wan.name);
    return [[wan.interface, { kind: 'wan', wan: known >= 0 ? known : names.length + at, isWorking: isWorking(wan) }]];
  }));
}

/** The ways of packets, each kind of packet looked up once. Addresses are numbers: IPv4 as they are, IPv6 as V6 and the snapshot's number. */
class Paths {
  readonly #columns: Columns;
  readonly #routes: Routes;
  readonly #wans: ReadonlyMap<string, Way & { kind: 'wan' }>;
  readonly #here = new Map<number, boolean>();
  readonly #pieces6 = new Map<number, number>();
  readonly #clientOf = new Map<number, Client | undefined>();
  readonly #clients = new Map<string, Client>();
  readonly #exits = new Map<number, Map<number, readonly Way[]>>();
  readonly #links = new Map<number, number[]>();
  readonly #transports = new Map<string, number>();

  constructor(columns: Columns, routes: Routes, wans: ReadonlyMap<string, Way & { kind: 'wan' }>) {
    this.#columns = columns;
    this.#routes = routes;
    this.#wans = wans;
  }

  /** True if the address is on an interface now. */
  isHere(address: number): boolean {
    if (address < V6) return this.#routes.hasAddress4(address);
    let here = this.#here.get(address);
    if (here === undefined) this.#here.set(address, (here = this.#routes.hasAddress6(this.#bytes(address))));
    return here;
  }

  /** Who sends from an address of the gateway. */
  gateway(address: number): Client | undefined {
    return this.#sender(address, () => ({ kind: `own ${address}`, from: undefined, source: this.isHere(address) ? this.#bytes(address) : undefined }));
  }

  /** Who sends in from outside the gateway; undefined where no interface leads to it. */
  client(address: number): Client | undefined {
    return this.#sender(address, () => {
      const [from, ...more] = this.#linksTo(address);
      if (from === undefined || more.length > 0) return undefined;
      const bytes = this.#bytes(address);
      const { sources } = this.#routes;
      return { kind: `${from} ${address < V6 ? 4 : 6} ${address < V6 ? sources.of4(address) : sources.of6(bytes)}`, from, source: bytes };
    });
  }

  /** Where a packet to an address goes, seen from a flow of one WAN. */
  way(client: Client | undefined, to: number, mark: number, transport: Transport | undefined, own: number): Way {
    const ways = client ? this.#exit(client, to, mark, transport) : UNKNOWN_WAYS;
    if (ways.length === 1) return ways[0]!;
    // The kernel chooses by a hash. That matters only where it might choose the flow's own WAN, or something that is no WAN.
    return ways.every((way) => way.kind === 'wan' && way.wan !== own) ? ways.find((way) => way.kind === 'wan' && way.isWorking) ?? ways[0]! : SEVERAL;
  }

  #sender(address: number, find: () => (Omit<Client, 'index'> & { kind: string }) | undefined): Client | undefined {
    if (this.#clientOf.has(address)) return this.#clientOf.get(address);
    const found = find();
    let client = found && this.#clients.get(found.kind);
    if (found && !client && this.#clients.size < MOST_CLIENTS - 1) {
      client = { index: this.#clients.size + 1, source: found.source, from: found.from };
      this.#clients.set(found.kind, client);
    }
    this.#clientOf.set(address, client);
    return client;
  }

  #exit(client: Client, to: number, mark: number, transport: Transport | undefined): readonly Way[] {
    const place = this.#pieceOf(to) * MOST_CLIENTS + client.index;
    const kind = mark + V6 * this.#transportOf(transport);
    let exits = this.#exits.get(place);
    if (!exits) this.#exits.set(place, (exits = new Map()));
    let ways = exits.get(kind);
    if (!ways) exits.set(kind, (ways = this.#look({ destination: this.#bytes(to), source: client.source, from: client.from, mark, transport })));
    return ways;
  }

  /** The interfaces by which an address is reached; looked up once for addresses that the routes treat alike. */
  #linksTo(address: number): number[] {
    const piece = this.#pieceOf(address);
    let links = this.#links.get(piece);
    if (!links) this.#links.set(piece, (links = this.#routes.waysOut({ destination: this.#bytes(address), mark: 0 }) ?? []));
    return links;
  }

  /** One way at least. */
  #look(question: RouteQuestion): readonly Way[] {
    const links = this.#routes.waysOut(question);
    if (!links) return UNKNOWN_WAYS;
    return links.length === 0 ? [NOWHERE] : links.map((link) => this.#wans.get(this.#routes.nameOf(link) ?? '') ?? ELSEWHERE);
  }

  #pieceOf(address: number): number {
    const { destinations } = this.#routes;
    if (!destinations) return address;
    if (address < V6) return destinations.of4(address);
    let piece = this.#pieces6.get(address);
    if (piece === undefined) this.#pieces6.set(address, (piece = V6 + destinations.of6(this.#bytes(address))));
    return piece;
  }

  #transportOf(transport: Transport | undefined): number {
    if (!transport) return 0;
    const { portPiece } = this.#routes;
    const key = `${transport.proto} ${portPiece(transport.sport)} ${portPiece(transport.dport)}`;
    let index = this.#transports.get(key);
    if (index === undefined) this.#transports.set(key, (index = this.#transports.size + 1));
    return index;
  }

  #bytes(address: number): Uint8Array {
    return address < V6 ? Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address) : this.#columns.addresses6.bytesOf(address - V6);
  }
}

interface Transport { proto: number; sport: number; dport: number }

const ELSEWHERE: Way = { kind: 'elsewhere' };
const NOWHERE: Way = { kind: 'nowhere' };
const SEVERAL: Way = { kind: 'several' };
const UNKNOWN_WAYS: readonly Way[] = [SEVERAL];
