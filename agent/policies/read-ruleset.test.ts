import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRule } from './read-rule.ts';
import { readRuleset } from './read-ruleset.ts';
import { rulesIn } from './rules-in.ts';

const match = (left: object, right: unknown, op = '=='): object => ({ match: { op, left, right } });
const payload = (protocol: string, field: string): object => ({ payload: { protocol, field } });
const meta = (key: string): object => ({ meta: { key } });
const ct = (key: string, dir?: string): object => ({ ct: { key, ...(dir && { dir }) } });

describe('a rule as nft lists it', () => {
  it('is read with names as with numbers', () => {
    const said = [
      [match(ct('state'), 'new', 'in'), match(ct('state'), 8, 'in')],
      [match(meta('l4proto'), 'ipv6-icmp'), match(meta('l4proto'), 58)],
      [
        match({ '&': [payload('tcp', 'flags'), ['fin', 'syn', 'rst', 'ack']] }, 'syn', '!='),
        match({ '&': [payload('tcp', 'flags'), 23] }, 2, '!='),
        match({ '&': [payload('tcp', 'flags'), [1, 2, 4, 16]] }, 2, '!='),
        match({ '&': [payload('tcp', 'flags'), { '|': ['fin', 'syn', 'rst', 'ack'] }] }, 'syn', '!='),
      ],
      [
        match(ct('proto-dst', 'original'), { set: ['0x50 [invalid type]', { range: ['0x5a [invalid type]', '0x63 [invalid type]'] }] }),
        match(ct('proto-dst', 'original'), { set: [80, { range: [90, 99] }] }),
      ],
      [
        match(payload('ip', 'saddr'), { set: ['10.0.0.1', { range: ['10.0.0.2', '10.0.0.3'] }] }),
        match(payload('ip', 'saddr'), { set: [{ prefix: { addr: '10.0.0.2', len: 31 } }, '10.0.0.1'] }),
      ],
      [match(meta('iifname'), { set: ['lan0'] }), match(meta('iifname'), 'lan0')],
    ];
    for (const ways of said) {
      const read = ways.map((way) => readRule([way]));
      expect(read.map((one) => JSON.stringify(one))).toEqual(ways.map(() => JSON.stringify(read[0])));
      expect(read[0]!.tests).toHaveLength(1);
    }
  });

  it.each([
    ['a comparison that we do not make', match(meta('skuid'), 0)],
    ['a negation', match(meta('l4proto'), 6, '!=')],
    ['other flags', match({ '&': [payload('tcp', 'flags'), 7] }, 2, '!=')],
    ['another state', match(ct('state'), ['new', 'invalid'], 'in')],
    ['a reference to a set', match(payload('ip', 'saddr'), '@banned')],
    ['an address of the other family', match(payload('ip', 'saddr'), '::1')],
    ['no address at all', match(payload('ip', 'saddr'), { set: [] })],
    ['a mask that is not of the mark', match({ '&': [meta('l4proto'), 1] }, 1)],
    ['a port that is none', match(payload('tcp', 'dport'), 'http')],
    ['the reply direction', match(ct('ip saddr', 'reply'), '10.0.0.1')],
    ['another statement', { mangle: { key: meta('mark'), value: 1 } }],
    ['another reject', { reject: { type: 'icmpx', expr: 'admin-prohibited' } }],
    ['a limit that is under', { set: { op: 'add', elem: payload('ip', 'saddr'), set: '@s', stmt: [{ 'ct count': { val: 2 } }] } }],
    [
      'a limit with a second statement',
      { set: { op: 'add', elem: payload('ip', 'saddr'), set: '@s', stmt: [{ 'ct count': { val: 2, inv: true } }, { counter: null }] } },
    ],
  ])('is not ours with %s', (_, expression) => {
    expect(() => readRule([expression])).toThrow(expect.objectContaining({ name: 'NotOurs' }));
  });

  it('is not ours with two comparisons of the same thing', () => {
    expect(() => readRule([match(payload('ip', 'saddr'), '10.0.0.1'), match(payload('ip', 'saddr'), '10.0.0.2')])).toThrow(
      'two comparisons of src',
    );
    expect(readRule([match(payload('tcp', 'sport'), 1), match(payload('tcp', 'dport'), 2)]).tests).toHaveLength(3);
  });
});

describe('a listing', () => {
  it('that is dormant, hooked otherwise or has other objects says so', () => {
    const listing = (...entries: object[]): string => JSON.stringify({ nftables: [{ metainfo: {} }, ...entries] });
    const chain = { name: 'pol_input', type: 'filter', hook: 'input', prio: -10 };
    expect(
      rulesIn(
        readRuleset(
          listing(
            { table: { flags: 'dormant' } },
            { chain: { ...chain, policy: 'drop' } },
            { quota: { name: 'q' } },
            { 'ct timeout': { name: 'to_x', protocol: 'udp', policy: { unreplied: 1, replied: 2 } } },
          ),
        ),
      ).strange,
    ).toEqual([
      'the table has flags, such as dormant',
      'the chain pol_input is hooked otherwise than ours are',
      'there is a quota q',
      'the timeout to_x is not as ours are',
      'the chain pol_input is not ours',
    ]);
  });

  it('may be anything, and is read or refused', () => {
    const kinds = fc.constantFrom('table', 'chain', 'rule', 'set', 'map', 'ct timeout', 'ct helper', 'counter');
    const object = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          name: fc.constantFrom('pol_off', 'pol_new', 'x', 'toString', '__proto__'),
          chain: fc.constantFrom('pol_off', 'pol_new', 'x'),
          comment: fc.constantFrom('0 a', '1< b', 'x'),
          expr: fc.array(
            fc.oneof(
              fc.jsonValue(),
              fc.constantFrom(
                { goto: { target: 'x' } },
                { goto: null },
                { 'ct timeout': 'x' },
                { match: { op: '==', left: { meta: { key: 'mark' } }, right: 5 } },
              ),
            ),
          ),
          type: fc.constantFrom('ipv4_addr', 'ftp', 5),
          protocol: fc.constantFrom('tcp', 'udp', 'gre'),
        },
        { requiredKeys: [] },
      ),
    );
    const listing = fc.oneof(
      fc.string(),
      fc.json(),
      fc.record({ nftables: fc.array(fc.dictionary(kinds, object)) }).map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(listing, (json) => {
        try {
          expect(rulesIn(readRuleset(json))).toMatchObject({ rules: expect.any(Array), strange: expect.any(Array) });
        } catch (error) {
          expect(['ZodError', 'SyntaxError']).toContain((error as Error).name);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
