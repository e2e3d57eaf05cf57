import { describe, expect, it } from 'vitest';
import type { ActualPolicy } from '../actual.ts';
import type { PolicyMatch, PolicyRule, PolicyValues, RuleLimits } from '../document.ts';
import { PROFILES } from '../profiles.ts';
import type { GatewayFacts } from './warning.ts';
import { warningsOf } from './warnings.ts';

const ACTUAL: ActualPolicy = {
  settings: {
    nf_conntrack_max: 65_536,
    nf_conntrack_buckets: 65_536,
    nf_conntrack_tcp_loose: 0,
    nf_conntrack_tcp_be_liberal: 1,
    nf_conntrack_checksum: 1,
  },
  unsettable: {},
  helpers: [],
};
interface Known {
  actual?: ActualPolicy;
  facts?: GatewayFacts;
}
/** Each as `severity code path`. */
const saidOf = (some: Partial<PolicyValues>, { actual, facts }: Known = {}): string[] =>
  warningsOf({ values: { table: {}, timeouts: {}, rules: [], ...some }, origins: {} }, actual, facts).map(
    ({ severity, code, path }) => `${severity} ${code} ${path}`,
  );
const off = (name: string, match: PolicyMatch): PolicyRule => ({ name, match, mode: 'off' });
const limited = (match: PolicyMatch, limits: Partial<RuleLimits>): PolicyRule => ({
  name: 'l',
  match,
  limits: { answer: 'drop', ...limits },
});
const port = (number: number): PolicyMatch['dport'] => [{ from: number, to: number }];

describe('of timeouts', () => {
  it('the usual profile warns of nothing, and that for busy NAT of quiet connections', () => {
    expect(saidOf({ timeouts: PROFILES.normal })).toEqual([]);
    expect(saidOf({ timeouts: PROFILES['busy-nat'] })).toEqual(['caution short-established timeouts.tcp.established']);
  });

  it('a long one where nothing closes a flow, a short one of open connections and of handshakes', () => {
    expect(saidOf({ timeouts: { 'udp.unreplied': 121, 'udp.replied': 601, icmp: 121, icmpv6: 3600, generic: 1801 } })).toEqual([
      'caution long-without-closing timeouts.udp.unreplied',
      'caution long-without-closing timeouts.udp.replied',
      'caution long-without-closing timeouts.icmp',
      'caution long-without-closing timeouts.icmpv6',
      'caution long-without-closing timeouts.generic',
    ]);
    expect(
      saidOf({
        timeouts: { 'udp.unreplied': 120, 'udp.replied': 600, icmp: 120, generic: 1800, 'tcp.established': 7200, 'tcp.synSent': 10 },
      }),
    ).toEqual([]);
    expect(saidOf({ timeouts: { 'tcp.established': 299, 'tcp.synRecv': 9 } })).toEqual([
      'danger short-established timeouts.tcp.established',
      'caution short-handshake timeouts.tcp.synRecv',
    ]);
    expect(saidOf({ timeouts: { 'tcp.established': 86_401 } })).toEqual(['note long-established timeouts.tcp.established']);
  });

  it('those of rules by their protocol', () => {
    const idle = (proto: string, idleTimeoutSeconds: number): PolicyRule => ({ name: proto, match: { proto }, idleTimeoutSeconds });
    expect(saidOf({ rules: [idle('udp', 601), idle('tcp', 60)] })).toEqual([
      'danger short-established rules.tcp',
      'caution long-without-closing rules.udp',
    ]);
    expect(saidOf({ rules: [idle('udp', 180), idle('tcp', 7200)] })).toEqual([]);
  });
});

it('of an idle timeout that the SIP helper overrides', () => {
  const trunk: PolicyRule = { name: 'trunk', match: { proto: 'udp', dport: port(5060) }, idleTimeoutSeconds: 180 };
  expect(saidOf({ helpers: ['sip'], rules: [trunk] })).toEqual(['caution helper-keeps-longer rules.trunk']);
  expect(saidOf({ rules: [{ ...trunk, match: { proto: 'udp', dport: port(5070) }, helper: 'sip' }] })).toEqual([
    'caution helper-keeps-longer rules.trunk',
  ]);
  expect(saidOf({ helpers: ['ftp'], rules: [trunk] })).toEqual([]);
  expect(saidOf({ helpers: ['sip'], rules: [{ ...trunk, match: { proto: 'udp', dport: port(53) } }] })).toEqual([]);
});

