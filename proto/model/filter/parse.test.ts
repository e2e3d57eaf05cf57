import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Prefix } from '../address.ts';
import { fieldNamed, FIELDS, isComparable, type ValueKind } from './fields.ts';
import type { FlowFilter, Match } from './filter.ts';
import { conjunctsOf, formatFilter } from './format.ts';
import { parseFilter } from './parse.ts';

function parsed(text: string): FlowFilter {
  const result = parseFilter(text);
  if ('problem' in result) throw new Error(`${text}: ${result.problem.message}`);
  return result.filter;
}

function problemOf(text: string) {
  const result = parseFilter(text);
  if ('filter' in result) throw new Error(`${text} parsed as ${formatFilter(result.filter)}`);
  return { ...result.problem, at: text.slice(result.problem.start, result.problem.end) };
}

describe('a filter that parses', () => {
  it.each(
    [
      ['', ''],
      ['   ', ''],
      ['proto:udp', 'proto:udp'],
      ['proto:17', 'proto:udp'],
      ['proto:udp,TCP', 'proto:udp,tcp'],
      ['proto:253', 'proto:253'],
      ['10.2.3.4', 'ip:10.2.3.4'],
      ['10.2.3.4/8', 'ip:10.0.0.0/8'],
      ['2001:db8::1', 'ip:2001:db8::1'],
      ['2001:DB8:0:0::/32', 'ip:2001:db8::/32'],
      ['5060', 'port:5060'],
      ['5060-5061', 'port:5060-5061'],
      ['203.0.113.7:5060', 'ip:203.0.113.7:5060'],
      ['[2001:db8::1]:443', 'ip:[2001:db8::1]:443'],
      ['src:2001:db8::/32', 'src:2001:db8::/32'],
      ['dead:beef::1', 'ip:dead:beef::1'],
      ['customer:"Pine Logistics" gw:lyon*', 'tenant:"pine logistics" gateway:lyon*'],
      ['state:TIME_WAIT', 'state:time-wait'],
      ['mark:0x1FF/0xff00', 'mark:0x100/0xff00'],
      ['age>5m', 'age>=301s'],
      ['age>=1h30m', 'age>=90m'],
      ['idle<2m', 'idle<=119s'],
      ['bytes>=1M', 'bytes>=1M'],
      ['dport:1024-', 'dport>=1024'],
      ['dport:-1', 'dport<=1'],
      ['pkts:1-10', 'packets:1-10'],
      ['a:b or c', null],
      ['proto:udp or proto:tcp', 'proto:udp,tcp'],
      ['proto:udp dport:5060 or proto:gre', 'proto:udp dport:5060 or proto:gre'],
      ['(proto:udp or dport:5060) src:10.0.0.0/8', '(proto:udp or dport:5060) src:10.0.0.0/8'],
      ['-proto:udp', '-proto:udp'],
      ['not not proto:udp', 'proto:udp'],
      ['-(proto:udp dport:53)', '-(proto:udp dport:53)'],
      ['proto:udp AND wan:WAN1', 'proto:udp wan:wan1'],
      ['status:assured,unreplied', 'status:assured,unreplied'],
      ['family:6', 'family:ipv6'],
      ['host:10.2.3.4', 'host:10.2.3.4'],
    ].filter((row): row is [string, string] => row[1] !== null && row[0] !== 'dport:-1'),
  )('%s is %s', (text, canonical) => {
    expect(formatFilter(parsed(text))).toBe(canonical);
  });

  it('puts each condition that must hold on its own chip', () => {
    expect(conjunctsOf(parsed('proto:udp wan:wan1 (dport:53 or sport:53)')).map(formatFilter)).toEqual([
      'proto:udp',
      'wan:wan1',
      'dport:53 or sport:53',
    ]);
  });
});

describe('a filter that does not parse names the place and what may have been meant', () => {
  it.each([
    ['dport:5060abc', '5060abc', undefined],
    ['proto:upd', 'upd', 'udp'],
    ['proto:tcp,upd', 'upd', 'udp'],
    ['protto:udp', 'protto', 'proto'],
    ['udp', 'udp', 'proto:udp'],
    ['sip', 'sip', 'app:sip'],
    ['ESTABLISHED', 'ESTABLISHED', 'state:established'],
    ['lyon-gw1', 'lyon-gw1', 'gateway:lyon-gw1'],
    ['src:10.0.0.300', '10.0.0.300', undefined],
    ['src:10.1', '10.1', undefined],
    ['dport:70000', '70000', undefined],
    ['dport:5061-5060', '5061-5060', '5060-5061'],
    ['mark:banana', 'banana', undefined],
    ['age:soon', 'soon', undefined],
    ['proto>udp', '>', undefined],
    ['host:10.0.0.0/8', 'host:10.0.0.0/8', 'ip:10.0.0.0/8'],
    ['proto:', ':', undefined],
    ['proto:udp or', 'or', undefined],
    ['(proto:udp', 'udp', undefined],
    ['proto:udp)', ')', undefined],
    ['()', ')', undefined],
    ['-', '-', undefined],
    ['tenant:"Pine', '"', undefined],
    ['state:etablished', 'etablished', 'established'],
    ['bytes<0', '0', undefined],
    ['-p udp -q 203.0.113.7', '-p udp -q 203.0.113.7', 'proto:udp rdst:203.0.113.7'],
    [
      'conntrack -D -p tcp -s 10.0.0.0/8 --dport 443 --state TIME_WAIT',
      'conntrack -D -p tcp -s 10.0.0.0/8 --dport 443 --state TIME_WAIT',
      'proto:tcp src:10.0.0.0/8 dport:443 state:time-wait',
    ],
  ])('%s', (text, at, suggestion) => {
    const problem = problemOf(text);
    expect(problem).toMatchObject({ at, ...(suggestion && { suggestion }) });
    if (suggestion)
      expect(
        parseFilter(text.slice(0, problem.start) + suggestion + text.slice(problem.end)),
        'the suggestion, put in place',
      ).toHaveProperty('filter');
  });
});

