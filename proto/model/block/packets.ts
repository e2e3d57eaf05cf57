import { prefixContains, type Prefix } from '../address.ts';
import type { FieldName } from '../filter/filter.ts';

/** The fields of a filter that a packet tells by itself or by the tuples of its flow, before and after translation. */
export const PACKET_FIELDS = [
  'family',
  'proto',
  'ip',
  'src',
  'dst',
  'rsrc',
  'rdst',
  'nat',
  'port',
  'sport',
  'dport',
  'rsport',
  'rdport',
  'icmp-type',
  'icmp-code',
  'icmp-id',
  'key',
  'srckey',
  'dstkey',
  'rsrckey',
  'rdstkey',
] as const satisfies readonly FieldName[];
export type PacketField = (typeof PACKET_FIELDS)[number];

/** What an agent says it can that freezes and refuses packets, and not only those of the flows of the moment. */
export const BLOCKS_HOSTS = 'block-host';

/** Both ends included. */
export interface NumberRange {
  from: number;
  to: number;
}

/**
 * One thing that a packet is asked, as the term of that field in a filter asks a flow: any of the prefixes, any of the ranges, and where
 * both
 * are given, an address and a port that stand on the same side.
 */
export interface PacketTest {
  field: PacketField;
  isNot: boolean;
  prefixes: Prefix[];
  ranges: NumberRange[];
}

/** All of these tests hold. */
export type PacketCondition = PacketTest[];

/**
 * What a block refuses: packets for which one of the conditions holds, and in any case those of the flows that were frozen beside it. No
 * condition: only those. A new flow of a condition is refused like one that was there.
 */
export interface RefusedPackets {
  anyOf: PacketCondition[];
  seconds: number;
}

/** Without those that lie in another. */
export function outermost(prefixes: readonly Prefix[]): Prefix[] {
  const sorted = prefixes.toSorted((a, b) => a.bits - b.bits);
  const kept: Prefix[] = [];
  for (const prefix of sorted)
    if (!kept.some((wider) => wider.bits <= prefix.bits && prefixContains(wider, prefix.address))) kept.push(prefix);
  return kept;
}

/** In order, without overlaps and gaps that are none. */
export function merged(ranges: readonly NumberRange[]): NumberRange[] {
  const kept: NumberRange[] = [];
  for (const { from, to } of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = kept.at(-1);
    if (last && from <= last.to + 1) last.to = Math.max(last.to, to);
    else kept.push({ from, to });
  }
  return kept;
}

/** A network that is shorter names nobody in particular. */
const MIN_NAMED_BITS = { 4: 8, 6: 32 } as const;

/**
 * True where packets are refused whatever their addresses, as by `proto:udp` or `src:0.0.0.0/1`: hosts that nobody thought of may be cut
 * off.
 */
export function namesNobody({ anyOf }: RefusedPackets): boolean {
  return anyOf.some(
    (condition) =>
      !condition.some(
        ({ isNot, prefixes }) => !isNot && prefixes.length > 0 && prefixes.every(({ bits, family }) => bits >= MIN_NAMED_BITS[family]),
      ),
  );
}
