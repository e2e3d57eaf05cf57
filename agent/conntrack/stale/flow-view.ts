import { formatAddress } from '../../../proto/model/address.ts';
import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { IPS } from '../../../proto/model/status.ts';
import { TCP_FLAGS, type Ends, type Packet } from '../../firewall/rules/packet.ts';
import type { DestinationNat, Range, SourceNat } from '../../firewall/rules/rules.ts';
import type { AskedRules } from './asked-rules.ts';
import { origShape, SHAPE, type Columns } from '../rows/columns.ts';
import type { Routes } from './routes.ts';
import { SEVERAL, V6, type Paths, type Sender, type Transport } from './paths.ts';
import type { Sight, Way } from './stale.ts';
import { isWorking, type WanFacts } from '../table.ts';
import { NO_WAN, UNKNOWN_WAN, WAN_SIDE } from '../rows/wan-names.ts';

const PINGS = new Set<number>([PROTOCOLS.icmp, PROTOCOLS.icmpv6]);
const TRANSPORTS = new Set<number>([PROTOCOLS.tcp, PROTOCOLS.udp]);

interface FlowViewOptions {
  columns: Columns;
  paths: Paths;
  routes: Routes;
  asked: AskedRules;
  /** Indexed by the numbers in ways and rows. */
  wans: readonly WanFacts[];
  /** Addresses that move between nodes, as text, and whether that is certain. */
  virtual: ReadonlyMap<string, boolean>;
  /** For each row the WAN that has one of its addresses, and which address, from WanNames. */
  addressWans: Int16Array;
  addressSides: Uint8Array;
}

/** One row as numbers: addresses as Paths has them. */
export interface Row {
  row: number;
  src: number;
  dst: number;
  replySrc: number;
  replyDst: number;
  proto: number;
  hasPorts: boolean;
  isTranslated: boolean;
  isForwarded: boolean;
  isAnswered: boolean;
  isExpected: boolean;
  /** No packet of it was counted here, so a program created it: it belongs to another node, or was restored. */
  isUncounted: boolean;
  mark: number;
  original: Ends;
  reply: Ends;
}

/** Who sends the original packets, and the interface they come in by. */
export interface Arrival {
  sender: Sender | undefined;
  isOwn: boolean;
  in: string | null | undefined;
  isFromWan: boolean;
}

/** Observes flows: how their packets are routed and translated today, and how those of a flow that began now would be. */
export class FlowView {
  readonly #options: FlowViewOptions;

  constructor(options: FlowViewOptions) {
    this.#options = options;
  }

  /** A row's flow, who sends its original packets, and the first packet of a flow that began now. */
  beginning(index: number): Beginning {
    const { addressWans, addressSides } = this.#options;
    const row = this.#read(index);
    const arrival = this.#arrival(row, addressSides[index]!, addressWans[index]!);
    return {
      row,
      arrival,
      first: this.#packet(row, arrival, 'new'),
      hook: arrival.isOwn ? 'output' : 'prerouting',
      known: addressWans[index]! >= 0 ? addressWans[index]! : undefined,
    };
  }

  /** The way of a packet that begins a flow, with the marks that a hook sets. */
  wayOf(sender: Sender | undefined, hook: 'prerouting' | 'output', packet: Packet, to: number, known: number | undefined): Way {
    const { routes } = this.#options;
    const transport =
      routes.useTransport && TRANSPORTS.has(packet.proto) && packet.sport !== undefined
        ? { proto: packet.proto, sport: packet.sport, dport: packet.dport! }
        : undefined;
    return this.#way(sender, to, this.#mark(hook, packet), transport, known);
  }

