import { AttributeReader, AttributeWriter, DecodeError, hostU16, hostU32, setHostU32 } from './attributes.ts';

// include/uapi/linux/rtnetlink.h, if_link.h, if_addr.h, fib_rules.h. Integers in attributes are in the host's order, unlike netfilter's.
export const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  NEWADDR: 20,
  DELADDR: 21,
  GETADDR: 22,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
  NEWRULE: 32,
  DELRULE: 33,
  GETRULE: 34,
} as const;
export const ROUTE_GROUP = { LINK: 1, IPV4_IFADDR: 5, IPV4_ROUTE: 7, IPV4_RULE: 8, IPV6_IFADDR: 9, IPV6_ROUTE: 11, IPV6_RULE: 19 } as const;

/** RTN_UNICAST to RTN_MULTICAST: routes that lead somewhere, be it the machine itself or a whole link. */
const RTN_LEADING = { FIRST: 1, LAST: 5 } as const;
const RTN_UNICAST = 1;
const RT_TABLE_MAIN = 254;
const AF_INET = 2;
/** Asks for the whole route that matched, with all its next hops, instead of the one that a hash would choose (Linux 4.15). */
const RTM_F_FIB_MATCH = 0x2000;
const RTNH_F_DEAD = 1;

const RTA = {
  DST: 1,
  SRC: 2,
  IIF: 3,
  OIF: 4,
  GATEWAY: 5,
  PRIORITY: 6,
  MULTIPATH: 9,
  TABLE: 15,
  MARK: 16,
  IP_PROTO: 27,
  SPORT: 28,
  DPORT: 29,
} as const;
const FRA = { DST: 1, SRC: 2, FWMARK: 10, FWMASK: 16, IP_PROTO: 22, SPORT_RANGE: 23, DPORT_RANGE: 24 } as const;
const IFLA = { ADDRESS: 1, IFNAME: 3, LINKINFO: 18 } as const;
const IFLA_INFO = { KIND: 1, DATA: 2 } as const;
const IFLA_VRF_TABLE = 1;
const IFA = { ADDRESS: 1, LOCAL: 2, PROTO: 11 } as const;
const IFA_F_PERMANENT = 0x80;
/** rt_addrprotos of iproute2: the number with which keepalived marks its own addresses and routes. */
const PROTO_KEEPALIVED = 18;
const ALL_BITS = 0xffffffff;

const ROUTE_HEADER = 12;
const LINK_HEADER = 16;
const ADDRESS_HEADER = 8;
const NEXT_HOP_HEADER = 8;

/** Header of a dump of everything, of whatever kind: all zero, and as long as the longest of the headers. */
export const DUMP_ALL = new Uint8Array(LINK_HEADER);

export interface RoutePrefix {
  bytes: Uint8Array;
  bits: number;
}

/** The properties of a packet that routes depend on. */
export interface RouteQuery {
  destination: Uint8Array;
  source?: Uint8Array;
  /** The interface it comes in by; absent for a packet of the machine's own. */
  from?: number;
  mark: number;
  transport?: { proto: number; sport: number; dport: number };
}

/** `hardware`: the link-layer address; absent if there is none. `vrfTable`: the routing table, if the link is a VRF. */
export interface Link {
  index: number;
  name: string;
  hardware?: Uint8Array;
  vrfTable?: number;
}
/**
 * An address of an interface. `isPermanent`: it has no lifetime, unlike one from DHCP. `isKeepalived`: IFA_PROTO says that keepalived set
 * it, so it is virtual (Linux 5.18).
 */
export interface LinkAddress {
  link: number;
  bytes: Uint8Array;
  bits: number;
  isPermanent: boolean;
  isKeepalived: boolean;
}
/** What a route matches on; no prefix means all addresses. */
export interface Route {
  isDefault: boolean;
  table: number;
  destination?: RoutePrefix;
  source?: RoutePrefix;
}
/** One next hop of a default route of the main table. */
export interface DefaultHop {
  family: 4 | 6;
  metric: number;
  link: number;
  nextHop?: Uint8Array;
}
/** What a rule matches on; `markBits` are the bits of the packet's mark that it compares. */
export interface Rule {
  destination?: RoutePrefix;
  source?: RoutePrefix;
  markBits: number;
  ports: [from: number, to: number][];
  hasTransport: boolean;
}