describe('of tracking that is off', () => {
  const bothWays = (match: PolicyMatch): PolicyRule[] => [
    off('there', match),
    off('back', { proto: match.proto, src: match.dst, sport: match.dport }),
  ];

  it('for everything', () => {
    expect(saidOf({ rules: [off('all', {})] })).toEqual(['danger off-everything rules.all']);
  });

  it('in one direction only, unless another rule covers the replies', () => {
    const there = { proto: 'udp', dst: ['10.0.0.0/9', '10.128.0.0/9'], dport: port(514) };
    expect(saidOf({ rules: [off('log', there)] })).toEqual(['caution off-one-way rules.log']);
    expect(saidOf({ rules: bothWays(there) })).toEqual([]);
    expect(saidOf({ rules: [off('log', there), off('wide', { src: ['10.0.0.0/8'] }), off('wider', { dst: ['10.0.0.0/8'] })] })).toEqual([]);
    expect(saidOf({ rules: [off('log', there), off('back', { proto: 'udp', src: ['10.0.0.0/9'], sport: port(514) })] })).toEqual([
      'caution off-one-way rules.log',
    ]);
  });

  it('where a helper exists for the port, or is in use for the protocol', () => {
    expect(saidOf({ rules: bothWays({ proto: 'tcp', dport: port(21) }) })).toEqual([
      'caution off-with-helper rules.there',
      'caution off-with-helper rules.back',
    ]);
    expect(saidOf({ rules: bothWays({ proto: 'udp', dport: port(21) }) })).toEqual([]);
    expect(saidOf({ helpers: ['sip'], rules: [off('all', { proto: 'udp' })] })).toEqual(['caution off-with-helper rules.all']);
    expect(saidOf({ helpers: ['ftp'], rules: [off('all', { proto: 'udp' })] })).toEqual([]);
  });

  it('where addresses are translated, but not of multicast, to which nothing replies', () => {
    const rules = bothWays({ proto: 'udp', dst: ['192.0.2.1'] });
    expect(saidOf({ rules }, { facts: { isNatInUse: true } })).toEqual([
      'danger off-with-nat rules.there',
      'danger off-with-nat rules.back',
    ]);
    expect(saidOf({ rules: [off('m', { dst: ['224.0.0.0/4', 'ff02::/16'] })] }, { facts: { isNatInUse: true } })).toEqual([]);
    expect(saidOf({ rules: [off('m', { dst: ['224.0.0.0/3'] })] })).toEqual(['caution off-one-way rules.m']);
  });

  it('although a rule before it was meant to keep its packets', () => {
    const kept: PolicyRule = { name: 'kept', match: { oif: ['wan1'] }, mode: 'normal' };
    const all = off('m', { dst: ['224.0.0.0/4'] });
    expect(saidOf({ rules: [kept, all] })).toEqual(['caution off-comes-first rules.kept']);
    expect(saidOf({ rules: [all, kept] })).toEqual([]);
    expect(saidOf({ rules: [{ ...kept, match: { iif: ['lan'] } }, all] })).toEqual([]);
  });
});

it('of a mode that changes something for all traffic', () => {
  const rule = (mode: PolicyRule['mode']): PolicyRule => ({ name: 'm', match: {}, mode });
  expect(saidOf({ rules: [rule('strict')] }, { actual: ACTUAL })).toEqual(['caution mode-for-all rules.m']);
  expect(saidOf({ rules: [rule('loose')] }, { actual: ACTUAL })).toEqual(['caution mode-for-all rules.m']);
  expect(saidOf({ rules: [rule('normal')] }, { actual: ACTUAL })).toEqual([]);
  expect(saidOf({ rules: [rule('strict')] })).toEqual([]);
});

it('of a rule that denies everything, and not of one that is about something', () => {
  const rule = (match: PolicyRule['match']): PolicyRule => ({ name: 'm', match, mode: 'deny', answer: 'drop' });
  expect(saidOf({ rules: [rule({})] })).toEqual(['danger deny-everything rules.m']);
  expect(saidOf({ rules: [rule({ proto: 'tcp' })] })).toEqual([]);
});

