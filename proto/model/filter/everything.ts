import { formatAddress, parseAddress, type Prefix } from '../address.ts';
import type { Family, Flow, Tuple } from '../flow.ts';
import { hasIcmp, hasKeys, hasPorts, PROTOCOLS } from '../protocol.ts';
import { SERVICES } from '../services.ts';
import { STALE_REASONS } from '../stale.ts';
import { DCCP_STATES, SCTP_STATES, TCP_STATES } from '../states.ts';
import { IPS, statusTest } from '../status.ts';
import { truthOf } from './evaluate.ts';
import {
  countTerms,
  EVERYTHING,
  FLEET_FIELDS,
  forEachTerm,
  negated,
  type FieldName,
  type FlowFilter,
  type Match,
  type Term,
} from './filter.ts';

/**
 * True unless a flow was found that the filter does not match. It tries flows of the usual kinds, and those derived from the filter's own
 * bounds: where a term prevents a miss, the flow's value is changed to the other side of a bound. A miss is always real, because the
 * evaluator decides; if none is found in bounded time, the filter counts as everything.
 *
 * Flows are as found in tables: confirmed, with a nonzero protocol, ports and id, from an address of one host. All their values are known,
 * so `idle>=0s` is everything too. Fleet fields are assumed to match; resolve them first.
 */
export function matchesEverything(filter: FlowFilter): boolean {
  const settled = withoutFleet(filter);
  const search = new Search(settled);
  return !USUAL.some((flow) => search.repaired(settled, false, flow, MAX_REPAIRS).next().value);
}

/** Maximum changes in a row for one miss. */
const MAX_REPAIRS = 24;
/** Maximum comparisons per answer, which take some hundredths of a second. */
const MAX_COMPARISONS = 30_000;
const NOW_MS = 1_900_000_000_000;

function withoutFleet(filter: FlowFilter): FlowFilter {
  switch (filter.kind) {
    case 'term':
      return FLEET_FIELDS.has(filter.field) ? EVERYTHING : filter;
    case 'not':
      return negated(withoutFleet(filter.operand));
    case 'and':
    case 'or':
      return { kind: filter.kind, operands: filter.operands.map(withoutFleet) };
    case 'everything':
      return filter;
  }
}

class Search {
  readonly #bounds: Bounds;
  #left = MAX_COMPARISONS;

  constructor(filter: FlowFilter) {
    this.#bounds = boundsOf(filter);
  }