/** The body of an RTM_GETROUTE for one packet. */
export function encodeRouteQuery({ destination, source, from, mark, transport }: RouteQuery): Uint8Array {
  const out = new AttributeWriter();
  const header = new Uint8Array(ROUTE_HEADER);
  header[0] = familyOf(destination);
  header[1] = destination.length * 8;
  if (source) header[2] = source.length * 8;
  setHostU32(header, 8, RTM_F_FIB_MATCH);
  out.raw(header);
  out.bytes(RTA.DST, destination);
  if (source) out.bytes(RTA.SRC, source);
  if (from !== undefined) out.hostU32(RTA.IIF, from);
  if (mark !== 0) out.hostU32(RTA.MARK, mark);
  if (transport) {
    out.u8(RTA.IP_PROTO, transport.proto);
    out.u16(RTA.SPORT, transport.sport);
    out.u16(RTA.DPORT, transport.dport);
  }
  return out.finish();
}

/** The interfaces that the route of an RTM_NEWROUTE leads to; none for one that leads nowhere, such as `unreachable`. */
export function decodeWaysOut(body: Uint8Array): number[] {
  const type = headerOf(body, ROUTE_HEADER)[7]!;
  if (type < RTN_LEADING.FIRST || type > RTN_LEADING.LAST) return [];
  const ways: number[] = [];
  const attributes = new AttributeReader(body.subarray(ROUTE_HEADER));
  while (attributes.next()) {
    if (attributes.type === RTA.OIF) ways.push(hostU32(attributes.bytes(4), 0));
    else if (attributes.type === RTA.MULTIPATH) ways.push(...nextHops(attributes.bytes()).map(({ link }) => link));
  }
  return ways;
}

/**
 * The next hops of a default route of the main table, without those that the kernel skips: on a link that is down, and with
 * ignore_routes_with_linkdown on one without a carrier. Empty for all other routes. /proc/net/route names only the first next hop of a
 * route, dead or not.
 */
export function decodeDefaultHops(body: Uint8Array): DefaultHop[] {
  const header = headerOf(body, ROUTE_HEADER);
  if (header[1] !== 0 || header[4] !== RT_TABLE_MAIN || header[7] !== RTN_UNICAST) return [];
  const family = header[0] === AF_INET ? 4 : 6;
  let [metric, link, nextHop, hops]: [number, number?, Uint8Array?, NextHop[]?] = [0];
  const attributes = new AttributeReader(body.subarray(ROUTE_HEADER));
  while (attributes.next()) {
    switch (attributes.type) {
      case RTA.PRIORITY:
        metric = hostU32(attributes.bytes(4), 0);
        break;
      case RTA.OIF:
        link = hostU32(attributes.bytes(4), 0);
        break;
      case RTA.GATEWAY:
        nextHop = attributes.bytes().slice();
        break;
      case RTA.MULTIPATH:
        hops = nextHops(attributes.bytes());
        break;
    }
  }
  const isDead = (hostU32(header, 8) & RTNH_F_DEAD) !== 0;
  const found = hops ?? (link === undefined || isDead ? [] : [{ link, nextHop }]);
  return found.map((hop) => ({ family, metric, ...hop }));
}

export function decodeRoute(body: Uint8Array): Route {
  const header = headerOf(body, ROUTE_HEADER);
  const route: Route = { isDefault: header[1] === 0, table: header[4]! };
  const attributes = new AttributeReader(body.subarray(ROUTE_HEADER));
  while (attributes.next()) {
    if (attributes.type === RTA.DST) route.destination = { bytes: attributes.bytes().slice(), bits: header[1]! };
    else if (attributes.type === RTA.SRC) route.source = { bytes: attributes.bytes().slice(), bits: header[2]! };
    else if (attributes.type === RTA.TABLE) route.table = hostU32(attributes.bytes(4), 0);
  }
  return route;
}

