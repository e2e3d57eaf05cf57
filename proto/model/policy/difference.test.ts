import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryRules } from '../../../test/support/arbitrary-policy.ts';
import type { ActualPolicy } from './actual.ts';
import { canonicalRule } from './canonical-rule.ts';
import { differenceOf, settledValues, type PolicyDifference } from './difference.ts';
import type { PolicyRule, PolicyValues } from './document.ts';
import { HELPERS } from './helpers.ts';

const ACTUAL: ActualPolicy = {
  settings: {
    nf_conntrack_max: 262_144,
    nf_conntrack_buckets: 262_144,
    nf_conntrack_acct: 0,
    nf_conntrack_events: 2,
    nf_conntrack_icmp_timeout: 30,
    nf_conntrack_tcp_loose: 1,
    nf_conntrack_tcp_be_liberal: 1,
    nf_conntrack_checksum: 1,
  },
  unsettable: {},
  helpers: Object.keys(HELPERS).map((name) => ({ name, isLoaded: false })),
};
const values = (some: Partial<PolicyValues>): PolicyValues => ({ table: {}, timeouts: {}, rules: [], ...some });
/** Each as `path: from → to, verdict`. */
const saidOf = ({ changes }: PolicyDifference): string[] =>
  changes.map((change) => {
    const said = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));
    const { verdict } = change;
    return `${change.path}: ${said(change.from)} → ${said(change.to)}, ${verdict.kind === 'refused' ? verdict.reason : verdict.kind}`;
  });
const rule = (name: string, rest: Partial<PolicyRule>): PolicyRule => ({ name, match: {}, ...rest });

it('what happens to drift is no value of the gateway, so that it changes nothing there', () => {
  expect(differenceOf(values({ drift: 'restore' }), ACTUAL)).toEqual(differenceOf(values({}), ACTUAL));
});

describe('a setting', () => {
  it('is set, or unchanged where the gateway has it', () => {
    const wanted = values({ table: { max: 262_144 }, timeouts: { icmp: 10 }, accounting: true, events: 'auto' });
    expect(saidOf(differenceOf(wanted, ACTUAL))).toEqual([
      'table.max: 262144 → 262144, unchanged',
      'timeouts.icmp: 30 → 10, set',
      'accounting: 0 → 1, set',
      'events: 2 → 2, unchanged',
    ]);
  });

  it('is refused with the reason where this kernel lacks it or does not let it be changed', () => {
    const actual = { ...ACTUAL, unsettable: { nf_conntrack_max: 'it belongs to the whole machine, and this gateway is a container.' } };
    expect(saidOf(differenceOf(values({ table: { max: 1000 }, timeouts: { 'udplite.replied': 9 } }), actual))).toEqual([
      'table.max: 262144 → 1000, nf_conntrack_max cannot be set here: it belongs to the whole machine, and this gateway is a container.',
      'timeouts.udplite.replied: undefined → 9, This kernel has no nf_conntrack_udplite_timeout_stream. Leave it out of the policy, ' +
        'or use a kernel that has it.',
    ]);
  });

  it('that cannot be changed and is as it should be is no problem', () => {
    const actual = { ...ACTUAL, unsettable: { nf_conntrack_max: 'it is read-only.' } };
    expect(saidOf(differenceOf(values({ table: { max: 262_144 } }), actual))).toEqual(['table.max: 262144 → 262144, unchanged']);
  });

  it('of buckets is unchanged where the kernel has rounded it up', () => {
    const actual = { ...ACTUAL, settings: { ...ACTUAL.settings, nf_conntrack_buckets: 1024 } };
    expect(saidOf(differenceOf(values({ table: { buckets: 1000 } }), actual))).toEqual(['table.buckets: 1024 → 1000, unchanged']);
    expect(saidOf(differenceOf(values({ table: { buckets: 500 } }), actual))).toEqual(['table.buckets: 1024 → 500, set']);
  });
});

