import fc from 'fast-check';
import type { Entry } from '../../agent/conntrack/wire/entry.ts';
import type { Protoinfo } from '../../agent/conntrack/wire/protoinfo.ts';
import { STATE_PROTOCOLS } from '../../agent/conntrack/wire/states.ts';
import { formatAddress, parsePrefix } from '../../proto/model/address.ts';
import { FIELDS, type Field } from '../../proto/model/filter/fields.ts';
import { FLEET_FIELDS, type FlowFilter, type Match, type Term } from '../../proto/model/filter/filter.ts';
import type { Both, Tuple } from '../../proto/model/flow.ts';
import { hasPorts } from '../../proto/model/protocol.ts';

const u8 = fc.nat(255);
const u16 = fc.nat(65_535);
const u32 = fc.nat(0xffffffff);
const i32 = fc.integer();
const u64 = fc.bigInt({ min: 0n, max: 2n ** 52n });
const maybe = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> => fc.option(value, { nil: undefined });

/** Few values, so that filters match. */
const port = fc.oneof(fc.constantFrom(22, 53, 80, 443, 5060, 40_000), u16);
const v4 = fc.tuple(fc.constantFrom(10, 192, 198), fc.constantFrom(0, 18, 51), fc.nat(3), fc.nat(3)).map((bytes) => bytes.join('.'));
const v6 = fc.tuple(fc.constantFrom('fd00:1', '2001:db8'), fc.nat(3), fc.nat(3)).map(([head, a, b]) => canonical(`${head}:${a}::${b + 1}`));

function canonical(text: string): string {
  return formatAddress(parsePrefix(text)!.address);
}

export function arbitraryTuple(family: 4 | 6, proto: number): fc.Arbitrary<Tuple> {
  const address = family === 4 ? v4 : v6;
  const layer4: fc.Arbitrary<Partial<Tuple>> = hasPorts(proto)
    ? fc.record({ sport: port, dport: port })
    : proto === 47
      ? fc.record({ srcKey: u16, dstKey: u16 })
      : proto === 1 || proto === 58
        ? fc.record({ icmp: fc.record({ type: u8, code: u8, id: u16 }) })
        : fc.constant({});
  return fc
    .tuple(fc.record({ src: address, dst: address }), layer4, maybe(fc.nat(9)))
    .map(([addresses, rest, zone]) => ({ ...addresses, ...rest, ...(zone !== undefined && { zone }) }));
}

/** Any entry that a kernel could report. */
export const arbitraryEntry: fc.Arbitrary<Entry> = fc
  .tuple(fc.constantFrom(4 as const, 6 as const), fc.constantFrom(1, 6, 6, 6, 17, 17, 33, 47, 50, 51, 58, 132, 136, 200))
  .chain(([family, proto]) => {
    const states = STATE_PROTOCOLS.find((one) => one.proto === proto)?.states ?? [];
    const counters = maybe(fc.record({ packets: u64, bytes: u64 }));
    return fc
      .record({
        family: fc.constant(family),
        proto: fc.constant(proto),
        orig: arbitraryTuple(family, proto),
        reply: arbitraryTuple(family, proto),
        id: u32,
        zone: fc.nat(9),
        status: u16,
        mark: fc.oneof(fc.nat(0xffff), u32),
        state: states.length > 0 ? maybe(fc.constantFrom<string>(...states)) : fc.constant(undefined),
        timeoutSeconds: maybe(fc.oneof(fc.nat(300), fc.nat(432_000))),
        origCounters: counters,
        replyCounters: counters,
        startedAtNs: maybe(fc.bigInt({ min: 0n, max: 2n * 10n ** 18n })),
        labels: maybe(fc.uint8Array({ minLength: 16, maxLength: 16 })),
        stoppedAtNs: maybe(u64),
        helper: maybe(fc.constantFrom('sip', 'ftp', 'tftp')),
        helperInfo: maybe(fc.uint8Array({ minLength: 1, maxLength: 8 })),
        securityContext: maybe(fc.constant('system_u:object_r:unlabeled_t:s0')),
        seqAdjust: sides(fc.record({ position: u32, before: i32, after: i32 })),
        synproxy: maybe(fc.record({ isn: u32, its: u32, timestampOffset: u32 })),
      })
      .chain((entry) => arbitraryProtoinfo(entry.state === undefined ? 0 : proto).map((info): Entry => ({ ...entry, ...info })));
  });

