import { prefixContains, type Prefix } from '../../../proto/model/address.ts';
import { FleetError } from '../../../proto/model/error-codes.ts';
import { merged, outermost, type NumberRange, type PacketCondition, type PacketTest } from '../../../proto/model/block/packets.ts';
import { hasIcmp, hasKeys, hasPorts } from '../../../proto/model/protocol.ts';

/** Where nft can look: an end of one tuple of the flow that a packet belongs to. */
export type End = 'src' | 'dst' | 'rsrc' | 'rdst';
export type Side = 'sport' | 'dport' | 'rsport' | 'rdport';

/** One comparison that nft makes by itself. A side is a port, or what stands in its place: a GRE key, or an ICMP id, and type and code. */
export type Check =
  | { on: End; isNot: boolean; prefixes: Prefix[] }
  | { on: Side; of: 'ports' | 'other'; isNot: boolean; ranges: NumberRange[] }
  | { on: 'proto' | 'family'; isNot: boolean; ranges: NumberRange[] }
  | { on: 'snat' | 'dnat'; isNot: boolean };

/** Rules that one block may have: each packet of the gateway is held against all of them. */
const MAX_RULES = 1024;

type ProtocolCheck = Extract<Check, { on: 'proto' | 'family' }>;

const ENDS: readonly End[] = ['src', 'dst', 'rsrc', 'rdst'];
const SIDES: readonly Side[] = ['sport', 'dport', 'rsport', 'rdport'];
const SIDE_OF: Record<End, Side> = { src: 'sport', dst: 'dport', rsrc: 'rsport', rdst: 'rdport' };
const ALL_PROTOCOLS = Array.from({ length: 256 }, (_, proto) => proto);
const protocols = (has: (proto: number) => boolean): Check => ({
  on: 'proto',
  isNot: false,
  ranges: ALL_PROTOCOLS.filter(has).map((proto) => ({ from: proto, to: proto })),
});
const PORTED = protocols(hasPorts);
const KEYED = protocols(hasKeys);
const PINGED = protocols(hasIcmp);

/**
 * The checks of a condition: it holds where one of the lists holds whole. Exactly the flows of the condition, by both tuples of a flow,
 * whatever is translated. Throws FILTER_NOT_OF_PACKETS where that would be too many.
 */
export function checksOf(condition: PacketCondition): Check[][] {
  return condition.reduce<Check[][]>(
    (all, test) => {
      const more = test.isNot ? opposite(alternativesOf(test)) : alternativesOf(test);
      if (all.length * more.length > MAX_RULES) throw tooMany();
      return all.flatMap((left) => more.map((right) => [...left, ...right]));
    },
    [[]],
  );
}

export function checksOfAll(conditions: readonly PacketCondition[]): Check[][] {
  const all = conditions.flatMap(checksOf);
  if (all.length > MAX_RULES) throw tooMany();
  return all;
}

/** The checks of one family, of addresses of that family only; undefined where no packet of it can meet them. */
export function ofFamily(checks: readonly Check[], family: 4 | 6): Check[] | undefined {
  const own: Check[] = [];
  for (const check of checks) {
    if (check.on === 'family') {
      if (check.ranges.some(({ from, to }) => from <= family && family <= to) === check.isNot) return undefined;
    } else if ('prefixes' in check) {
      const prefixes = outermost(check.prefixes.filter((prefix) => prefix.family === family));
      const isAll = prefixes.some(({ bits }) => bits === 0);
      if (check.isNot ? isAll : prefixes.length === 0) return undefined;
      if (prefixes.length > 0 && !isAll) own.push({ ...check, prefixes });
    } else {
      if ('ranges' in check && check.ranges.length === 0) {
        if (!check.isNot) return undefined;
        continue;
      }
      own.push(check);
    }
  }
  return withOneProtocol(own);
}

/** Protocols that are asked for more than once are those that all of them ask for; undefined where there is none. */
function withOneProtocol(checks: Check[]): Check[] | undefined {
  const asked = checks.filter((check): check is ProtocolCheck => check.on === 'proto' && !check.isNot);
  if (asked.length < 2) return checks;
  const both = asked.slice(1).reduce(
    (ranges, check) =>
      ranges.flatMap((a) =>
        check.ranges.flatMap((b) => {
          const [from, to] = [Math.max(a.from, b.from), Math.min(a.to, b.to)];
          return from <= to ? [{ from, to }] : [];
        }),
      ),
    asked[0]!.ranges,
  );
  return both.length === 0
    ? undefined
    : [{ on: 'proto', isNot: false, ranges: merged(both) }, ...checks.filter((check) => !asked.includes(check as ProtocolCheck))];
}

/** What the header of a packet without a flow is held against, as it stands in the packet. */
export type HeaderCheck =
  | { on: 'saddr' | 'daddr'; isNot: boolean; prefixes: Prefix[] }
  | { on: 'sport' | 'dport'; isNot: boolean; ranges: NumberRange[] }
  | { on: 'proto'; isNot: boolean; ranges: NumberRange[] };

/**
 * The headers that a packet of such a flow has where nothing is translated: on its way, and on its way back. Nothing is known of keys, ids
 * and types without a flow, nor of translation.
 */