  /** Flows for which the filter is `wanted`, derived from one by changing what prevents that. */
  *repaired(filter: FlowFilter, wanted: boolean, flow: Flow, repairs: number): Generator<Flow, void, void> {
    if (this.#is(filter, wanted, flow)) return yield flow;
    if (repairs === 0 || this.#left <= 0) return;
    switch (filter.kind) {
      case 'everything':
        return;
      case 'not':
        return yield* this.repaired(filter.operand, !wanted, flow, repairs);
      case 'term':
        for (const changed of changesOf(filter, flow, this.#bounds)) if (this.#is(filter, wanted, changed)) yield changed;
        return;
      case 'and':
      case 'or':
        if ((filter.kind === 'or') === wanted) {
          for (const operand of filter.operands) yield* this.repaired(operand, wanted, flow, repairs);
          return;
        }
        for (const changed of this.repaired(
          filter.operands.find((operand) => !this.#is(operand, wanted, flow))!,
          wanted,
          flow,
          repairs - 1,
        )) {
          yield* this.repaired(filter, wanted, changed, repairs - 1);
        }
    }
  }

  #is(filter: FlowFilter, wanted: boolean, flow: Flow): boolean {
    this.#left -= countTerms(filter);
    return truthOf(filter, flow, NOW_MS) === wanted;
  }
}

/** Values on both sides of everything that a filter compares with. */
interface Bounds {
  addresses: string[];
  numbers: Map<FieldName, number[]>;
  names: Map<FieldName, string[]>;
}

const PORTS = ['sport', 'dport', 'rsport', 'rdport'] as const;
const KEYS = ['srckey', 'dstkey', 'rsrckey', 'rdstkey'] as const;
const ENDS = ['src', 'dst', 'rsrc', 'rdst'] as const;

/** Fields that compare the same kind of value share their bounds. */
function kindOf(field: FieldName): FieldName {
  return (PORTS as readonly FieldName[]).includes(field) ? 'port' : (KEYS as readonly FieldName[]).includes(field) ? 'key' : field;
}

function boundsOf(filter: FlowFilter): Bounds {
  const addresses = new Set<string>(['192.0.2.1', '2001:db8::1']);
  const numbers = new Map<FieldName, number[]>();
  const names = new Map<FieldName, string[]>();
  const add = <Value>(to: Map<FieldName, Value[]>, field: FieldName, ...values: Value[]): void => {
    to.set(field, [...(to.get(field) ?? []), ...values]);
  };
  const range = (field: FieldName, from = 0, to = 0xffffffff): void => add(numbers, field, from - 1, from, to, to + 1);
  forEachTerm(filter, ({ field, match }) => {
    if (match.kind === 'prefix' || match.kind === 'endpoint') edgesOf(match.prefix).forEach((address) => addresses.add(address));
    switch (match.kind) {
      case 'endpoint':
        range('port', match.from, match.to);
        break;
      case 'range':
        range(kindOf(field), match.from, match.to);
        break;
      case 'mask':
        add(numbers, field, match.value, (match.value ^ match.mask) >>> 0, (match.value ^ (match.mask & -match.mask)) >>> 0);
        break;
      case 'glob':
        add(names, field, ...['', 'x'].map((run) => match.pattern.replaceAll('*', run).replaceAll('?', 'x')));
        break;
      case 'prefix':
      case 'none':
    }
  });
  return { addresses: [...addresses].filter(isOfOneHost), numbers, names };
}

/** The first and the last address of a prefix, and their neighbours. */
function edgesOf({ address, bits, family }: Prefix): string[] {
  const width = BigInt(address.length * 8);
  const first = address.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const last = first + (1n << (width - BigInt(bits))) - 1n;
  return [first - 1n, first, first + 1n, last - 1n, last, last + 1n]
    .filter((value) => value >= 0n && value < 1n << width)
    .map((value) =>
      formatAddress(
        Uint8Array.from({ length: family === 4 ? 4 : 16 }, (_, index) => Number((value >> (width - 8n * BigInt(index + 1))) & 0xffn)),
      ),
    );
}

/** Excludes 0.0.0.0/8 and the like, and multicast, from which no flow in a table originates. */
function isOfOneHost(text: string): boolean {
  const address = parseAddress(text)!;
  return address.length === 4 ? address[0]! > 0 && address[0]! < 224 : address[0] !== 0xff && address.some((byte) => byte !== 0);
}

/** The flow with other values for this term. */
function* changesOf(term: Term, flow: Flow, bounds: Bounds): Generator<Flow, void, void> {
  const { field, match } = term;
  const numbers = (least = 0, largest = 2 ** 52): number[] =>
    [...new Set([...(bounds.numbers.get(kindOf(field)) ?? []), least, largest])].filter((value) => value >= least && value <= largest);
  const names = [...(bounds.names.get(field) ?? []), 'other', undefined];
  switch (field) {
    case 'ip':
    case 'host':
    case 'nat':
    case 'src':
    case 'dst':
    case 'rsrc':
    case 'rdst':
      yield* withPlaces(field, match, flow, bounds);
      return;
    case 'port':
      for (const port of numbers(1, 65_535)) yield* sidesOf(PORTS, (changed, side) => withPort(changed, side, port), flow);
      return;
    case 'sport':
    case 'dport':
    case 'rsport':
    case 'rdport':
      for (const port of numbers(1, 65_535)) yield withPort(flow, field, port);
      yield withProto(flow, PROTOCOLS.esp);
      return;
    case 'key':
      for (const key of numbers(0, 65_535)) yield* sidesOf(KEYS, (changed, side) => withKey(changed, side, key), flow);
      return;
    case 'srckey':
    case 'dstkey':
    case 'rsrckey':
    case 'rdstkey':
      for (const key of numbers(0, 65_535)) yield withKey(flow, field, key);
      return;
    case 'icmp-type':
      for (const type of numbers(0, 255)) yield withIcmp(flow, { type });
      return;
    case 'icmp-code':
      for (const code of numbers(0, 255)) yield withIcmp(flow, { code });
      return;
    case 'icmp-id':
      for (const id of numbers(0, 65_535)) yield withIcmp(flow, { id });
      return;
    case 'proto':
      for (const proto of numbers(1, 255)) yield withProto(flow, proto);
      return;
    case 'family':
      for (const address of bounds.addresses) yield withAddress(flow, 'src', address);
      return;
    case 'app':
      for (const { proto, ports } of Object.values(SERVICES).flat()) {
        yield ports ? withPort(withProto(flow, proto), 'dport', ports[0]![0]) : withProto(flow, proto);
      }
      yield withPort(flow, 'dport', 9);
      return;
    case 'state':
      yield* withStates(flow);
      return;
    case 'status': {
      const test = match.kind === 'glob' ? statusTest(match.pattern) : undefined;
      const bits = test === undefined ? 0 : 'any' in test ? test.any : test.mask;
      yield withStatus(flow, flow.status | bits);
      yield withStatus(flow, flow.status & ~bits);
      return;
    }
    case 'mark':
      for (const mark of numbers(0, 0xffffffff)) yield { ...flow, mark };
      return;
    case 'zone':
      for (const zone of numbers(0, 65_535)) {
        yield { ...flow, zone, orig: { ...flow.orig, zone: undefined }, reply: { ...flow.reply, zone: undefined } };
      }
      return;
    case 'orig-zone':
      for (const zone of [...numbers(0, 65_535), undefined]) yield { ...flow, orig: { ...flow.orig, zone } };
      return;
    case 'reply-zone':
      for (const zone of [...numbers(0, 65_535), undefined]) yield { ...flow, reply: { ...flow.reply, zone } };
      return;
    case 'label':
      for (const name of names) yield { ...flow, labels: name === undefined ? [] : [name] };
      return;
    case 'helper':
      for (const helper of names) yield { ...flow, helper };
      return;
    case 'wan':
      for (const wan of names) yield { ...flow, wan };
      return;
    case 'next-wan':
      for (const nextWan of names) yield { ...flow, nextWan: nextWan ?? '' };
      return;
    case 'age':
      for (const age of numbers()) yield { ...flow, startedAtMs: NOW_MS - age * 1000 };
      return;
    case 'idle':
      for (const idleSeconds of numbers()) yield { ...flow, idleSeconds };
      return;
    case 'timeout':
      for (const timeoutSeconds of numbers()) yield { ...flow, timeoutSeconds };
      return;
    case 'bytes':
      for (const bytes of numbers()) {
        yield { ...flow, origCounters: { packets: 1n, bytes: BigInt(bytes) }, replyCounters: { packets: 0n, bytes: 0n } };
      }
      return;
    case 'packets':
      for (const packets of numbers()) {
        yield { ...flow, origCounters: { packets: BigInt(packets), bytes: 0n }, replyCounters: { packets: 0n, bytes: 0n } };
      }
      return;
    case 'rate':
      for (const rateBitsPerSecond of numbers()) yield { ...flow, rateBitsPerSecond };
      return;
    case 'stale':
      for (const stale of ['no' as const, ...STALE_REASONS]) yield { ...flow, stale };
      return;
    case 'id':
      for (const id of numbers(1, 0xffffffff)) yield { ...flow, id };
      return;
    case 'tenant':
    case 'site':
    case 'gateway':
    case 'tag':
  }
}

type End = (typeof ENDS)[number];

/** Each end that the field compares with each address, and with a port if one is compared; and all ends at once. */
function* withPlaces(field: FieldName, match: Match, flow: Flow, { addresses }: Bounds): Generator<Flow, void, void> {
  const ends = ENDS.filter((end) => end === field || !(ENDS as readonly FieldName[]).includes(field));
  const statuses = field === 'nat' ? [flow.status | IPS.SRC_NAT | IPS.DST_NAT, flow.status & ~(IPS.SRC_NAT | IPS.DST_NAT)] : [flow.status];
  for (const status of statuses) {
    for (const address of addresses) {
      yield* sidesOf(
        ends,
        (changed, end) =>
          withAddress(
            match.kind === 'endpoint' ? withPort(changed, PORTS[ENDS.indexOf(end)]!, Math.max(1, match.from)) : changed,
            end,
            address,
          ),
        { ...flow, status },
      );
      yield* sidesOf(ends, (changed, end) => withAddress(changed, end, address), { ...flow, status });
    }
  }
}

/** The flow with one side changed, for each side, and with all changed. */
function* sidesOf<Side>(sides: readonly Side[], change: (flow: Flow, side: Side) => Flow, flow: Flow): Generator<Flow, void, void> {
  for (const side of sides) yield change(flow, side);
  if (sides.length > 1) yield sides.reduce(change, flow);
}

function withTuple(flow: Flow, side: string, part: Partial<Tuple>): Flow {
  return side.startsWith('r') ? { ...flow, reply: { ...flow.reply, ...part } } : { ...flow, orig: { ...flow.orig, ...part } };
}

/** All ends of a flow are of one family. */
function withAddress(flow: Flow, end: End, address: string): Flow {
  const family: Family = address.includes(':') ? 6 : 4;
  const other = family === 4 ? '192.0.2.1' : '2001:db8::1';
  const same =
    flow.family === family
      ? flow
      : { ...flow, family, orig: { ...flow.orig, src: other, dst: other }, reply: { ...flow.reply, src: other, dst: other } };
  const proto =
    family === 4 && flow.proto === PROTOCOLS.icmpv6
      ? PROTOCOLS.icmp
      : family === 6 && flow.proto === PROTOCOLS.icmp
        ? PROTOCOLS.icmpv6
        : flow.proto;
  return withTuple({ ...same, proto }, end, end.endsWith('src') ? { src: address } : { dst: address });
}

function withPort(flow: Flow, side: (typeof PORTS)[number], port: number): Flow {
  return withTuple(
    hasPorts(flow.proto) ? flow : withProto(flow, PROTOCOLS.tcp),
    side,
    side.endsWith('sport') ? { sport: port } : { dport: port },
  );
}

function withKey(flow: Flow, side: (typeof KEYS)[number], key: number): Flow {
  return withTuple(
    hasKeys(flow.proto) ? flow : withProto(flow, PROTOCOLS.gre),
    side,
    side.endsWith('srckey') ? { srcKey: key } : { dstKey: key },
  );
}

function withIcmp(flow: Flow, part: Partial<NonNullable<Tuple['icmp']>>): Flow {
  const pinged = hasIcmp(flow.proto) ? flow : withProto(flow, flow.family === 4 ? PROTOCOLS.icmp : PROTOCOLS.icmpv6);
  return withTuple(pinged, 'orig', { icmp: { ...pinged.orig.icmp!, ...part } });
}

/** A protocol with everything its tuples carry, and a state if it has any. Each ICMP belongs to one family. */
function withProto(flow: Flow, proto: number): Flow {
  const family = proto === PROTOCOLS.icmp ? 4 : proto === PROTOCOLS.icmpv6 ? 6 : flow.family;
  const placed =
    family === flow.family ? flow : withAddress({ ...flow, proto: PROTOCOLS.esp }, 'src', family === 4 ? '192.0.2.1' : '2001:db8::1');
  const layer4: Partial<Tuple> = hasPorts(proto)
    ? { sport: 40_000, dport: 9 }
    : hasKeys(proto)
      ? { srcKey: 0, dstKey: 0 }
      : hasIcmp(proto)
        ? { icmp: { type: 8, code: 0, id: 1 } }
        : {};
  const of = ({ src, dst, zone }: Tuple): Tuple => ({ src, dst, zone, ...layer4 });
  return {
    ...placed,
    proto,
    orig: of(placed.orig),
    reply: of(placed.reply),
    state: STATES.find((one) => one.proto === proto)?.states.at(-1),
  };
}

const STATES = [
  { proto: PROTOCOLS.tcp, states: TCP_STATES },
  { proto: PROTOCOLS.sctp, states: SCTP_STATES },
  { proto: PROTOCOLS.dccp, states: DCCP_STATES },
].map(({ proto, states }) => ({ proto, states: states.filter((state) => state !== 'NONE') as string[] }));

function* withStates(flow: Flow): Generator<Flow, void, void> {
  for (const replied of [true, false]) {
    const base = withStatus(flow, replied ? flow.status | IPS.SEEN_REPLY : flow.status & ~(IPS.SEEN_REPLY | IPS.EXPECTED));
    yield base;
    yield withStatus(base, base.status ^ IPS.EXPECTED);
    for (const { proto, states } of STATES) {
      for (const state of states) yield { ...(flow.proto === proto ? base : withProto(base, proto)), state };
    }
    yield withProto(base, PROTOCOLS.udp);
  }
}

/** Every entry of a table is confirmed and none is dying; one that is assured was replied to. */
function withStatus(flow: Flow, status: number): Flow {
  const isReplied = (status & IPS.SEEN_REPLY) !== 0;
  const wasReplied = (flow.status & IPS.SEEN_REPLY) !== 0;
  const assured = status & IPS.ASSURED && !isReplied ? (wasReplied ? status & ~IPS.ASSURED : status | IPS.SEEN_REPLY) : status;
  return { ...flow, status: (assured | IPS.CONFIRMED) & ~IPS.DYING };
}

const counters = { packets: 7n, bytes: 700n };
const TCP_FLOW: Flow = {
  family: 4,
  proto: PROTOCOLS.tcp,
  id: 77,
  zone: 0,
  mark: 0,
  labels: [],
  state: 'ESTABLISHED',
  status: IPS.CONFIRMED | IPS.SEEN_REPLY | IPS.ASSURED | IPS.SRC_NAT,
  orig: { src: '10.77.0.5', dst: '198.51.100.9', sport: 40_123, dport: 9 },
  reply: { src: '198.51.100.9', dst: '203.0.113.9', sport: 9, dport: 40_123 },
  timeoutSeconds: 431_000,
  idleSeconds: 1000,
  startedAtMs: NOW_MS - 5_000_000,
  origCounters: counters,
  replyCounters: counters,
  rateBitsPerSecond: 1000,
  stale: 'no',
  wan: 'other',
  nextWan: 'other',
};

/** One flow of each common kind. */
const USUAL: readonly Flow[] = [
  TCP_FLOW,
  withStatus(withProto({ ...TCP_FLOW, wan: undefined, nextWan: '', mark: 0x11, stale: 'route-moved' }, PROTOCOLS.udp), IPS.CONFIRMED),
  withProto(
    withAddress({ ...TCP_FLOW, status: IPS.CONFIRMED | IPS.SEEN_REPLY, wan: undefined, helper: 'sip' }, 'src', '2001:db8:77::5'),
    PROTOCOLS.udp,
  ),
  withProto({ ...TCP_FLOW, zone: 77, labels: ['other'] }, PROTOCOLS.icmp),
  withProto(withAddress(TCP_FLOW, 'dst', '2001:db8:77::9'), PROTOCOLS.icmpv6),
  withProto(TCP_FLOW, PROTOCOLS.esp),
];
