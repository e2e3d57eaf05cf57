import { formatPrefix } from '../address.ts';
import { FleetError } from '../error-codes.ts';
import { matchesEverything } from '../filter/everything.ts';
import { allOf, anyOf, type FlowFilter, forEachTerm, type Match, type Term } from '../filter/filter.ts';
import { formatFilter } from '../filter/format.ts';
import { SERVICES } from '../services.ts';
import {
  merged,
  outermost,
  PACKET_FIELDS,
  type PacketCondition,
  type PacketField,
  type PacketTest,
  type RefusedPackets,
} from './packets.ts';

/** Alternatives per block: each is one or more rules that every packet of the gateway is compared with. */
export const MAX_CONDITIONS = 64;
export const MAX_BLOCK_SECONDS = 3600;
export const DEFAULT_BLOCK_SECONDS = 60;

const CUTS_OFF = 'A block of everything would cut the gateway off. Specify which packets to refuse: an address, a port or a protocol.';

/** A term being turned into a condition: a test of packets, or the term itself if packets do not carry the value. */
type Part = PacketTest | { uncarried: Term; isNot: boolean };

const LARGEST: Partial<Record<PacketField, number>> = { family: 6, proto: 255, 'icmp-type': 255, 'icmp-code': 255 };

/**
 * The packets that a block by this filter refuses. An alternative that names flows by id yields no condition: those flows are frozen, and a
 * new one has another id. Throws FILTER_NOT_OF_PACKETS for a filter that tests what no packet carries, that describes only what is left
 * alone, or that is too long; `fields.suggestion` is a similar filter that can be a block, if there is one.
 */
export function conditionsOf(filter: FlowFilter): PacketCondition[] {
  const conditions: PacketCondition[] = [];
  for (const parts of alternativesOf(filter, false)) {
    if (parts.some((part) => 'uncarried' in part && part.uncarried.field === 'id' && !part.isNot)) continue;
    const uncarried = parts.flatMap((part) => ('uncarried' in part ? [part.uncarried] : []));
    if (uncarried.length > 0) throw notCarried(filter, uncarried);
    const tests = parts as PacketTest[];
    if (tests.every(({ isNot }) => isNot)) {
      throw new FleetError(
        'FILTER_NOT_OF_PACKETS',
        tests.length === 0
          ? CUTS_OFF
          : `A block describes what is refused, and this filter describes only what is left alone: ${formatFilter(filter)}. Add an address, a port or a protocol.`,
      );
    }
    conditions.push(tests);
  }
  return conditions;
}

/**
 * What a block by this filter refuses, for `seconds`. Throws FILTER_NOT_OF_PACKETS as conditionsOf does, also for a filter that matches
 * everything in another spelling, and INVALID_REQUEST for more than an hour.
 */
export function refusedBy(filter: FlowFilter, seconds: number): RefusedPackets {
  if (seconds < 1 || seconds > MAX_BLOCK_SECONDS)
    throw new FleetError('INVALID_REQUEST', `${seconds} seconds are not between 1 and ${MAX_BLOCK_SECONDS}.`);
  const anyOf = conditionsOf(filter);
  if (anyOf.length > 0 && matchesEverything(filter)) throw new FleetError('FILTER_NOT_OF_PACKETS', CUTS_OFF);
  return { anyOf, seconds };
}

/**
 * As conditionsOf, for what blocks must spare: terms that no packet carries are left out, so that more is spared and never less. Undefined
 * if an alternative consists only of such terms, because then nothing could be refused.
 */
export function sparedConditions(filter: FlowFilter): PacketCondition[] | undefined {
  const conditions = alternativesOf(filter, false).map((parts) => parts.filter((part): part is PacketTest => !('uncarried' in part)));
  return conditions.some((tests) => tests.length === 0) ? undefined : conditions;
}

/** The filter as alternatives, each a list of tests that all hold. `isNot`: those of its negation. */
function alternativesOf(filter: FlowFilter, isNot: boolean): Part[][] {
  switch (filter.kind) {
    case 'everything':
      return isNot ? [] : [[]];
    case 'not':
      return alternativesOf(filter.operand, !isNot);
    case 'term':
      return partsOf(filter, isNot);
    case 'and':
    case 'or': {
      const operands = filter.operands.map((operand) => alternativesOf(operand, isNot));
      return (filter.kind === 'or') !== isNot
        ? bounded(joined(operands.flat()))
        : operands.reduce((all, more) => bounded(joined(all.flatMap((left) => more.map((right) => simpler([...left, ...right]))))), [[]]);
    }
  }
}

function bounded(alternatives: Part[][]): Part[][] {
  if (alternatives.length > MAX_CONDITIONS) {
    throw new FleetError(
      'FILTER_NOT_OF_PACKETS',
      `This filter describes more than ${MAX_CONDITIONS} kinds of packets. Use a prefix or a range, or make several blocks.`,
    );
  }
  return alternatives;
}

function partsOf(term: Term, isNot: boolean): Part[][] {
  const { field, match } = term;
  if (field === 'app') return alternativesOf(serviceFilter(match), isNot);
  // A host is an address on any side, whichever field names it.
  const asked = field === 'host' ? 'ip' : field;
  const test = (PACKET_FIELDS as readonly string[]).includes(asked) ? testOf(asked as PacketField, match, isNot) : undefined;
  return [[test ?? { uncarried: term, isNot }]];
}

