import { describe, expect, test } from 'vitest';
import { parseRuleset } from './ruleset.ts';

type Rule = [chain: string, ...statements: object[]];
const table = { family: 'inet', table: 'gw' };

/** As `nft -j -t list ruleset` lists a table; `hooks` are chains with type and policy. */
function listing(hooks: Record<string, [type: string, hook: string, policy?: string]>, rules: Rule[]): string {
  return JSON.stringify({ nftables: [
    { metainfo: { version: '1.0.6' } },
    ...Object.entries(hooks).map(([name, [type, hook, policy = 'accept']]) => ({ chain: { ...table, name, type, hook, prio: 0, policy } })),
    ...rules.map(([chain, ...expr]) => ({ rule: { ...table, chain, handle: 1, expr } })),
  ] });
}

const match = (left: object, right: unknown, op = '=='): object => ({ match: { op, left, right } });
const out = (right: unknown, op?: string): object => match({ meta: { key: 'oifname' } }, right, op);
const state = (right: unknown): object => match({ ct: { key: 'state' } }, right, 'in');
const flags = match({ '&': [{ payload: { protocol: 'tcp', field: 'flags' } }, ['fin', 'syn', 'rst', 'ack']] }, 'syn', '!=');
const [masquerade, snat, drop] = [{ masquerade: null }, { snat: { addr: '198.18.0.12' } }, { drop: null }];
const xt = (name: string): object => ({ xt: { type: 'target', name } });

describe('kinds of translation by WAN', () => {
  const nat = { post: ['nat', 'postrouting'] as [string, string] };
  const kinds = (...rules: Rule[]) => {
    const facts = parseRuleset(listing(nat, rules));
    return [facts.natKinds('wan1'), facts.natKinds('wan2')];
  };

  test.each<[what: string, rules: Rule[], wan1: string[], wan2: string[]]>([
    ['one interface', [['post', out('wan1'), masquerade]], ['masquerade'], []],
    ['a set of them', [['post', out({ set: ['wan1', 'wan2'] }), snat]], ['snat'], ['snat']],
    ['all but one', [['post', out('wan1', '!='), snat]], [], ['snat']],
    ['a wildcard', [['post', out('wan*'), masquerade]], ['masquerade'], ['masquerade']],
    ['any interface', [['post', masquerade]], ['masquerade'], ['masquerade']],
    ['one of each', [['post', out('wan1'), snat], ['post', masquerade]], ['masquerade', 'snat'], ['masquerade']],
    ['by a jump', [['post', out('wan1'), { jump: { target: 'nat1' } }], ['nat1', snat]], ['snat'], []],
    ['by a map of interfaces', [['post', { vmap: { key: { meta: { key: 'oifname' } }, data: { set: [['wan2', { goto: { target: 'nat2' } }]] } } }], ['nat2', masquerade]], [], ['masquerade']],
    ['a set with a name, which is not listed', [['post', out('@wans'), snat]], ['snat'], ['snat']],
    ['a chain that nothing leads to', [['other', masquerade]], [], []],
    ['iptables-nft', [['post', out('wan1'), xt('MASQUERADE')], ['post', out('wan2'), xt('SNAT')]], ['masquerade'], ['snat']],
    ['a target that is not known', [['post', masquerade], ['post', xt('NETMAP')]], [], []],
    ['a map with a name, which is not listed', [['post', { vmap: { key: { meta: { key: 'oifname' } }, data: '@ways' } }], ['post', masquerade]], [], []],
  ])('%s', (_what, rules, wan1, wan2) => expect(kinds(...rules)).toEqual([wan1, wan2]));
});

describe('marks', () => {
  const marks = (...rules: Rule[]) => parseRuleset(listing({ pre: ['filter', 'prerouting'] }, rules)).marks;
  const set = (value: unknown): object => ({ mangle: { key: { meta: { key: 'mark' } }, value } });

  test('those of the entry are given back', () => {
    expect(marks(['pre', set({ ct: { key: 'mark' } })])).toEqual({ areRestored: true, areGiven: false });
    expect(marks(['pre', set({ '&': [{ ct: { key: 'mark' } }, 0xff00] })])).toEqual({ areRestored: true, areGiven: false });
    expect(marks(['pre', xt('CONNMARK')])).toEqual({ areRestored: true, areGiven: false });
  });

  test('others are the packet’s own', () => {
    expect(marks(['pre', set(0x100)])).toEqual({ areRestored: false, areGiven: true });
    expect(marks(['pre', xt('MARK')])).toEqual({ areRestored: false, areGiven: true });
  });

  test('a mark of the entry is none of the packet', () => {
    expect(marks(['pre', { mangle: { key: { ct: { key: 'mark' } }, value: 0x100 } }])).toEqual({ areRestored: false, areGiven: false });
  });
});

describe('the firewall', () => {
  const forward = (policy: string, ...rules: Rule[]) => parseRuleset(listing({ fwd: ['filter', 'forward', policy] }, rules)).forward;
  const open = { isDropping: false, invalid: 'passed', dropsMidstream: false };

  test('without chains lets everything through', () => expect(parseRuleset(listing({}, [])).forward).toEqual(open));
  test('is known by its policy', () => expect(forward('drop')).toEqual({ ...open, isDropping: true }));
  test('drops what is invalid', () => expect(forward('accept', ['fwd', state('invalid'), drop])).toEqual({ ...open, invalid: 'dropped' }));
  test('drops what is invalid by a map', () => {
    expect(forward('accept', ['fwd', { vmap: { key: { ct: { key: 'state' } }, data: { set: [['established', { accept: null }], ['invalid', drop]] } } }])).toEqual({ ...open, invalid: 'dropped' });
  });
  test('resets what is invalid', () => expect(forward('accept', ['fwd', state('invalid'), { reject: { type: 'tcp reset' } }])).toEqual({ ...open, invalid: 'reset' }));
  test('drops TCP that begins without a SYN', () => expect(forward('accept', ['fwd', state('new'), flags, drop])).toEqual({ ...open, dropsMidstream: true }));
  test('is followed through jumps', () => expect(forward('accept', ['fwd', { jump: { target: 'checks' } }], ['checks', state('invalid'), drop])).toEqual({ ...open, invalid: 'dropped' }));
  test('accepts what is established without being strict', () => expect(forward('accept', ['fwd', state(['established', 'related']), { accept: null }])).toEqual(open));
  test('is not known where a rule drops by what nft cannot show', () => expect(forward('accept', ['fwd', { xt: { type: 'match', name: 'conntrack' } }, drop])).toBeUndefined());
});