  /** The flow of a row, and its WAN. `sight` is undefined for a ping of the gateway itself, which is a probe and ends by itself. */
  of(index: number): { sight: Sight | undefined; wan: number } {
    const { addressWans, addressSides, routes } = this.#options;
    const row = this.#read(index);
    const [addressWan, side] = [addressWans[index]!, addressSides[index]!];
    const arrival = this.#arrival(row, side, addressWan);
    if (arrival.isOwn && PINGS.has(row.proto) && side !== WAN_SIDE.origDst) return { sight: undefined, wan: addressWan };
    const hook = arrival.isOwn ? ('output' as const) : ('prerouting' as const);
    const transport =
      routes.useTransport && TRANSPORTS.has(row.proto)
        ? { proto: row.proto, sport: row.original.sport!, dport: row.reply.sport! }
        : undefined;
    const first = this.#packet(row, arrival, 'new');
    const next = this.#packet(row, arrival, 'established');
    const known = addressWan >= 0 ? addressWan : undefined;
    const way = this.#way(arrival.sender, row.replySrc, this.#mark(hook, next), transport, known);
    const target = this.#target(hook, first, row);
    const isInbound = side === WAN_SIDE.origDst ? !this.#isInside(row.src) : arrival.isFromWan && way.kind === 'elsewhere';
    if (isInbound) return this.#inbound(row, arrival, { own: side === WAN_SIDE.origDst ? known : undefined, hook, first, target });
    const newWay = target.isOther === false ? this.#way(arrival.sender, row.replySrc, this.#mark(hook, first), transport, known) : SEVERAL;
    return this.#outbound(row, arrival, { way, newWay, target, known, leaving: this.#leaving(row, first, this.marksOf(hook, first)) });
  }

