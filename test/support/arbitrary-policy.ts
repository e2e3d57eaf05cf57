import fc from 'fast-check';
import { formatPrefix, parsePrefix } from '../../proto/model/address.ts';
import type { NumberRange } from '../../proto/model/block/packets.ts';
import {
  ANSWERS,
  DRIFT_WAYS,
  MODES,
  PROFILE_NAMES,
  type PolicyDocument,
  type PolicyMatch,
  type PolicyRule,
  type PolicySpec,
} from '../../proto/model/policy/document.ts';
import { LEVELS, type PolicyLayer } from '../../proto/model/policy/effective.ts';
import { HELPERS } from '../../proto/model/policy/helpers.ts';
import { withoutAbsent } from '../../proto/model/without-absent.ts';
import { KNOWN_TIMEOUT_KEYS, type TimeoutKey } from '../../proto/model/policy/settings.ts';
import { textProblem } from '../../proto/model/text.ts';

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const several = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[] | undefined> =>
  maybe(fc.array(arbitrary, { minLength: 1, maxLength: 4 }));

/** What a shell, nft, YAML or a spreadsheet might take for more than a name. */
export const HOSTILE = [
  '"; drop; #',
  '$(reboot)',
  '`id`',
  "it's",
  'a: b',
  '- x',
  '} delete table inet fw; {',
  '@set',
  '*',
  'null',
  'off',
  '0x10',
  '#',
  '!!str x',
  '&a',
  '\\',
  'é😀',
  '__proto__',
  '%s%n',
];
const isName = (text: string): boolean =>
  textProblem(text) === undefined && text.trim() === text && new TextEncoder().encode(text).length <= 120;
export const arbitraryName = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter(isName),
);

const port = fc.oneof(fc.constantFrom(0, 21, 80, 443, 5060, 65_535), fc.integer({ min: 0, max: 65_535 }));
const ports: fc.Arbitrary<NumberRange> = fc.oneof(
  port.map((from) => ({ from, to: from })),
  fc.tuple(port, port).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) })),
);
const prefix4 = fc
  .tuple(fc.constantFrom('10.0.0.0', '10.1.2.3', '192.168.255.255', '224.0.0.1', '0.0.0.0'), fc.integer({ min: 0, max: 32 }))
  .map(([address, bits]) => formatPrefix(parsePrefix(`${address}/${bits}`)!));
const prefix6 = fc
  .tuple(fc.constantFrom('fd00::', 'fd00:1::5', '2001:db8::ffff', 'ff02::1', '::'), fc.integer({ min: 0, max: 128 }))
  .map(([address, bits]) => formatPrefix(parsePrefix(`${address}/${bits}`)!));
const device = fc.constantFrom('lan0', 'wan1', 'wan*', 'wan', 'br-lan', 'eth0.2', 'e*', 'pppoe-wan');

/** Prefixes of one family, or of both if `isMixed`. */
const prefixes = fc.oneof(several(prefix4), several(prefix6), several(fc.oneof(prefix4, prefix6)));

const freeMatch = fc
  .record({
    proto: maybe(fc.constantFrom('tcp', 'udp', 'sctp', 'icmp', 'icmpv6', 'gre', 'esp', '200')),
    src: prefixes,
    dst: prefixes,
    sport: several(ports),
    dport: several(ports),
    iif: several(device),
    oif: several(device),
    zone: maybe(fc.constantFrom(0, 7, 65_535)),
    mark: maybe(fc.constantFrom({ value: 0x100, mask: 0xff00 }, { value: 7, mask: 0xffffffff }, { value: 0, mask: 0xf })),
  })
  .map((match): PolicyMatch => {
    const hasPorts = match.proto === 'tcp' || match.proto === 'udp' || match.proto === 'sctp';
    const families = (list: string[]): Set<boolean> => new Set(list.map((one) => one.includes(':')));
    const meet = !match.src || !match.dst || [...families(match.src)].some((family) => families(match.dst!).has(family));
    return withoutAbsent({ ...match, ...(!hasPorts && { sport: undefined, dport: undefined }), ...(!meet && { dst: undefined }) });
  });

const says = fc.record({
  mode: maybe(fc.constantFrom(...MODES)),
  idleTimeoutSeconds: maybe(fc.integer({ min: 1, max: 100_000 })),
  helper: maybe(fc.constantFrom(...Object.keys(HELPERS))),
  limits: maybe(
    fc
      .record({
        perSource: maybe(fc.integer({ min: 1, max: 50 })),
        perDestination: maybe(fc.integer({ min: 1, max: 50 })),
        answer: fc.constantFrom(...ANSWERS),
      })
      .filter(({ perSource, perDestination }) => perSource !== undefined || perDestination !== undefined)
      .map(withoutAbsent),
  ),
});