function testOf(field: PacketField, match: Match, isNot: boolean): PacketTest | undefined {
  switch (match.kind) {
    case 'prefix':
      return { field, isNot, prefixes: [match.prefix], ranges: [] };
    case 'endpoint':
      return { field, isNot, prefixes: [match.prefix], ranges: [{ from: match.from, to: match.to }] };
    case 'range': {
      const largest = LARGEST[field] ?? 65_535;
      const range = { from: Math.max(0, Math.ceil(match.from ?? 0)), to: Math.min(largest, Math.floor(match.to ?? largest)) };
      return { field, isNot, prefixes: [], ranges: range.from <= range.to ? [range] : [] };
    }
    default:
      return undefined;
  }
}

function serviceFilter(match: Match): FlowFilter {
  const rules = match.kind === 'glob' ? (SERVICES[match.pattern] ?? []) : [];
  const range = (field: 'proto' | 'dport', [from, to]: [number, number]): FlowFilter => ({
    kind: 'term',
    field,
    match: { kind: 'range', from, to },
  });
  return anyOf(
    rules.map(({ proto, ports }) =>
      allOf([range('proto', [proto, proto]), ...(ports ? [anyOf(ports.map((one) => range('dport', one)))] : [])]),
    ),
  );
}

/** Merges alternatives that differ only in the values of one test. */
function joined(alternatives: Part[][]): Part[][] {
  let all = [...new Map(alternatives.map((parts) => [keyOf(parts), parts])).values()];
  for (const field of PACKET_FIELDS) {
    const groups = new Map<string, Part[][]>();
    for (const parts of all) {
      const own = parts.filter((part): part is PacketTest => isOf(part, field));
      const rest = parts.filter((part) => !isOf(part, field));
      // Negated and repeated tests stay as they are, and so do addresses with ports.
      const key =
        own.length === 1 && !own[0]!.isNot && (own[0]!.prefixes.length === 0 || own[0]!.ranges.length === 0)
          ? `${own[0]!.prefixes.length > 0} ${keyOf(rest)}`
          : `alone ${keyOf(parts)}`;
      groups.set(key, [...(groups.get(key) ?? []), parts]);
    }
    all = [...groups.values()].map((group) =>
      group.length === 1
        ? group[0]!
        : [
            ...group[0]!.filter((part) => !isOf(part, field)),
            withValues(group.flatMap((parts) => parts.filter((part): part is PacketTest => isOf(part, field)))),
          ],
    );
  }
  return all;
}

/** Merges several tests that exempt packets into one. */
function simpler(parts: Part[]): Part[] {
  const isMergeable = (part: Part): part is PacketTest =>
    !('uncarried' in part) && part.isNot && (part.prefixes.length === 0 || part.ranges.length === 0);
  const negated = Map.groupBy(parts.filter(isMergeable), ({ field, prefixes }) => `${field} ${prefixes.length > 0}`);
  return [
    ...new Map(
      [...parts.filter((part) => !isMergeable(part)), ...[...negated.values()].map(withValues)].map((part) => [keyOf([part]), part]),
    ).values(),
  ];
}

function withValues(tests: PacketTest[]): PacketTest {
  return {
    ...tests[0]!,
    prefixes: outermost(tests.flatMap(({ prefixes }) => prefixes)),
    ranges: merged(tests.flatMap(({ ranges }) => ranges)),
  };
}

function isOf(part: Part, field: PacketField): boolean {
  return !('uncarried' in part) && part.field === field;
}

function keyOf(parts: Part[]): string {
  return parts
    .map((part) =>
      'uncarried' in part
        ? `${part.isNot} ${formatFilter(part.uncarried)}`
        : `${part.field} ${part.isNot} ${part.prefixes.map(formatPrefix).join()} ${part.ranges.map(({ from, to }) => `${from}-${to}`).join()}`,
    )
    .toSorted()
    .join('; ');
}

function notCarried(filter: FlowFilter, terms: Term[]): FleetError {
  const said = [...new Set(terms.map(formatFilter))];
  const narrower = withoutUncarried(filter);
  const suggestion = narrower && formatFilter(narrower);
  return new FleetError(
    'FILTER_NOT_OF_PACKETS',
    `No packet carries ${said.map((term) => `“${term}”`).join(', ')}, so it cannot be blocked. ` +
      (suggestion === undefined ? 'Block an address, a port or a protocol, or use delete.' : `Block “${suggestion}”, or use delete.`),
    { terms: said, suggestion },
  );
}

/** The conjunction without the terms that no packet carries; undefined if nothing is left that can be a block. */
function withoutUncarried(filter: FlowFilter): FlowFilter | undefined {
  if (filter.kind !== 'and') return undefined;
  const carried = filter.operands.filter((operand) => {
    let isCarried = true;
    forEachTerm(operand, (term) => {
      isCarried &&= partsOf(term, false)
        .flat()
        .every((part) => !('uncarried' in part));
    });
    return isCarried;
  });
  if (carried.length === 0) return undefined;
  try {
    const narrower = allOf(carried);
    return conditionsOf(narrower).length > 0 ? narrower : undefined;
  } catch {
    return undefined;
  }
}
