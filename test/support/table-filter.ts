import fc from 'fast-check';
import { parsePrefix } from '../../proto/model/address.ts';
import { FIELDS } from '../../proto/model/filter/fields.ts';
import { FLEET_FIELDS, type FieldName, type FlowFilter, type Match } from '../../proto/model/filter/filter.ts';
import type { XmlFlow } from './conntrack-xml.ts';

/** Without what its listing does not show: rates, staleness, and in XML the ICMP fields that take the place of ports. */
const FIELDS_OF_A_TABLE = FIELDS.filter(
  ({ name }) => !FLEET_FIELDS.has(name) && name !== 'rate' && name !== 'stale' && name !== 'next-wan' && !name.startsWith('icmp-'),
);

/** Any filter that a live table can answer, with values that its entries have or nearly have, so that filters split the table. */
export function filterOfTable(flows: readonly XmlFlow[], wans: readonly string[]): fc.Arbitrary<FlowFilter> {
  const term = fc
    .tuple(fc.constantFrom(...FIELDS_OF_A_TABLE), fc.constantFrom(...flows))
    .chain(([{ name, kind, words, canBeNone }, flow]): fc.Arbitrary<FlowFilter> => {
      const known: fc.Arbitrary<Match> =
        kind === 'prefix'
          ? fc.oneof(prefixNear(flow, false), endpointNear(flow))
          : kind === 'address'
            ? prefixNear(flow, true)
            : kind === 'word'
              ? fc.constantFrom(...words).map((pattern) => ({ kind: 'glob', pattern }))
              : kind === 'name'
                ? globNear(name === 'wan' ? wans : name === 'label' ? flow.labels.map((label) => label.slice(3)) : [flow.helper ?? 'sip'])
                : kind === 'mark'
                  ? fc
                      .constantFrom(0, 0xff, 0xff00, 0xffff, 0xffffffff)
                      .map((mask) => ({ kind: 'mask', value: (flow.mark & mask) >>> 0, mask }))
                  : rangeNear(numbersOf(name, flow));
      const match = canBeNone
        ? fc.oneof({ arbitrary: known, weight: 3 }, { arbitrary: fc.constant<Match>({ kind: 'none' }), weight: 1 })
        : known;
      return match.map((one) => ({ kind: 'term', field: name, match: one }));
    });
  return fc.letrec<{ filter: FlowFilter }>((tie) => ({
    filter: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { arbitrary: term, weight: 4 },
      { arbitrary: tie('filter').map((operand): FlowFilter => ({ kind: 'not', operand })), weight: 1 },
      {
        arbitrary: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map((operands): FlowFilter => ({ kind: 'and', operands })),
        weight: 1,
      },
      {
        arbitrary: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map((operands): FlowFilter => ({ kind: 'or', operands })),
        weight: 1,
      },
    ),
  })).filter;
}

function prefixNear({ orig, reply }: XmlFlow, isHost: boolean): fc.Arbitrary<Match> {
  return fc.tuple(fc.constantFrom(orig.src, orig.dst, reply.src, reply.dst), fc.nat(128)).map(([address, bits]) => {
    const width = address.includes(':') ? 128 : 32;
    return { kind: 'prefix', prefix: parsePrefix(`${address}/${isHost ? width : Math.min(width, bits)}`)! };
  });
}

/** One end of a flow, or its address with a port that occurs elsewhere. */
function endpointNear({ orig, reply }: XmlFlow): fc.Arbitrary<Match> {
  const ports = [orig.sport, orig.dport, reply.sport, reply.dport].map((port) => port ?? 443);
  return fc
    .tuple(fc.constantFrom(orig.src, orig.dst, reply.src, reply.dst), fc.constantFrom(...ports), fc.nat(2))
    .map(([address, from, more]) => ({ kind: 'endpoint', prefix: parsePrefix(address)!, from, to: Math.min(65_535, from + more) }));
}

function globNear(names: readonly string[]): fc.Arbitrary<Match> {
  return fc.tuple(fc.constantFrom('1', 'none', ...names), fc.nat(3), fc.nat(6)).map(([name, change, at]): Match => {
    const cut = at % name.length;
    return {
      kind: 'glob',
      pattern: [name, `${name.slice(0, cut)}*`, `${name.slice(0, cut)}?${name.slice(cut + 1)}`, `*${name.slice(cut)}`][change]!,
    };
  });
}

function rangeNear(values: number[]): fc.Arbitrary<Match> {
  const bound = fc.tuple(fc.constantFrom(...values), fc.integer({ min: -2, max: 2 })).map(([value, off]) => Math.max(0, value + off));
  return fc.tuple(bound, bound, fc.nat(3)).map(([a, b, open]): Match => {
    const [from, to] = [Math.min(a, b), Math.max(a, b)];
    return open === 1
      ? { kind: 'range', from }
      : open === 2
        ? { kind: 'range', to }
        : { kind: 'range', from: open === 3 ? a : from, to: open === 3 ? a : to };
  });
}

/** Numbers that a flow has in a field, or in neighbouring fields. */
function numbersOf(field: FieldName, { orig, reply, zone, id, timeout = 0 }: XmlFlow): number[] {
  switch (field) {
    case 'proto':
      return [orig.proto];
    case 'family':
      return [4, 6];
    case 'key':
    case 'srckey':
    case 'dstkey':
    case 'rsrckey':
    case 'rdstkey':
      return [orig.srcKey, orig.dstKey, reply.srcKey, reply.dstKey].map((key) => key ?? 1);
    case 'zone':
    case 'orig-zone':
    case 'reply-zone':
      return [zone, orig.zone ?? zone, reply.zone ?? zone];
    case 'id':
      return [id];
    case 'age':
      return [0, 5, 60];
    case 'timeout':
      return [timeout, timeout + 10, timeout - 10];
    case 'idle':
      return [0, 900 - timeout, 300];
    case 'bytes':
      return [0, 100, Number((orig.bytes ?? 0n) + (reply.bytes ?? 0n))];
    case 'packets':
      return [0, 1, Number((orig.packets ?? 0n) + (reply.packets ?? 0n))];
    default:
      return [orig.sport, orig.dport, reply.sport, reply.dport].map((port) => port ?? 443);
  }
}
