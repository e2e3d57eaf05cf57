import { parsePrefix } from '../../../proto/model/address.ts';
import type { NumberRange } from '../../../proto/model/block/packets.ts';
import { allOf, anyOf, EVERYTHING, type FieldName, type FlowFilter, type Match } from '../../../proto/model/filter/filter.ts';
import type { PolicyMatch } from '../../../proto/model/policy/document.ts';
import { protocolNumber } from '../../../proto/model/protocol.ts';

const FIELDS = {
  orig: { src: 'src', dst: 'dst', sport: 'sport', dport: 'dport' },
  reply: { src: 'rsrc', dst: 'rdst', sport: 'rsport', dport: 'rdport' },
} as const;

/**
 * The flows of whose packets in this direction, as they come in, all is true that an entry tells about a match. Interfaces and the marks
 * of packets it does not tell: see `isTold`.
 */
export function filterOfMatch({ proto, src, dst, sport, dport, zone }: PolicyMatch, direction: 'orig' | 'reply'): FlowFilter {
  const field = FIELDS[direction];
  const filters: FlowFilter[] = [];
  if (proto !== undefined) filters.push(term('proto', number(protocolNumber(proto)!)));
  for (const [end, prefixes] of [['src', src] as const, ['dst', dst] as const])
    if (prefixes) filters.push(anyOf(prefixes.map((text) => term(field[end], { kind: 'prefix', prefix: parsePrefix(text)! }))));
  for (const [end, ranges] of [['sport', sport] as const, ['dport', dport] as const])
    if (ranges) filters.push(anyOf(ranges.map((range) => term(field[end], { kind: 'range', ...range }))));
  if (zone !== undefined) filters.push(zoneFilter(zone));
  return filters.length === 0 ? EVERYTHING : allOf(filters);
}

/** True if an entry tells whether its flow matches. */
export function isTold({ iif, oif, mark }: PolicyMatch): boolean {
  return !iif && !oif && !mark;
}

/** A flow with a zone for one direction has no other (`ct zone` gives that one), and 0 then stands for no zone of both. */
function zoneFilter(zone: number): FlowFilter {
  const isZone = term('zone', number(zone));
  if (zone !== 0) return isZone;
  return allOf([isZone, term('orig-zone', { kind: 'none' }), term('reply-zone', { kind: 'none' })]);
}

function term(field: FieldName, match: Match): FlowFilter {
  return { kind: 'term', field, match };
}

function number(value: number): Match & NumberRange {
  return { kind: 'range', from: value, to: value };
}