/** What accompanies the state of a protocol that has one. */
function arbitraryProtoinfo(proto: number): fc.Arbitrary<Omit<Protoinfo, 'state'>> {
  switch (proto) {
    case 6:
      return fc.record({ tcpFlags: sides(u8), windowScale: sides(fc.nat(14)) });
    case 132:
      return fc.record({ sctpTags: sides(u32) });
    case 33:
      return fc.record({ dccp: maybe(fc.oneof(fc.record({ role: fc.nat(1), handshakeSeq: u64 }), fc.record({ role: fc.nat(1) }))) });
    default:
      return fc.constant({});
  }
}

/** Both sides, one of them, or neither. */
function sides<Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Partial<Both<Value>> | undefined> {
  return maybe(fc.oneof(fc.record({ orig: value, reply: value }), fc.record({ orig: value }), fc.record({ reply: value })));
}

const bound = fc.oneof(fc.constantFrom(0, 1, 4, 6, 17, 22, 53, 443, 5060, 100, 300), u32);
const range: fc.Arbitrary<Match> = fc.record({ kind: fc.constant('range' as const), from: maybe(bound), to: maybe(bound) });
const glob = (...patterns: string[]): fc.Arbitrary<Match> => fc.constantFrom(...patterns).map((pattern) => ({ kind: 'glob', pattern }));
const prefix: fc.Arbitrary<Match> = fc
  .oneof(fc.tuple(v4, fc.constantFrom(0, 8, 23, 30, 31, 32)), fc.tuple(v6, fc.constantFrom(0, 16, 48, 63, 127, 128)))
  .map(([address, bits]) => ({ kind: 'prefix', prefix: parsePrefix(`${address}/${bits}`)! }));

const none = fc.constant<Match>({ kind: 'none' });
/** Ports that flows have, so that both halves are matched. */
const endpoint: fc.Arbitrary<Match> = fc.tuple(prefix, port, port).map(([match, a, b]) => ({
  ...(match as Extract<Match, { kind: 'prefix' }>),
  kind: 'endpoint',
  from: Math.min(a, b),
  to: Math.max(a, b),
}));

function arbitraryMatch({ name, kind, words, canBeNone }: Field): fc.Arbitrary<Match> {
  switch (kind) {
    case 'prefix':
      return fc.oneof(prefix, endpoint);
    case 'address':
      return prefix;
    case 'mark':
      return fc
        .tuple(fc.nat(0xffff), fc.constantFrom(0, 0xff, 0xff00, 0xffffffff))
        .map(([value, mask]) => ({ kind: 'mask', value: (value & mask) >>> 0, mask }));
    case 'word':
      return glob(...words);
    case 'number':
      return canBeNone ? fc.oneof(range, none) : range;
    case 'name':
      return fc.oneof({ arbitrary: namesOf(name), weight: 3 }, none);
    default:
      return range;
  }
}

function namesOf(name: string): fc.Arbitrary<Match> {
  return name === 'wan'
    ? glob('wan1', 'wan*', 'WAN?', 'none')
    : name === 'label'
      ? glob('1', '1*', 'voip', '??')
      : glob('sip', 's*', 'ftp', 'x');
}

const arbitraryTerm: fc.Arbitrary<Term> = fc
  .constantFrom(...FIELDS.filter(({ name }) => !FLEET_FIELDS.has(name)))
  .chain((field) => arbitraryMatch(field).map((match) => ({ kind: 'term' as const, field: field.name, match })));

/** Any filter that a gateway may be asked for, up to a few levels deep. */
export const arbitraryFilter: fc.Arbitrary<FlowFilter> = fc.letrec<{ filter: FlowFilter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    arbitraryTerm,
    fc.constant<FlowFilter>({ kind: 'everything' }),
    tie('filter').map((operand): FlowFilter => ({ kind: 'not', operand })),
    fc.array(tie('filter'), { maxLength: 3 }).map((operands): FlowFilter => ({ kind: 'and', operands })),
    fc.array(tie('filter'), { maxLength: 3 }).map((operands): FlowFilter => ({ kind: 'or', operands })),
  ),
})).filter;