describe('of limits', () => {
  const facts: GatewayFacts = {
    topSources: [
      { address: '10.1.0.5', connections: 340 },
      { address: '10.2.0.5', connections: 500 },
      { address: '10.1.0.6', connections: 20 },
    ],
    topDestinations: [{ address: '192.0.2.1', connections: 99 }],
  };

  it('under what an address that the rule is about has now', () => {
    expect(saidOf({ rules: [limited({ src: ['10.1.0.0/16'] }, { perSource: 20 })] }, { facts })).toEqual([
      'danger limit-under-use rules.l',
    ]);
    expect(saidOf({ rules: [limited({ src: ['10.1.0.0/16'] }, { perSource: 340 })] }, { facts })).toEqual([]);
    expect(saidOf({ rules: [limited({ src: ['10.1.0.0/16'], proto: 'udp' }, { perSource: 20 })] }, { facts })).toEqual([
      'caution limit-under-use rules.l',
    ]);
    expect(saidOf({ rules: [limited({}, { perDestination: 98 })] }, { facts })).toEqual(['danger limit-under-use rules.l']);
    const [warning] = warningsOf(
      { values: { table: {}, timeouts: {}, rules: [limited({}, { perSource: 1 })] }, origins: {} },
      undefined,
      facts,
    );
    expect(warning!.message).toBe(
      'The limit of 1 connections per source of the rule l is less than what is in use: 10.2.0.5 has 500, 10.1.0.5 has 340, 10.1.0.6 ' +
        'has 20.',
    );
  });

  it('that count only from now on, unless the table counts for them already', () => {
    const rule = limited({ src: ['10.0.0.0/9', '10.128.0.0/9'] }, { perSource: 20 });
    const counting = (limits: Partial<RuleLimits>): Known => ({
      actual: { ...ACTUAL, table: { rules: [{ ...limited({ src: ['10.0.0.0/8'] }, limits), name: 'other' }], helpers: [], strange: [] } },
    });
    expect(saidOf({ rules: [rule] }, { actual: ACTUAL })).toEqual(['note limit-counts-from-now rules.l']);
    expect(saidOf({ rules: [rule] }, counting({ perSource: 21 }))).toEqual(['note limit-counts-from-now rules.l']);
    expect(saidOf({ rules: [rule] }, counting({ perSource: 20, answer: 'reset' }))).toEqual([]);
  });
});

describe('of sizes', () => {
  it('a table that is or was nearly as full', () => {
    const sizes = (max: number, facts: GatewayFacts): string[] => saidOf({ table: { max } }, { facts });
    expect(sizes(1000, { count: 1000 })).toEqual(['danger table-under-use table.max', 'note memory table.max']);
    expect(sizes(1499, { count: 10, peakCount: 1000 })).toEqual(['caution table-under-use table.max', 'note memory table.max']);
    expect(sizes(1500, { peakCount: 1000 })).toEqual(['note memory table.max']);
  });

  it('memory by what was measured, otherwise by what is usual', () => {
    const reasonOf = (facts: GatewayFacts): string =>
      warningsOf({ values: { table: { max: 262_144 }, timeouts: {}, rules: [] }, origins: {} }, undefined, facts)
        .map(({ severity, message, reason }) => `${severity}: ${message} ${reason}`)
        .join();
    expect(reasonOf({})).toBe(
      'note: A full table of 262144 entries takes 92 MB. That is at about 350 bytes an entry. The kernel never swaps it out.',
    );
    expect(reasonOf({ bytesPerEntry: 512, memoryBytes: 512e6 })).toBe(
      'caution: A full table of 262144 entries takes 135 MB. That is at the 512 bytes an entry that were measured here, and more ' +
        'than a quarter of the 512 MB that the gateway has. The kernel never swaps it out.',
    );
  });

  it('buckets outside a quarter of max to max, with what the policy leaves alone', () => {
    const buckets = (table: PolicyValues['table'], known: Known = {}): string[] =>
      saidOf({ table }, known).filter((said) => said.includes('buckets'));
    expect(buckets({ max: 262_144, buckets: 65_536 })).toEqual([]);
    expect(buckets({ max: 262_144, buckets: 262_144 })).toEqual([]);
    expect(buckets({ max: 262_144, buckets: 65_535 })).toEqual(['caution buckets table.buckets']);
    expect(buckets({ max: 5000, buckets: 5001 })).toEqual(['caution buckets table.buckets']);
    expect(buckets({ max: 5000 }, { actual: ACTUAL })).toEqual(['caution buckets table.max']);
    expect(buckets({ max: 5000 })).toEqual([]);
    expect(saidOf({}, { actual: { ...ACTUAL, settings: { nf_conntrack_max: 9, nf_conntrack_buckets: 99 } } })).toEqual([]);
  });
});