/** A rule that a document may hold: what its match does not allow is left out. */
export const arbitraryRule: fc.Arbitrary<PolicyRule> = fc.tuple(arbitraryName, freeMatch, says).map(([name, match, said]) => {
  const rule: PolicyRule = { name, match, ...said };
  const isTransport = match.proto === 'tcp' || match.proto === 'udp';
  if (!isTransport || match.oif) rule.idleTimeoutSeconds = undefined;
  if (match.oif || !HELPERS[rule.helper ?? '']?.ports.some(({ proto }) => proto === match.proto)) rule.helper = undefined;
  if (rule.mode === 'off' && (match.oif || match.zone !== undefined)) rule.mode = 'strict';
  if (rule.mode === 'deny') {
    const { mark: _, ...rest } = match;
    return { name, match: rest, mode: 'deny', answer: said.limits?.answer ?? 'drop' };
  }
  if (!rule.mode && !rule.idleTimeoutSeconds && !rule.helper && !rule.limits) rule.mode = 'normal';
  return withoutAbsent(rule);
});

export const arbitraryRules = fc.uniqueArray(arbitraryRule, { maxLength: 8, selector: ({ name }) => name });

const otherKey = fc.constantFrom<TimeoutKey>('other.nf_conntrack_quic_timeout', 'other.nf_conntrack_tcp_timeout_x');
const timeouts = fc
  .array(fc.tuple(fc.oneof(fc.constantFrom<TimeoutKey>(...KNOWN_TIMEOUT_KEYS), otherKey), fc.integer({ min: 1, max: 24 * 86_400 })), {
    maxLength: 6,
  })
  .map((entries) => Object.fromEntries(entries) as PolicySpec['timeouts']);
const size = fc.integer({ min: 128, max: 134_217_728 });

export const arbitraryDocument: fc.Arbitrary<PolicyDocument> = fc.record({
  metadata: fc.record({ name: arbitraryName, tenant: maybe(arbitraryName) }).map(withoutAbsent),
  spec: fc
    .record({
      profile: maybe(fc.constantFrom(...PROFILE_NAMES)),
      table: fc.record({ max: maybe(size), buckets: maybe(size) }).map(withoutAbsent),
      timeouts,
      helpers: maybe(fc.subarray(Object.keys(HELPERS)).map((names) => names.toSorted())),
      accounting: maybe(fc.boolean()),
      timestamps: maybe(fc.boolean()),
      events: maybe(fc.constantFrom(true, false, 'auto' as const)),
      drift: maybe(fc.constantFrom(...DRIFT_WAYS)),
      rules: arbitraryRules,
    })
    .map((spec): PolicySpec => withoutAbsent(spec)),
});

export const arbitraryLayers: fc.Arbitrary<PolicyLayer[]> = fc.uniqueArray(
  fc
    .record({ policyId: fc.uuid(), level: fc.constantFrom(...LEVELS), of: fc.constantFrom('acme', 'west'), document: arbitraryDocument })
    .map(({ of, ...layer }): PolicyLayer => (layer.level === 'fleet' ? layer : { ...layer, of })),
  { maxLength: 5, selector: ({ policyId }) => policyId },
);

/** Rules without limits that often match packets between these addresses to these ports. */
export function rulesAround(addresses: readonly string[], dports: readonly number[]): fc.Arbitrary<PolicyRule> {
  const around = fc.constantFrom(...addresses).chain((text) => {
    const whole = parsePrefix(text)!;
    return fc.constantFrom(0, 1, 5, 8, 17).map((host) => formatPrefix(parsePrefix(`${text}/${whole.bits - host}`)!));
  });
  const near = fc
    .constantFrom(...dports)
    .chain((at) => fc.constantFrom({ from: at, to: at }, { from: at - 1, to: at + 9 }, { from: at + 1, to: at + 2 }));
  return fc
    .record({
      name: arbitraryName,
      proto: maybe(fc.constantFrom('tcp', 'udp')),
      src: several(around),
      dst: several(around),
      dport: several(near),
      iif: maybe(fc.constantFrom<string[]>(['lan'], ['la*', 'wan2'], ['wan*'])),
      oif: fc.option(fc.constantFrom<string[]>(['wan1'], ['wan*', 'lan'], ['lan']), { nil: undefined, freq: 3 }),
      zone: fc.option(fc.constantFrom(0, 7), { nil: undefined, freq: 8 }),
      mode: fc.constantFrom(...MODES),
      idle: maybe(fc.constantFrom(50, 90)),
      isHelped: fc.boolean(),
    })
    .map(({ name, proto, src, dst, dport, iif, oif, zone, mode, idle, isHelped }) => {
      const match: PolicyMatch = withoutAbsent({ proto, src, dst, dport: proto && dport, iif, oif, zone });
      const isEarly = proto !== undefined && !oif;
      if (mode === 'deny') return { name, match, mode, answer: isHelped ? 'reset' : 'drop' };
      return withoutAbsent({
        name,
        match,
        mode: mode === 'off' && (oif || zone !== undefined) ? 'normal' : mode,
        idleTimeoutSeconds: isEarly ? idle : undefined,
        helper: isEarly && isHelped ? (proto === 'tcp' ? 'ftp' : 'sip') : undefined,
      });
    });
}
