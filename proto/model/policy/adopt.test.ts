import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryRules } from '../../../test/support/arbitrary-policy.ts';
import { arbitraryReading } from '../../../test/support/arbitrary-reading.ts';
import { adoptedPolicy } from './adopt.ts';
import { demandsOfMode } from './demands.ts';
import { differenceOf } from './difference.ts';
import { effectivePolicy } from './effective.ts';
import type { PolicyReading } from './gateway-reading.ts';
import { HELPERS } from './helpers.ts';
import { readPolicy } from './read.ts';
import { KNOWN_TIMEOUT_KEYS, settingOf } from './settings.ts';
import { writePolicy } from './write.ts';

const READING: PolicyReading = {
  actual: {
    settings: { nf_conntrack_max: 262_144, nf_conntrack_acct: 1, nf_conntrack_events: 2, nf_conntrack_tcp_timeout_established: 3600 },
    unsettable: {},
    helpers: [{ name: 'ftp', isLoaded: true }],
    table: { rules: [{ name: 'trunk', match: { proto: 'udp' }, idleTimeoutSeconds: 60 }], helpers: ['ftp'], strange: [] },
  },
  helpers: [],
  foreign: { rules: [], undecoded: [], unread: [], left: 0 },
  unread: [],
};
const withSettings = (settings: Record<string, number>, unsettable: Record<string, string> = {}): PolicyReading => ({
  ...READING,
  actual: { ...READING.actual, settings: { ...READING.actual.settings, ...settings }, unsettable },
});
const changesOf = (reading: PolicyReading) => {
  const { document } = adoptedPolicy('adopted', reading);
  const { values } = effectivePolicy([{ policyId: '', level: 'gateway', document }]);
  const { changes, isReordered } = differenceOf(values, reading.actual);
  return { changes: changes.filter(({ verdict }) => verdict.kind !== 'unchanged'), isReordered };
};

/** Of a gateway that does not contradict itself: modes have what they need, and what is in the table is there. */
const consistent = fc
  .record({
    reading: arbitraryReading,
    rules: arbitraryRules,
    helpers: fc.subarray(Object.keys(HELPERS)),
    timeouts: fc.dictionary(fc.constantFrom(...KNOWN_TIMEOUT_KEYS.map(settingOf)), fc.integer({ min: -5, max: 9_000_000 }), {
      noNullPrototype: true,
    }),
    switches: fc.dictionary(fc.constantFrom('nf_conntrack_acct', 'nf_conntrack_timestamp', 'nf_conntrack_events'), fc.nat(3), {
      noNullPrototype: true,
    }),
    max: fc.integer({ min: 0, max: 0x7fff_ffff }),
  })
  .map(({ reading, rules, helpers, timeouts, switches, max }): PolicyReading => {
    const demanded = Object.fromEntries(rules.flatMap(({ mode }) => demandsOfMode(mode)).map(({ setting, to }) => [setting, to]));
    return {
      ...reading,
      actual: {
        settings: { ...timeouts, ...switches, ...demanded, nf_conntrack_max: max },
        unsettable: reading.actual.unsettable,
        helpers: Object.keys(HELPERS).map((name) => ({ name, isLoaded: true })),
        table: { rules, helpers: helpers.toSorted(), strange: [] },
      },
    };
  });

describe('a gateway adopted as a policy', () => {
  it('is what differs from the kernel’s defaults, and what is in our table', () => {
    expect(adoptedPolicy('adopted', READING)).toEqual({
      document: {
        metadata: { name: 'adopted' },
        spec: {
          table: { max: 262_144 },
          timeouts: { 'tcp.established': 3600 },
          helpers: ['ftp'],
          accounting: true,
          rules: [{ name: 'trunk', match: { proto: 'udp' }, idleTimeoutSeconds: 60 }],
        },
      },
      notes: [],
    });
  });

  it('changes nothing where it comes from, whatever the gateway is set to', () => {
    fc.assert(
      fc.property(consistent, (reading) => {
        expect(changesOf(reading)).toEqual({ changes: [], isReordered: false });
      }),
      { numRuns: 150 },
    );
  });

  it('is a document like any other, whatever an agent says, and a note says of everything that it would change', () => {
    fc.assert(
      fc.property(arbitraryReading, (reading) => {
        const { document, notes } = adoptedPolicy('adopted', reading);
        expect(readPolicy(writePolicy(document))).toEqual({ document });
        const { changes } = changesOf(reading);
        for (const change of changes) {
          const what = change.on === 'setting' ? change.setting : change.on === 'rule' ? change.rule : change.helper;
          expect(notes.some((note) => note.startsWith('Applied here, it would ') && note.includes(what))).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('says what a policy cannot say, and what cannot be set there', () => {
    const reading = withSettings(
      { nf_conntrack_icmp_timeout: 0, nf_conntrack_tcp_be_liberal: 1, nf_conntrack_quic_timeout: 9, nf_conntrack_acct: 7 },
      { nf_conntrack_max: 'it is one value for the whole machine.' },
    );
    const { document, notes } = adoptedPolicy('adopted', reading);
    expect(notes).toEqual([
      'nf_conntrack_max is 262144, and is left out: it cannot be set here: it is one value for the whole machine.',
      'nf_conntrack_acct is 7, and is left out: a policy cannot say that.',
      'nf_conntrack_tcp_be_liberal is 1, and is left out: a policy sets it by the mode of a rule.',
      'nf_conntrack_icmp_timeout is 0, and is left out: a policy cannot say that.',
      'nf_conntrack_quic_timeout is 9, and is left out: what the kernel sets it to by itself is not known.',
    ]);
    expect(document.spec).toMatchObject({ table: {}, timeouts: { 'tcp.established': 3600 } });
  });

  it('takes over no rule of anybody else, and names them', () => {
    const place = { family: 'ip', table: 'raw', chain: 'PREROUTING', hooks: [], position: 2, handle: 9 };
    const rules = [{ place, says: [{ kind: 'notrack' as const }], text: 'udp dport 5060 notrack' }];
    const foreign = { rules, undecoded: [{ place, parts: [], text: '?' }], unread: ['iptables cannot be read.'], left: 4 };
    const { document, notes } = adoptedPolicy('adopted', { ...READING, foreign });
    expect(document).toEqual(adoptedPolicy('adopted', READING).document);
    expect(notes).toEqual([
      'A rule of somebody else stays theirs: ip raw PREROUTING: udp dport 5060 notrack.',
      '5 more rules of others may say something about tracking, and are not looked at here.',
      'iptables cannot be read.',
    ]);
  });
});
