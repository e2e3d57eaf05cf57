import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalRule } from '../../proto/model/policy/canonical-rule.ts';
import type { PolicyRule, RuleLimits } from '../../proto/model/policy/document.ts';
import { HELPERS } from '../../proto/model/policy/helpers.ts';
import { arbitraryRules } from '../../test/support/arbitrary-policy.ts';
import { chainObject, ruleObject } from './nft-json.ts';
import { POLICY_TABLE, TABLE_LAYOUT, type PolicyTable, type TableRule } from './policy-table.ts';
import { readRuleset } from './read-ruleset.ts';
import { formatComment, parseComment } from './rule-comment.ts';
import { contentHash } from './content-hash.ts';
import { rulesIn } from './rules-in.ts';
import { rulesetOf } from './ruleset.ts';
import { NFT_MSG } from '../firewall/rules/nf-tables.ts';
import { saidIn } from './as-made.ts';
import { tableFiles } from './table-files.ts';
import { replacement } from './table-messages.ts';

const helpers = fc.subarray(Object.keys(HELPERS));
const EXAMPLE: PolicyRule[] = [
  { name: 'trunk', match: { proto: 'udp', dport: [{ from: 5060, to: 5060 }] }, mode: 'normal', idleTimeoutSeconds: 180 },
  { name: 'guests', match: { src: ['10.1.0.0/16'] }, limits: { perSource: 20, answer: 'reset' } },
  { name: 'multicast', match: { dst: ['224.0.0.0/4'] }, mode: 'off' },
];

/** The rules of a table, each as `chain: comment tests > acts`. */
const linesOf = (table: PolicyTable | undefined, chains: RegExp): string[] =>
  table!.chains
    .filter(({ name }) => chains.test(name))
    .flatMap(({ name, rules }) => rules.map((rule) => `${name}: ${textOf(rule)}`.replaceAll(/_[0-9a-f]{16}/g, '_…')));
const textOf = ({ comment, tests, acts }: TableRule): string => {
  const said = tests.map(({ on, ...rest }) => [on, ...Object.values(rest).map((value) => JSON.stringify(value))].join(' ')).join(', ');
  return [comment, said, '>', acts.map((act) => Object.values(act).join(' ')).join(', ')].filter((part) => part).join(' ');
};

/** What nft would list of a table, as far as it is made by JSON, with the objects that are made by text. */
function listingOf(table: PolicyTable): string {
  return JSON.stringify({
    nftables: [
      { metainfo: { version: '1.0.6' } },
      { table: { family: 'inet', name: POLICY_TABLE.table, handle: 1 } },
      ...table.timeouts.map(({ name, proto, seconds }) => ({
        'ct timeout': { ...POLICY_TABLE, name, protocol: proto, l3proto: 'inet', policy: seconds },
      })),
      ...table.helpers.map(({ name, type, proto }) => ({ 'ct helper': { ...POLICY_TABLE, name, type, protocol: proto, l3proto: 'inet' } })),
      ...table.limits.map(({ name, family }) => ({ set: { ...POLICY_TABLE, name, type: `ipv${family}_addr`, size: 65_535 } })),
      ...table.chains.map(chainObject),
      ...table.chains.flatMap(({ name, rules }) => rules.map((rule) => ruleObject(name, rule))),
    ],
  });
}

