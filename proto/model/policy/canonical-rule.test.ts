import fc from 'fast-check';
import { expect, it } from 'vitest';
import { arbitraryRule } from '../../../test/support/arbitrary-policy.ts';
import { formatPrefix, parseAddress, parsePrefix, prefixContains } from '../address.ts';
import { canonicalMatch, canonicalRule, mergedPrefixes } from './canonical-rule.ts';

it('adjacent and nested prefixes become one, and the others stay apart', () => {
  expect(mergedPrefixes(['10.0.0.2', '10.0.0.3', '10.0.0.1', 'fd00::/9', '10.0.0.2/31', 'fd80::/9', '0.0.0.0/32'])).toEqual([
    '0.0.0.0',
    '10.0.0.1',
    '10.0.0.2/31',
    'fd00::/8',
  ]);
  expect(mergedPrefixes(['0.0.0.0/1', '128.0.0.0/1', '::/0', 'ffff::'])).toEqual(['0.0.0.0/0', '::/0']);
});

const address = fc.oneof(
  fc.tuple(fc.nat(3), fc.nat(255)).map(([net, host]) => `10.0.${net}.${host}`),
  fc.nat(600).map((host) => `fd00::${host.toString(16)}`),
);
const prefix = fc.tuple(address, fc.integer({ min: 1, max: 9 })).map(([text, host]) => {
  const whole = parsePrefix(text)!;
  return formatPrefix(parsePrefix(`${text}/${whole.bits - host}`)!);
});

it('an address is in the merged prefixes exactly if it was in one of them', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(address, prefix), { maxLength: 12 }), address, (prefixes, tried) => {
      const isIn = (list: readonly string[]): boolean => list.some((one) => prefixContains(parsePrefix(one)!, parseAddress(tried)!));
      expect(isIn(mergedPrefixes(prefixes))).toBe(isIn(prefixes));
    }),
    { numRuns: 2000 },
  );
});

it('no packet has addresses of two families, so that those without a partner are left out', () => {
  expect(canonicalMatch({ src: ['10.0.0.0/8', 'fd00::/8'], dst: ['::1'] })).toEqual({ src: ['fd00::/8'], dst: ['::1'] });
});

it('an interface that a wildcard stands for is left out', () => {
  expect(canonicalMatch({ iif: ['wan1', 'wan*', 'lan0', 'lan0', 'wan2*', 'wan'] })).toEqual({ iif: ['lan0', 'wan*'] });
});

it('what is canonical stays as it is', () => {
  fc.assert(
    fc.property(arbitraryRule, (rule) => {
      const once = canonicalRule(rule);
      expect(canonicalRule(once)).toEqual(once);
    }),
  );
});