export function headersOf(checks: readonly Check[]): HeaderCheck[][] {
  if (checks.some((check) => (check.on === 'snat' || check.on === 'dnat' ? !check.isNot : 'of' in check && check.of === 'other')))
    return [];
  const isWayOut = {
    src: 'saddr',
    rdst: 'saddr',
    dst: 'daddr',
    rsrc: 'daddr',
    sport: 'sport',
    rdport: 'sport',
    dport: 'dport',
    rsport: 'dport',
  } as const;
  const isWayBack = {
    src: 'daddr',
    rdst: 'daddr',
    dst: 'saddr',
    rsrc: 'saddr',
    sport: 'dport',
    rdport: 'dport',
    dport: 'sport',
    rsport: 'sport',
  } as const;
  return [isWayOut, isWayBack].map((places) =>
    checks.flatMap((check): HeaderCheck[] => {
      switch (check.on) {
        case 'snat':
        case 'dnat':
        case 'family':
          return [];
        case 'proto':
          return [{ on: 'proto', isNot: check.isNot, ranges: check.ranges }];
        default:
          return [{ ...check, on: places[check.on] } as HeaderCheck];
      }
    }),
  );
}

/** False where certainly no packet meets both: so that nobody is told of what is let through where there is nothing of it. */
export function canBothHold(left: readonly HeaderCheck[], right: readonly HeaderCheck[]): boolean {
  return left.every((one) => right.every((other) => one.on !== other.on || !areApart(one, other)));
}

function areApart(one: HeaderCheck, other: HeaderCheck): boolean {
  if ('prefixes' in one && 'prefixes' in other) {
    const isWithin = (inner: Prefix, outer: Prefix): boolean => outer.bits <= inner.bits && prefixContains(outer, inner.address);
    if (one.isNot && other.isNot) return false;
    const [is, against] = one.isNot ? [other, one] : [one, other];
    return against.isNot
      ? is.prefixes.every((prefix) => against.prefixes.some((outer) => isWithin(prefix, outer)))
      : !is.prefixes.some((a) => against.prefixes.some((b) => isWithin(a, b) || isWithin(b, a)));
  }
  if ('ranges' in one && 'ranges' in other) {
    if (one.isNot && other.isNot) return false;
    const [is, against] = one.isNot ? [other, one] : [one, other];
    return against.isNot
      ? is.ranges.every((a) => against.ranges.some((b) => b.from <= a.from && a.to <= b.to))
      : !is.ranges.some((a) => against.ranges.some((b) => a.from <= b.to && b.from <= a.to));
  }
  return false;
}

function alternativesOf({ field, prefixes, ranges }: PacketTest): Check[][] {
  const at = (end: End): Check[] =>
    ranges.length === 0
      ? [{ on: end, isNot: false, prefixes }]
      : [PORTED, { on: end, isNot: false, prefixes }, { on: SIDE_OF[end], of: 'ports', isNot: false, ranges }];
  const port = (side: Side): Check[] => [PORTED, { on: side, of: 'ports', isNot: false, ranges }];
  const key = (side: Side): Check[] => [KEYED, { on: side, of: 'other', isNot: false, ranges }];
  const ping = (side: Side, values: NumberRange[]): Check[] => [PINGED, { on: side, of: 'other', isNot: false, ranges: values }];
  switch (field) {
    case 'ip':
      return ENDS.map(at);
    case 'src':
    case 'dst':
    case 'rsrc':
    case 'rdst':
      return [at(field)];
    case 'nat':
      return [
        [{ on: 'snat', isNot: false }, ...at('rdst')],
        [{ on: 'dnat', isNot: false }, ...at('rsrc')],
      ];
    case 'port':
      return SIDES.map(port);
    case 'sport':
    case 'dport':
    case 'rsport':
    case 'rdport':
      return [port(field)];
    case 'key':
      return SIDES.map(key);
    case 'srckey':
      return [key('sport')];
    case 'dstkey':
      return [key('dport')];
    case 'rsrckey':
      return [key('rsport')];
    case 'rdstkey':
      return [key('rdport')];
    case 'icmp-id':
      return [ping('sport', ranges)];
    // Type and code stand in the place of the destination port, as its two bytes.
    case 'icmp-type':
      return [
        ping(
          'dport',
          ranges.map(({ from, to }) => ({ from: from * 256, to: to * 256 + 255 })),
        ),
      ];
    case 'icmp-code':
      return [
        ping(
          'dport',
          ALL_PROTOCOLS.flatMap((type) => ranges.map(({ from, to }) => ({ from: type * 256 + from, to: type * 256 + to }))),
        ),
      ];
    case 'proto':
    case 'family':
      return [[{ on: field, isNot: false, ranges }]];
  }
}

/** Where none of the lists holds. The parts of what fails one list exclude each other, so that a port is asked only of what has one. */
function opposite(lists: Check[][]): Check[][] {
  return lists.reduce<Check[][]>(
    (all, list) => {
      const fails = list.map((check, index) => [...list.slice(0, index), { ...check, isNot: !check.isNot }]);
      return all.flatMap((left) => fails.map((right) => [...left, ...right]));
    },
    [[]],
  );
}

function tooMany(): FleetError {
  return new FleetError(
    'FILTER_NOT_OF_PACKETS',
    `This block would take more than ${MAX_RULES} rules of nft. Use a prefix or a range, or make several blocks.`,
  );
}