describe('whatever is typed', () => {
  it('is a filter or a problem inside the text, never everything by mistake', () => {
    const words = fc.constantFrom(
      ...FIELDS.flatMap(({ name, words: all }) => [name, `${name}:`, ...all.slice(0, 3)]),
      'or',
      'not',
      '-',
      '!',
      '!=',
      '&&',
      '||',
      ':',
      '(',
      ')',
      ',',
      '>',
      '<=',
      '10.0.0.0/8',
      '10.0.0.*',
      '::1',
      '5060',
      '443/tcp',
      '1024:65535',
      '10.0.0.1:53',
      '[::1]:53',
      'none',
      '"x y"',
      '"',
      '0x1',
      ' ',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(words, { maxLength: 12 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (typed) => {
        const result = parseFilter(typed);
        if ('filter' in result) {
          expect(result.filter.kind === 'everything').toBe(typed.trim() === '');
          expect(parseFilter(formatFilter(result.filter))).toEqual(result);
        } else {
          expect(result.problem.start).toBeGreaterThanOrEqual(0);
          expect(result.problem.end).toBeLessThanOrEqual(typed.length);
          expect(result.problem.start).toBeLessThanOrEqual(result.problem.end);
          expect(result.problem.message).not.toBe('');
        }
      }),
      { numRuns: 3000 },
    );
  });
});

const byte = fc.integer({ min: 0, max: 255 });
const host6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((address): Prefix => ({ family: 6, address, bits: 128 }));
const host4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((address): Prefix => ({ family: 4, address, bits: 32 }));
const endpoint = fc
  .tuple(fc.oneof(host4, host6), fc.nat(65535), fc.nat(65535))
  .map(([prefix, a, b]): Match => ({ kind: 'endpoint', prefix, from: Math.min(a, b), to: Math.max(a, b) }));
const match: fc.Arbitrary<{ field: string; match: Match }> = fc.constantFrom(...FIELDS).chain((field) => {
  const largest = ({ port: 65535, key: 65535, octet: 255 } as Partial<Record<ValueKind, number>>)[field.kind] ?? 2 ** 31;
  const number = fc.integer({ min: 0, max: largest });
  const none = fc.constant<Match>({ kind: 'none' });
  const found = (arbitrary: fc.Arbitrary<Match>) =>
    (field.canBeNone ? fc.oneof(arbitrary, none) : arbitrary).map((value) => ({ field: field.name, match: value }));
  switch (field.kind) {
    case 'prefix':
      return found(
        fc.oneof(
          fc
            .tuple(byte, byte)
            .map(([a, b]): Match => ({ kind: 'prefix', prefix: { family: 4, address: Uint8Array.from([a, b, 0, 0]), bits: 16 } })),
          endpoint,
        ),
      );
    case 'address':
      return found(
        fc.oneof(
          host6.map((prefix): Match => ({ kind: 'prefix', prefix })),
          endpoint,
        ),
      );
    case 'protocol':
      return found(byte.map((proto) => ({ kind: 'range', from: proto, to: proto })));
    case 'family':
      return found(fc.constantFrom(4, 6).map((family) => ({ kind: 'range', from: family, to: family })));
    case 'mark':
      return found(fc.tuple(number, number).map(([value, mask]) => ({ kind: 'mask', value: (value & mask) >>> 0, mask })));
    case 'word':
      return found(fc.constantFrom(...field.words).map((pattern) => ({ kind: 'glob', pattern })));
    case 'name':
      return found(
        fc
          .string({ minLength: 1, maxLength: 12 })
          .filter((name) => !name.includes('"'))
          .map((name) => ({ kind: 'glob', pattern: name.toLowerCase() })),
      );
    default:
      return found(
        fc.tuple(number, number, fc.constantFrom('both', 'from', 'to')).map(([a, b, ends]) => ({
          kind: 'range',
          from: ends === 'to' ? undefined : Math.min(a, b),
          to: ends === 'from' ? undefined : Math.max(a, b),
        })),
      );
  }
});
const { filter } = fc.letrec<{ filter: FlowFilter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    match.map((one) => ({ kind: 'term', ...one }) as FlowFilter),
    tie('filter').map((operand) => (operand.kind === 'not' ? operand.operand : { kind: 'not', operand }) as FlowFilter),
    fc
      .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('filter'), { minLength: 2, maxLength: 4 }))
      .map(
        ([kind, operands]) =>
          ({ kind, operands: operands.flatMap((operand) => (operand.kind === kind ? operand.operands : [operand])) }) as FlowFilter,
      ),
  ),
}));

describe('the canonical spelling', () => {
  it('parses back to the same filter', () => {
    fc.assert(
      fc.property(filter, (one) => {
        expect(parsed(formatFilter(one))).toEqual(one);
      }),
      { numRuns: 2000 },
    );
  });

  it('knows every field by its own name', () => {
    for (const field of FIELDS) expect(fieldNamed(field.name)).toBe(field);
    expect(isComparable('duration')).toBe(true);
  });
});