describe('the table of rules', () => {
  it('of the documented example has them in order, each where it is decided', () => {
    expect(linesOf(rulesetOf({ rules: EXAMPLE, helpers: ['ftp'] }), /./)).toEqual([
      'he_…: > helper he_…',
      'li_…: > limit li_src4_… src 4 20, goto pol_reset',
      'pol_early_in: state "new" > jump pol_timeouts',
      'pol_early_in: state "new" > jump pol_helpers',
      'pol_early_out: state "new" > jump pol_timeouts',
      'pol_early_out: state "new" > jump pol_helpers',
      'pol_forward: state "invalid" > jump pol_invalid',
      'pol_forward: state "new" > jump pol_new',
      'pol_forward: state "new", unconfirmed > jump pol_limits',
      'pol_helpers: proto 6, dport "packet" [{"from":21,"to":21}] > goto he_…',
      'pol_input: state "invalid" > jump pol_invalid',
      'pol_input: state "new" > jump pol_new',
      'pol_input: state "new", unconfirmed > jump pol_limits',
      'pol_invalid: 0 trunk proto 17, dport "packet" [{"from":5060,"to":5060}] > goto pol_normal',
      'pol_invalid: 0< trunk proto 17, sport "packet" [{"from":5060,"to":5060}] > goto pol_normal',
      'pol_limits: 1 guests src "flow" 4 ["10.1.0.0/16"] > goto li_…',
      'pol_new: 0 trunk proto 17, dport "flow" [{"from":5060,"to":5060}] > goto pol_normal',
      'pol_new: 0< trunk proto 17, sport "flow" [{"from":5060,"to":5060}] > goto pol_normal',
      'pol_normal: state "invalid" > drop',
      'pol_normal: state "new", midstream > drop',
      'pol_off: 0 trunk proto 17, dport "packet" [{"from":5060,"to":5060}] > return',
      'pol_off: 2 multicast dst "packet" 4 ["224.0.0.0/4"] > goto pol_untracked',
      'pol_raw_in: > jump pol_off',
      'pol_raw_out: > jump pol_off',
      'pol_reset: proto 6 > reset',
      'pol_reset: > drop',
      'pol_timeouts: 0 trunk proto 17, dport "packet" [{"from":5060,"to":5060}] > goto to_…',
      'pol_untracked: > notrack',
      'to_…: > timeout to_…',
    ]);
  });

  it('without rules and helpers is none', () => {
    expect(rulesetOf({ rules: [], helpers: [] })).toBeUndefined();
  });

  it('keeps packets of another mode from a later off, where zone and way out do not matter', () => {
    const rule = (name: string, rest: Partial<PolicyRule>): PolicyRule => ({ name, match: {}, mode: 'normal', ...rest });
    const rules = [
      rule('a', {}),
      rule('b', { match: { zone: 3 } }),
      rule('c', { match: { oif: ['x'] } }),
      rule('off', { mode: 'off' }),
      rule('d', {}),
    ];
    expect(linesOf(rulesetOf({ rules, helpers: [] }), /pol_off/)).toEqual(['pol_off: 0 a > return', 'pol_off: 3 off > goto pol_untracked']);
  });

  it('lets spared packets in before all rules, and keeps them and the replies tracked', () => {
    const spared = [{ proto: 'tcp', src: ['192.0.2.1'], sport: [{ from: 443, to: 443 }] }];
    expect(
      linesOf(rulesetOf({ rules: EXAMPLE, helpers: [], spared }), /pol_untracked|pol_input/).filter((line) => /accept|notrack/.test(line)),
    ).toEqual([
      'pol_input: src "packet" 4 ["192.0.2.1"], proto 6, sport "packet" [{"from":443,"to":443}] > accept',
      'pol_untracked: src "packet" 4 ["192.0.2.1"], proto 6, sport "packet" [{"from":443,"to":443}] > accept',
      'pol_untracked: dst "packet" 4 ["192.0.2.1"], proto 6, dport "packet" [{"from":443,"to":443}] > accept',
      'pol_untracked: > notrack',
    ]);
  });

  it('has another number of its layout whenever the same rules become another table', () => {
    const rules: PolicyRule[] = [
      ...EXAMPLE,
      { name: 'sip', match: { proto: 'udp', dport: [{ from: 5070, to: 5080 }] }, mode: 'strict', helper: 'sip' },
      { name: 'few', match: { iif: ['lan0'] }, mode: 'loose', limits: { perSource: 5, perDestination: 7, answer: 'drop' } },
      { name: 'rest', match: { proto: 'tcp' }, mode: 'deny', answer: 'reset' },
    ];
    const spared = [{ proto: 'tcp', src: ['192.0.2.1'], sport: [{ from: 443, to: 443 }] }];
    expect([TABLE_LAYOUT, contentHash(rulesetOf({ rules, helpers: ['ftp'], spared }))]).toEqual([2, '2b524b706e24e80d']);
  });

  it('reads back as the rules and helpers that it was made of', () => {
    fc.assert(
      fc.property(arbitraryRules, helpers, (rules, used) => {
        const table = rulesetOf({ rules, helpers: used, timeouts: { 'tcp.timeWait': 20 } });
        if (!table) return;
        expect(rulesIn(readRuleset(listingOf(table)))).toEqual({ rules: rules.map(canonicalRule), helpers: used.toSorted(), strange: [] });
      }),
      { numRuns: 150 },
    );
  });

  it('tells of any rule that is not there, or is in another place', () => {
    fc.assert(
      fc.property(arbitraryRules, fc.nat(), fc.boolean(), (rules, at, isMoved) => {
        const table = rulesetOf({ rules, helpers: ['ftp'] })!;
        const all = table.chains.filter(
          ({ name, rules: inChain }) => inChain.length > (isMoved ? 1 : 0) && !/_reset|_normal|_strict/.test(name),
        );
        const chain = all[at % Math.max(1, all.length)];
        if (!chain) return;
        const before = JSON.stringify(chain.rules);
        chain.rules = isMoved ? chain.rules.toReversed() : chain.rules.slice(1);
        if (JSON.stringify(chain.rules) === before) return;
        const { rules: read, strange } = rulesIn(readRuleset(listingOf(table)));
        expect(strange.length > 0 || JSON.stringify(read) !== JSON.stringify(rules.map(canonicalRule))).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});

describe('a set that counts', () => {
  const setsOf = (limits: RuleLimits, rest: Partial<PolicyRule> = {}): string[] =>
    rulesetOf({ rules: [{ name: 'a', match: { src: ['10.0.0.0/8', '::1'] }, ...rest, limits }], helpers: [] })!.limits.map(
      ({ name }) => name,
    );
  const before = setsOf({ perSource: 20, answer: 'drop' });

  it('has the same name whatever else changes', () => {
    expect(before).toHaveLength(2);
    expect(setsOf({ perSource: 20, answer: 'reset' })).toEqual(before);
    expect(
      setsOf({ perSource: 20, answer: 'drop' }, { name: 'b', match: { src: ['::1', '10.0.0.0/9', '10.128.0.0/9'] }, mode: 'strict' }),
    ).toEqual(before);
    expect(setsOf({ perSource: 20, perDestination: 3, answer: 'drop' })).toEqual(expect.arrayContaining(before));
  });

  it('has another for another limit, another match and the other side', () => {
    const others = [
      setsOf({ perSource: 21, answer: 'drop' }),
      setsOf({ perDestination: 20, answer: 'drop' }),
      setsOf({ perSource: 20, answer: 'drop' }, { match: { src: ['10.0.0.0/8', '::2'] } }),
    ];
    expect(others.flat().filter((name) => before.includes(name))).toEqual([]);
  });

  it('is there for the families that the rule is about', () => {
    expect(setsOf({ perSource: 1, answer: 'drop' }, { match: { dst: ['10.0.0.1'] } }).map((name) => name.slice(0, 8))).toEqual([
      'li_src4_',
    ]);
    expect(setsOf({ perSource: 1, answer: 'drop' }, { match: {} }).map((name) => name.slice(0, 8))).toEqual(['li_src4_', 'li_src6_']);
  });
});

describe('a rule that denies', () => {
  const at = (port: number) => ({ proto: 'tcp', dport: [{ from: port, to: port }] });
  const lines = linesOf(
    rulesetOf({
      rules: [
        { name: 'web', match: at(443), mode: 'normal' },
        { name: 'lan', match: { iif: ['lan'] }, mode: 'deny', answer: 'reset' },
        { name: 'after', match: {}, mode: 'loose' },
      ],
      helpers: [],
      spared: [{ proto: 'tcp', dport: [{ from: 22, to: 22 }] }],
    }),
    /^pol_(deny|forward|input|output)$/,
  );

  it('is asked about every packet of a flow, after the rules before it, and never about what is announced, related or of the loopback', () => {
    expect(lines.filter((line) => line.startsWith('pol_deny'))).toEqual([
      'pol_deny: iif ["lo"] > return',
      'pol_deny: oif ["lo"] > return',
      'pol_deny: state "related" > return',
      'pol_deny: expected > return',
      'pol_deny: 0 web proto 6, dport "flow" [{"from":443,"to":443}] > return',
      'pol_deny: 1 lan direction "original", iif ["lan"] > goto pol_reset',
      'pol_deny: 1 lan direction "reply", oif ["lan"] > goto pol_reset',
    ]);
  });

  it('leaves alone the replies of what a rule before it keeps by a mark, which they do not have', () => {
    const marked: PolicyRule = { name: 'marked', match: { ...at(80), mark: { value: 1, mask: 0xff } }, mode: 'normal' };
    const table = rulesetOf({ rules: [marked, { name: 'rest', match: {}, mode: 'deny', answer: 'drop' }], helpers: [] });
    expect(linesOf(table, /^pol_deny$/).slice(-3)).toEqual([
      'pol_deny: 0 marked direction "original", proto 6, dport "flow" [{"from":80,"to":80}], mark 1 255 > return',
      'pol_deny: 0 marked direction "reply", proto 6, dport "flow" [{"from":80,"to":80}] > return',
      'pol_deny: 1 rest > goto pol_drop',
    ]);
  });

  it('is asked in forward, about what comes to this gateway and what that answers, after what is spared', () => {
    expect(lines.filter((line) => line.includes('jump pol_deny') || line.includes('accept'))).toEqual([
      'pol_forward: state "tracked" > jump pol_deny',
      'pol_input: proto 6, dport "packet" [{"from":22,"to":22}] > accept',
      'pol_input: direction "original" > jump pol_deny',
      'pol_output: proto 6, sport "packet" [{"from":22,"to":22}] > accept',
      'pol_output: direction "reply" > jump pol_deny',
    ]);
  });
});

describe('what is given to nft', () => {
  it('as text is words of ours, numbers and hashes, whatever is asked', () => {
    fc.assert(
      fc.property(arbitraryRules, (rules) => {
        const table = rulesetOf({ rules, helpers: [] });
        if (table) expect(tableFiles(table).prepare).toMatch(/^[a-z0-9_ {}:;,=\n]*$/);
      }),
      { numRuns: 100 },
    );
  });

  it('as JSON has text of the document in comments alone', () => {
    fc.assert(
      fc.property(arbitraryRules, (rules) => {
        JSON.parse(tableFiles(rulesetOf({ rules, helpers: ['sip'] })!).replace, (key: string, value: unknown) => {
          if (typeof value === 'string' && key !== 'comment')
            expect(value).toMatch(/^([=!]=|tcp reset|ip6? [sd]addr|@?[A-Za-z0-9_.:-]+\*?)$/);
          return value;
        });
      }),
      { numRuns: 100 },
    );
  });
});

describe('what the kernel is given', () => {
  it('removes what is there and not wanted, by name, before anything is made', () => {
    const names = {
      chains: ['x; y'],
      sets: [{ name: 'li_src4_0' }],
      timeouts: ['somebody’s'],
      helpers: ['h'],
      others: [{ kind: 'map' as const, name: 'm' }],
    };
    const messages = replacement(rulesetOf({ rules: EXAMPLE, helpers: [] })!, names).map(({ type }) => type);
    const kinds = (...wanted: number[]): number[] => messages.filter((type) => wanted.includes(type));
    expect(kinds(NFT_MSG.DELRULE, NFT_MSG.DELSET, NFT_MSG.DELCHAIN, NFT_MSG.DELOBJ)).toEqual([
      NFT_MSG.DELRULE,
      NFT_MSG.DELSET,
      NFT_MSG.DELSET,
      NFT_MSG.DELCHAIN,
      NFT_MSG.DELOBJ,
    ]);
    expect(messages.lastIndexOf(NFT_MSG.DELCHAIN)).toBeLessThan(messages.indexOf(NFT_MSG.NEWSET));
    expect(messages.at(-1)).toBe(NFT_MSG.DELOBJ);
  });

  it('reads back as what was meant, whatever the rules are', () => {
    fc.assert(
      fc.property(arbitraryRules, (rules) => {
        const table = rulesetOf({ rules, helpers: [] });
        const messages = table ? replacement(table, undefined) : [];
        const chains = saidIn(messages);
        expect(chains.map(({ name }) => name)).toEqual(table?.chains.map(({ name }) => name) ?? []);
        expect(chains.map((chain) => chain.rules.map(({ comment }) => comment))).toEqual(
          table?.chains.map((chain) => chain.rules.map(({ comment }) => comment)) ?? [],
        );
        expect(
          chains.flatMap((chain) => chain.rules).flatMap(({ expressions }) => expressions.filter(({ kind }) => kind === 'chance')),
        ).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a comment', () => {
  it('parses back, whatever the name is', () => {
    fc.assert(
      fc.property(fc.nat(199), fc.string({ minLength: 1 }), fc.boolean(), (index, name, isReply) => {
        expect(parseComment(formatComment({ index, name, isReply }))).toEqual({ index, name, ...(isReply && { isReply }) });
      }),
    );
  });

  it('of somebody else is none of ours', () => {
    expect(['', 'x', '1', '1 ', '12345 x', '-1 x'].map(parseComment)).toEqual(Array(6).fill(undefined));
  });
});