export function decodeRule(body: Uint8Array): Rule {
  const header = headerOf(body, ROUTE_HEADER);
  const rule: Rule = { markBits: 0, ports: [], hasTransport: false };
  const attributes = new AttributeReader(body.subarray(ROUTE_HEADER));
  while (attributes.next()) {
    switch (attributes.type) {
      case FRA.DST:
        rule.destination = { bytes: attributes.bytes().slice(), bits: header[1]! };
        break;
      case FRA.SRC:
        rule.source = { bytes: attributes.bytes().slice(), bits: header[2]! };
        break;
      // The mask comes last, and alone for a mark of 0.
      case FRA.FWMARK:
        rule.markBits = ALL_BITS;
        break;
      case FRA.FWMASK:
        rule.markBits = hostU32(attributes.bytes(4), 0);
        break;
      case FRA.IP_PROTO:
        rule.hasTransport = true;
        break;
      case FRA.SPORT_RANGE:
      case FRA.DPORT_RANGE: {
        const range = attributes.bytes(4);
        rule.ports.push([hostU16(range, 0), hostU16(range, 2)]);
        rule.hasTransport = true;
        break;
      }
    }
  }
  return rule;
}

export function decodeLink(body: Uint8Array): Link {
  const header = headerOf(body, LINK_HEADER);
  const link: Link = { index: hostU32(header, 4), name: '' };
  const attributes = new AttributeReader(body.subarray(LINK_HEADER));
  while (attributes.next()) {
    if (attributes.type === IFLA.IFNAME) link.name = attributes.text();
    else if (attributes.type === IFLA.ADDRESS) link.hardware = attributes.bytes().slice();
    else if (attributes.type === IFLA.LINKINFO) link.vrfTable = vrfTableOf(attributes.nested());
  }
  return link;
}

function vrfTableOf(info: AttributeReader): number | undefined {
  let [kind, table]: [string?, number?] = [];
  while (info.next()) {
    if (info.type === IFLA_INFO.KIND) kind = info.text();
    if (info.type !== IFLA_INFO.DATA || kind !== 'vrf') continue;
    const data = info.nested();
    while (data.next()) if (data.type === IFLA_VRF_TABLE) table = hostU32(data.bytes(4), 0);
  }
  return table;
}

/** The address of this end: on a point-to-point link IFA_ADDRESS is the peer's. Undefined if there is none. */
export function decodeAddress(body: Uint8Array): LinkAddress | undefined {
  const header = headerOf(body, ADDRESS_HEADER);
  let [local, address]: (Uint8Array | undefined)[] = [];
  let isKeepalived = false;
  const attributes = new AttributeReader(body.subarray(ADDRESS_HEADER));
  while (attributes.next()) {
    if (attributes.type === IFA.LOCAL) local = attributes.bytes().slice();
    else if (attributes.type === IFA.ADDRESS) address = attributes.bytes().slice();
    else if (attributes.type === IFA.PROTO) isKeepalived = attributes.u8() === PROTO_KEEPALIVED;
  }
  const bytes = local ?? address;
  return bytes && { link: hostU32(header, 4), bytes, bits: header[1]!, isPermanent: (header[2]! & IFA_F_PERMANENT) !== 0, isKeepalived };
}

function familyOf(address: Uint8Array): number {
  return address.length === 4 ? 2 : 10;
}

interface NextHop {
  link: number;
  nextHop?: Uint8Array;
}

/** A run of struct rtnexthop, without those that the kernel skips. */
function nextHops(bytes: Uint8Array): NextHop[] {
  const hops: NextHop[] = [];
  for (let at = 0; at + NEXT_HOP_HEADER <= bytes.length;) {
    const length = hostU16(bytes, at);
    if (length < NEXT_HOP_HEADER || length > bytes.length - at)
      throw new DecodeError('RTA_MULTIPATH', `a next hop says it is ${length} bytes long, ${bytes.length - at} are there`);
    if ((bytes[at + 2]! & RTNH_F_DEAD) === 0)
      hops.push({ link: hostU32(bytes, at + 4), nextHop: gatewayOf(bytes.subarray(at + NEXT_HOP_HEADER, at + length)) });
    at += (length + 3) & ~3;
  }
  return hops;
}

/** Undefined if a next hop has no address, or one of the other family. */
function gatewayOf(bytes: Uint8Array): Uint8Array | undefined {
  const attributes = new AttributeReader(bytes);
  while (attributes.next()) if (attributes.type === RTA.GATEWAY) return attributes.bytes().slice();
  return undefined;
}

function headerOf(body: Uint8Array, length: number): Uint8Array {
  if (body.length < length) throw new DecodeError('', `a message of ${body.length} bytes has no header of ${length}`);
  return body.subarray(0, length);
}