describe('a rule', () => {
  it('is unchanged where the kernel has it in other words', () => {
    const wanted = rule('a', { match: { mark: { mask: 1, value: 1 }, src: ['10.0.0.0/9', '10.128.0.0/9'] }, mode: 'normal' });
    const actual = {
      ...ACTUAL,
      table: {
        rules: [rule('a', { match: { src: ['10.0.0.0/8'], mark: { value: 1, mask: 1 } }, mode: 'normal' })],
        helpers: [],
        strange: [],
      },
    };
    expect(differenceOf(values({ rules: [wanted] }), actual).changes).toMatchObject([{ verdict: { kind: 'unchanged' } }]);
  });

  it('that the policy no longer has goes, and rules that changed places are told', () => {
    const before = [rule('gone', { mode: 'off' }), rule('a', { mode: 'off' }), rule('b', { mode: 'off' })];
    const difference = differenceOf(values({ rules: [before[2]!, before[1]!] }), {
      ...ACTUAL,
      table: { rules: before, helpers: [], strange: ['x'] },
    });
    expect(difference).toMatchObject({
      isReordered: true,
      strange: ['x'],
      changes: [
        { rule: 'b', verdict: { kind: 'unchanged' } },
        { rule: 'a', verdict: { kind: 'unchanged' } },
        { rule: 'gone', from: before[0], verdict: { kind: 'set' } },
      ],
    });
    expect(difference.changes[2]).not.toHaveProperty('to');
  });

  it('brings along what its mode needs of the whole gateway', () => {
    expect(
      saidOf(differenceOf(values({ rules: [rule('a', { mode: 'strict' }), rule('b', { mode: 'strict' })] }), ACTUAL)).slice(0, 2),
    ).toEqual(['rules.a: 1 → 0, set', 'rules.a: 1 → 1, unchanged']);
  });

  it('is refused as a whole where its helper or what its mode needs is not to be had, and then demands nothing', () => {
    const actual: ActualPolicy = { ...ACTUAL, helpers: [], unsettable: { nf_conntrack_tcp_be_liberal: 'it is read-only.' } };
    const wanted = values({ rules: [rule('a', { mode: 'loose', helper: 'ftp', match: { proto: 'tcp' } }), rule('b', { mode: 'strict' })] });
    expect(differenceOf(wanted, actual).changes).toMatchObject([
      {
        rule: 'a',
        verdict: {
          kind: 'refused',
          reason: 'This kernel has no helper ftp. Install the modules of its connection tracking helpers, or leave ftp out.',
        },
      },
      {
        rule: 'b',
        verdict: {
          kind: 'refused',
          reason: 'Mode strict needs nf_conntrack_tcp_be_liberal to be 0. nf_conntrack_tcp_be_liberal cannot be set here: it is read-only.',
        },
      },
    ]);
  });
});

describe('what can be put in place as a whole', () => {
  it('keeps what is refused as it was on the gateway', () => {
    const before = rule('a', { mode: 'normal' });
    const actual: ActualPolicy = {
      ...ACTUAL,
      helpers: [{ name: 'sip', isLoaded: true }],
      table: { rules: [before], helpers: ['tftp'], strange: [] },
    };
    const wanted = values({
      helpers: ['ftp', 'sip'],
      accounting: true,
      rules: [rule('new', { mode: 'normal' }), rule('a', { helper: 'ftp', match: { proto: 'tcp' } })],
    });
    const settled = settledValues(wanted, differenceOf(wanted, actual));
    expect(settled).toMatchObject({
      settings: [{ setting: 'nf_conntrack_acct', to: 1 }],
      helpers: ['sip'],
      rules: [rule('new', { mode: 'normal' }), before],
    });
  });

  it('is what is wanted where nothing is refused, and then nothing is left to do', () => {
    fc.assert(
      fc.property(arbitraryRules, arbitraryRules, (rules, before) => {
        const actual = { ...ACTUAL, table: { rules: before, helpers: [], strange: [] } };
        const settled = settledValues(values({ rules }), differenceOf(values({ rules }), actual));
        expect(settled.rules).toEqual(rules.map(canonicalRule));
        const settings = Object.fromEntries(settled.settings.map(({ setting, to }) => [setting, to]));
        const after = { ...actual, settings: { ...ACTUAL.settings, ...settings }, table: { ...actual.table, rules: settled.rules } };
        const { changes, isReordered } = differenceOf(values({ rules }), after);
        expect(changes.filter(({ verdict }) => verdict.kind !== 'unchanged')).toEqual([]);
        expect(isReordered).toBe(false);
      }),
      { numRuns: 100 },
    );
  });

  it('is nothing new on a gateway where no table can be', () => {
    fc.assert(
      fc.property(arbitraryRules, (rules) => {
        const difference = differenceOf(values({ rules, helpers: ['ftp'] }), {
          ...ACTUAL,
          noTable: 'nft is missing here. Install nftables.',
        });
        expect(settledValues(values({ rules }), difference)).toEqual({ settings: [], helpers: [], rules: [] });
      }),
      { numRuns: 50 },
    );
  });
});
