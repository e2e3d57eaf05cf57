import fc from 'fast-check';
import {
  LIMITED_BY,
  RULE_ENDS,
  type ForeignRule,
  type RulePlace,
  type TrackingSaying,
  type UndecodedRule,
} from '../../proto/model/policy/foreign-tracking.ts';
import {
  EXPLANATION_OUTCOMES,
  HELPER_STATES,
  isHelperThere,
  type AskedPacket,
  type PolicyReading,
  type TrackingExplanation,
} from '../../proto/model/policy/gateway-reading.ts';
import { HELPERS } from '../../proto/model/policy/helpers.ts';
import { withoutAbsent } from '../../proto/model/without-absent.ts';
import { KNOWN_TIMEOUT_KEYS, settingOf } from '../../proto/model/policy/settings.ts';
import { arbitraryRules } from './arbitrary-policy.ts';

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });
const texts = fc.array(text, { maxLength: 3 });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const flag = maybe(fc.constant(true as const));

const saying: fc.Arbitrary<TrackingSaying> = fc.oneof(
  fc.record({ kind: fc.constant('notrack' as const), isTooLate: flag }).map(withoutAbsent),
  fc
    .record({
      kind: fc.constant('zone' as const),
      zone: maybe(fc.nat(65_535)),
      direction: maybe(fc.constantFrom('original' as const, 'reply' as const)),
    })
    .map(withoutAbsent),
  fc.record({ kind: fc.constant('helper' as const), name: maybe(text), isByMap: flag }).map(withoutAbsent),
  fc.record({ kind: fc.constant('timeout' as const), name: maybe(text), isByMap: flag }).map(withoutAbsent),
  fc.record({
    kind: fc.constant('timeout' as const),
    proto: fc.constantFrom('tcp', 'udp'),
    seconds: fc.dictionary(fc.constantFrom(...KNOWN_TIMEOUT_KEYS), u32, { maxKeys: 5, noNullPrototype: true }),
  }),
  fc.record({ kind: fc.constant('limit' as const), count: u32, isOver: fc.boolean(), by: fc.constantFrom(...LIMITED_BY) }),
  fc.record({ kind: fc.constantFrom('expectation' as const, 'events' as const, 'offload' as const) }),
  fc.record({ kind: fc.constantFrom('invalid' as const, 'mid-stream' as const, 'untracked' as const), end: fc.constantFrom(...RULE_ENDS) }),
);

const place: fc.Arbitrary<RulePlace> = fc.record({
  family: fc.constantFrom('inet', 'ip', 'ip6', 'netdev', '99'),
  table: text,
  chain: text,
  hooks: fc.array(fc.record({ hook: text, priority: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }) }), { maxLength: 3 }),
  position: u32,
  handle: fc.maxSafeNat(),
});
const rule: fc.Arbitrary<ForeignRule> = fc
  .record({ place, says: fc.array(saying, { minLength: 1, maxLength: 3 }), text, comment: maybe(text) })
  .map(withoutAbsent);
const undecoded: fc.Arbitrary<UndecodedRule> = fc.record({ place, parts: texts, text });

/** A reading as an agent may send it: of helpers, the list for policies is that of those which are there. */
export const arbitraryReading: fc.Arbitrary<PolicyReading> = fc
  .record({
    settings: fc.dictionary(fc.constantFrom(...KNOWN_TIMEOUT_KEYS.map(settingOf)), fc.integer(), { maxKeys: 20, noNullPrototype: true }),
    unsettable: fc.dictionary(fc.constantFrom('nf_conntrack_max', 'nf_conntrack_buckets'), text, { noNullPrototype: true }),
    helpers: fc.array(
      fc.record({ name: fc.constantFrom(...Object.keys(HELPERS)), state: fc.constantFrom(...HELPER_STATES), evidence: text }),
    ),
    table: maybe(fc.record({ rules: arbitraryRules, helpers: texts, strange: texts })),
    noTable: maybe(text),
    foreign: fc.record({
      rules: fc.array(rule, { maxLength: 5 }),
      undecoded: fc.array(undecoded, { maxLength: 3 }),
      unread: texts,
      left: fc.nat(1_000_000),
    }),
    unread: texts,
  })
  .map(({ settings, unsettable, helpers, table, noTable, foreign, unread }) => ({
    actual: withoutAbsent({
      settings,
      unsettable,
      helpers: helpers.filter(isHelperThere).map(({ name, state }) => ({ name, isLoaded: state !== 'loadable' })),
      table,
      noTable,
    }),
    helpers,
    foreign,
    unread,
  }));

const address = (bytes: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: bytes, maxLength: bytes });
const port = maybe(fc.nat(65_535));

export const arbitraryAskedPacket: fc.Arbitrary<AskedPacket> = fc
  .constantFrom(4, 16)
  .chain((bytes) =>
    fc.record({
      proto: fc.nat(255),
      src: address(bytes),
      dst: address(bytes),
      sport: port,
      dport: port,
      iif: maybe(fc.constantFrom('lan', 'eth0.2')),
    }),
  )
  .map(withoutAbsent);

export const arbitraryExplanation: fc.Arbitrary<TrackingExplanation> = fc
  .record({ outcome: fc.constantFrom(...EXPLANATION_OUTCOMES), hook: maybe(text), rule: maybe(text), iif: maybe(text), oif: maybe(text) })
  .map(withoutAbsent);