  #outbound(
    row: Row,
    arrival: Arrival,
    { way, newWay, target, known, leaving }: { way: Way; newWay: Way; target: Target; known: number | undefined; leaving: Packet },
  ): { sight: Sight; wan: number } {
    const { paths, wans } = this.#options;
    const sourceBy = (out: string): SourceNat | undefined => {
      const answer = this.#options.asked.source({ ...leaving, out });
      return answer.isKnown ? answer.value : undefined;
    };
    // Between two hosts behind the gateway, or one of them and the gateway: addresses may be a WAN's, but packets never leave by it.
    const isInside =
      way.kind === 'elsewhere' &&
      !arrival.isFromWan &&
      arrival.in !== undefined &&
      (!row.isTranslated || row.isForwarded || known === undefined);
    const hasOuterAddress = !isInside && (row.isTranslated || known !== undefined);
    let own = isInside ? undefined : known;
    let outer: Sight['outer'] = 'here';
    const isHere = paths.isHere(row.replyDst);
    if (hasOuterAddress && !isHere && (this.#isVirtual(row.replyDst) !== undefined || row.isUncounted))
      outer = this.#isVirtual(row.replyDst) ? 'elsewhere' : undefined;
    else if (hasOuterAddress && known !== undefined) outer = isHere ? 'here' : 'gone';
    else if (hasOuterAddress) {
      const ruled = this.#wansByRule(row, sourceBy);
      if (ruled?.length === 1) own = ruled[0];
      else if (isHere || (ruled && ruled.length > 1)) own = way.kind === 'wan' ? way.wan : undefined;
      else outer = undefined;
    }
    if (!hasOuterAddress && !isInside && way.kind === 'wan') own = way.wan;
    const ownWan = own === undefined ? undefined : wans[own];
    const sight: Sight = {
      own,
      isOwnWorking: ownWan === undefined || isWorking(ownWan),
      outer,
      isInbound: false,
      hasOuterAddress,
      way,
      newWay,
      nat: ownWan?.interface === undefined || row.isExpected ? undefined : this.#natOf(row, sourceBy(ownWan.interface)),
      isSourceOther: row.isExpected ? undefined : this.#isSourceOther(row, newWay, sourceBy),
      isTargetOther: target.isOther,
      isConnection: row.proto === PROTOCOLS.tcp,
      isAnswered: row.isAnswered,
      hadPacketSince: false,
      beganBefore: undefined,
    };
    return { sight, wan: own ?? (isInside ? NO_WAN : UNKNOWN_WAN) };
  }

  /** For a flow that came in by a WAN: the gateway routes its answers. */
  #inbound(
    row: Row,
    arrival: Arrival,
    { own: known, hook, first, target }: { own: number | undefined; hook: 'prerouting' | 'output'; first: Packet; target: Target },
  ): { sight: Sight; wan: number } {
    const { paths, routes, wans } = this.#options;
    const isHere = paths.isHere(row.replySrc);
    const from = isHere ? undefined : this.linkOf(row.replySrc);
    const replier = isHere ? paths.gateway(row.replySrc) : from === undefined ? undefined : paths.client(row.replySrc, from);
    const transport =
      routes.useTransport && TRANSPORTS.has(row.proto) ? { proto: row.proto, sport: row.reply.sport!, dport: row.reply.dport! } : undefined;
    const answer: Packet = {
      ...first,
      in: isHere ? null : from === undefined ? undefined : routes.nameOf(from),
      src: paths.bytesOf(row.replySrc),
      dst: paths.bytesOf(row.replyDst),
      sport: row.reply.sport,
      dport: row.reply.dport,
    };
    const wayWith = (mark: number | undefined): Way => {
      const packet: Packet = {
        ...answer,
        ct: { ...first.ct, state: 'established', direction: 'reply', mark, status: this.#statusOf(row) },
      };
      return this.#way(replier, row.src, this.#mark(isHere ? 'output' : 'prerouting', packet), transport, known);
    };
    const way = wayWith(row.mark);
    const newWay = wayWith(routes.markBits === 0 ? row.mark : this.marksOf(hook, first).ctMark);
    const own = known ?? (way.kind === 'wan' ? way.wan : undefined);
    const ownWan = own === undefined ? undefined : wans[own];
    const sight: Sight = {
      own,
      isOwnWorking: ownWan === undefined || isWorking(ownWan),
      isInbound: true,
      hasOuterAddress: known !== undefined,
      outer:
        known === undefined || paths.isHere(row.dst)
          ? 'here'
          : this.#isVirtual(row.dst)
            ? 'elsewhere'
            : row.isUncounted || this.#isVirtual(row.dst) === false
              ? undefined
              : 'gone',
      way,
      newWay,
      nat: undefined,
      isSourceOther: undefined,
      isTargetOther: target.isOther,
      isConnection: row.proto === PROTOCOLS.tcp,
      isAnswered: row.isAnswered,
      hadPacketSince: false,
      beganBefore: undefined,
    };
    return { sight, wan: own ?? UNKNOWN_WAN };
  }

  #read(row: number): Row {
    const { common, rare } = this.#options.columns;
    const base = common.family[row] === 4 ? 0 : V6;
    const [src, dst, replySrc, replyDst] = [
      base + common.origSrc[row]!,
      base + common.origDst[row]!,
      base + common.replySrc[row]!,
      base + common.replyDst[row]!,
    ];
    const hasPorts = origShape(common.shape[row]!) === SHAPE.ports;
    const { paths } = this.#options;
    const port = (column: Uint16Array): number | undefined => (hasPorts ? column[row]! : undefined);
    return {
      row,
      src,
      dst,
      replySrc,
      replyDst,
      proto: common.proto[row]!,
      hasPorts,
      mark: common.mark[row]!,
      isTranslated: replyDst !== src,
      isForwarded: replySrc !== dst || (hasPorts && common.rsport[row] !== common.dport[row]),
      isAnswered: (common.status[row]! & IPS.SEEN_REPLY) !== 0,
      isExpected: (common.status[row]! & IPS.EXPECTED) !== 0,
      isUncounted: rare.origPackets?.[row] === 0 && rare.replyPackets?.[row] === 0,
      original: { src: paths.bytesOf(src), dst: paths.bytesOf(dst), sport: port(common.sport), dport: port(common.dport) },
      reply: { src: paths.bytesOf(replySrc), dst: paths.bytesOf(replyDst), sport: port(common.rsport), dport: port(common.rdport) },
    };
  }

  #arrival(row: Row, side: number, addressWan: number): Arrival {
    const { paths, routes, wans } = this.#options;
    const isOwn = paths.isHere(row.src) || side === WAN_SIDE.origSrc || (side === WAN_SIDE.replyDst && !row.isTranslated);
    if (isOwn) return { sender: paths.gateway(row.src), isOwn, in: null, isFromWan: false };
    // An outside host comes in by the WAN that has the address, whatever way the answers take now.
    const isByAddress = side === WAN_SIDE.origDst && !this.#isInside(row.src);
    const device = isByAddress ? wans[addressWan]?.interface : undefined;
    const from = isByAddress ? (device === undefined ? undefined : routes.linkOf(device)) : this.linkOf(row.src);
    const name = from === undefined ? device : routes.nameOf(from);
    return {
      sender: from === undefined ? undefined : paths.client(row.src, from),
      isOwn,
      in: name,
      isFromWan: isByAddress || this.#isWan(name),
    };
  }

  /** The interface that leads to an address, if there is exactly one. */
  linkOf(address: number): number | undefined {
    const [link, ...more] = this.#options.paths.linksTo(address);
    return more.length > 0 ? undefined : link;
  }

  /** True if no route to the address leads by a WAN. */
  #isInside(address: number): boolean {
    const links = this.#options.paths.linksTo(address);
    return links.length > 0 && links.every((link) => !this.#isWan(this.#options.routes.nameOf(link)));
  }

  #isWan(device: string | undefined): boolean {
    return device !== undefined && this.#options.wans.some((wan) => wan.interface === device);
  }

  #packet(row: Row, arrival: Arrival, state: 'new' | 'established'): Packet {
    const { common } = this.#options.columns;
    const { original, reply, proto, hasPorts, isAnswered } = row;
    const isNew = state === 'new';
    const shape = origShape(common.shape[row.row]!);
    const { helper } = this.#options.columns.rare;
    const known = helper !== undefined && helper[row.row]! >= 0 ? this.#options.columns.helpers[helper[row.row]!] : null;
    return {
      family: row.src < V6 ? 4 : 6,
      in: arrival.in,
      src: original.src!,
      dst: original.dst!,
      proto,
      ...(hasPorts && { sport: original.sport, dport: original.dport }),
      ...(shape === SHAPE.icmp && { icmpType: common.dport[row.row]! >> 8, icmpCode: common.dport[row.row]! & 0xff }),
      // The next packet of an answered connection is in mid-stream.
      ...(proto === PROTOCOLS.tcp && { tcpFlags: isAnswered ? TCP_FLAGS.ACK : TCP_FLAGS.SYN }),
      // A local program may have set a mark on its socket.
      mark: arrival.isOwn ? undefined : 0,
      ct: {
        state,
        direction: 'original',
        zone: common.zone[row.row]!,
        original,
        ...(isNew
          ? {
              mark: 0,
              status: 0,
              helper: null,
              reply: { src: original.dst, dst: original.src, sport: original.dport, dport: original.sport },
            }
          : { mark: row.mark, status: this.#statusOf(row), helper: known, reply }),
      },
    };
  }

  #statusOf({ row }: Row): number {
    return this.#options.columns.common.status[row]!;
  }

  /** The first packet of a new flow as it would arrive at source translation. */
  #leaving(row: Row, first: Packet, { mark, ctMark }: NewMarks): Packet {
    return {
      ...first,
      dst: row.reply.src!,
      dport: row.reply.sport,
      mark,
      ct: {
        ...first.ct,
        mark: ctMark,
        status: (row.isForwarded ? IPS.DST_NAT : 0) | IPS.DST_NAT_DONE,
        reply: { src: row.reply.src, dst: row.original.src, sport: row.reply.sport, dport: row.original.sport },
      },
    };
  }

  /**
   * The marks of a new flow's packet and entry, as seen by source translation. Unknown bits that no ip rule reads do not hide those that
   * one reads.
   */
  marksOf(hook: 'prerouting' | 'output', packet: Packet): NewMarks {
    const { asked, routes } = this.#options;
    const bits = asked.reads('postrouting')?.mark ?? 0;
    const read = asked.marks(hook, packet, bits);
    const routed = routes.markBits === bits ? read : asked.marks(hook, packet, routes.markBits);
    return {
      mark: read.isKnown ? read.value.mark : undefined,
      ctMark: routed.isKnown ? routed.value.ctMark : read.isKnown ? read.value.ctMark : undefined,
    };
  }

  /** The bits of its mark that ip rules read, after the chains of the hook; undefined if not known. */
  #mark(hook: 'prerouting' | 'output', packet: Packet): number | undefined {
    const { asked, routes } = this.#options;
    if (routes.markBits === 0) return 0;
    const answer = asked.marks(hook, packet, routes.markBits);
    return answer.isKnown ? (answer.value.mark & routes.markBits) >>> 0 : undefined;
  }

  #way(sender: Sender | undefined, to: number, mark: number | undefined, transport: Transport | undefined, own: number | undefined): Way {
    return mark === undefined ? SEVERAL : this.#options.paths.way(sender, to, mark, transport, own);
  }

  /** Where a flow that began now would be sent, compared with this one. What a helper expected follows its master. */
  #target(hook: 'prerouting' | 'output', first: Packet, row: Row): Target {
    if (row.isExpected) return { isOther: false };
    // A translation without the bit was not made by a rule, but by something like IPVS.
    const isByRule = !row.isForwarded || (this.#statusOf(row) & IPS.DST_NAT) !== 0;
    if (!isByRule) return { isOther: undefined };
    const answer = this.#options.asked.destination(hook, first);
    return { isOther: answer.isKnown ? this.isTargetOther(answer.value, row) : undefined };
  }

  isTargetOther(nat: DestinationNat, row: Row): boolean {
    const { paths } = this.#options;
    if (nat.kind === 'none') return row.isForwarded;
    const isPort = !row.hasPorts || (nat.ports ? isWithinPorts(row.reply.sport!, nat.ports) : row.reply.sport === row.original.dport);
    if (nat.kind === 'redirect') return !(paths.isHere(row.replySrc) && isPort);
    const isAddress = nat.addresses ? isWithin(row.reply.src!, nat.addresses) : row.replySrc === row.dst;
    return !(isAddress && isPort);
  }

  /** Whether a new flow that leaves by a way would have another source address than this one. */
  #isSourceOther(row: Row, way: Way, sourceBy: (out: string) => SourceNat | undefined): boolean | undefined {
    if (way.kind !== 'wan' && way.kind !== 'elsewhere') return undefined;
    // To the gateway itself.
    if (way.out === 'lo') return false;
    const nat = sourceBy(way.out);
    switch (nat?.kind) {
      case 'none':
        return row.isTranslated;
      case 'masquerade':
        return !this.#isOn(row.reply.dst!, way);
      case 'to':
        return !(nat.addresses ? isWithin(row.reply.dst!, nat.addresses) : !row.isTranslated);
      case undefined:
        return undefined;
    }
  }

  /** True if an address is on a way's interface now. */
  #isOn(address: Uint8Array, way: Way & { out: string }): boolean {
    return this.#options.routes.addressesOf(way.out).some((one) => Buffer.compare(one, address) === 0);
  }

  #natOf(row: Row, nat: SourceNat | undefined): Sight['nat'] {
    if (nat?.kind === 'masquerade') return 'masquerade';
    if (nat?.kind === 'none') return row.isTranslated ? undefined : 'none';
    return nat?.kind === 'to' && (nat.addresses === undefined || isWithin(row.reply.dst!, nat.addresses)) ? 'snat' : undefined;
  }

  /** The WANs whose rules translate such a flow to its present address; undefined if a rule cannot be evaluated. */
  #wansByRule(row: Row, sourceBy: (out: string) => SourceNat | undefined): number[] | undefined {
    const found: number[] = [];
    for (const [index, wan] of this.#options.wans.entries()) {
      if (wan.interface === undefined) continue;
      const nat = sourceBy(wan.interface);
      if (!nat) return undefined;
      if (nat.kind === 'to' && nat.addresses && isWithin(row.reply.dst!, nat.addresses)) found.push(index);
    }
    return found;
  }

  /** Whether an address moves between nodes: true is certainly, false is perhaps, undefined is no. */
  #isVirtual(address: number): boolean | undefined {
    const { virtual, paths } = this.#options;
    return virtual.size === 0 ? undefined : virtual.get(formatAddress(paths.bytesOf(address)));
  }
}

export interface Beginning {
  row: Row;
  arrival: Arrival;
  first: Packet;
  hook: 'prerouting' | 'output';
  known: number | undefined;
}
interface Target {
  isOther: boolean | undefined;
}
export interface NewMarks {
  mark: number | undefined;
  ctMark: number | undefined;
}

function isWithin(address: Uint8Array, { from, to }: Range<Uint8Array>): boolean {
  return address.length === from.length && Buffer.compare(address, from) >= 0 && Buffer.compare(address, to) <= 0;
}

function isWithinPorts(port: number, { from, to }: Range<number>): boolean {
  return port >= from && port <= to;
}
