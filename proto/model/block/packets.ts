import { prefixContains, type Prefix } from '../address.ts';
import type { FieldName } from '../filter/filter.ts';

/** The filter fields that can be tested on a packet or on the tuples of its flow, before and after translation. */
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

/** Capability of agents that freeze packet conditions, and do not only refuse packets of the flows of the moment. */
export const BLOCKS_HOSTS = 'block-host';

/** Both ends inclusive. */
export interface NumberRange {
  from: number;
  to: number;
}

/**
 * One test of a packet, equivalent to the filter's term of that field for a flow: any of the prefixes, any of the ranges, and if both are
 * given, an address and a port on the same side.
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
 * What a block refuses: packets for which one of the conditions holds, and always those of the flows frozen with it. No condition: only
 * those. A new flow that meets a condition is refused like an existing one.
 */
export interface RefusedPackets {
  anyOf: PacketCondition[];
  seconds: number;
}

/** The prefixes without those contained in another. */
export function outermost(prefixes: readonly Prefix[]): Prefix[] {
  const sorted = prefixes.toSorted((a, b) => a.bits - b.bits);
  const kept: Prefix[] = [];
  for (const prefix of sorted)
    if (!kept.some((wider) => wider.bits <= prefix.bits && prefixContains(wider, prefix.address))) kept.push(prefix);
  return kept;
}

/** The ranges in order, with overlapping and adjacent ones merged. */
export function merged(ranges: readonly NumberRange[]): NumberRange[] {
  const kept: NumberRange[] = [];
  for (const { from, to } of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = kept.at(-1);
    if (last && from <= last.to + 1) last.to = Math.max(last.to, to);
    else kept.push({ from, to });
  }
  return kept;
}

/** A shorter prefix names nobody in particular. */
const MIN_NAMED_BITS = { 4: 8, 6: 32 } as const;

/**
 * True if packets are refused whatever their addresses, as by `proto:udp` or `src:0.0.0.0/1`: hosts that nobody thought of may be cut off.
 */
export function namesNobody({ anyOf }: RefusedPackets): boolean {
  return anyOf.some(
    (condition) =>
      !condition.some(
        ({ isNot, prefixes }) => !isNot && prefixes.length > 0 && prefixes.every(({ bits, family }) => bits >= MIN_NAMED_BITS[family]),
      ),
  );
}
