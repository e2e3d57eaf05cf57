import fc from 'fast-check';
import { expect, test } from 'vitest';
import { callerAddress, parseProxies } from './caller-address.ts';

test('no proxy is trusted by default: the caller is the peer, whatever it forwards', () => {
  for (const claim of [undefined, '203.0.113.9', '203.0.113.9, 198.51.100.1', '127.0.0.1', 'nonsense', ''])
    expect(callerAddress('192.0.2.7', claim, parseProxies(''))).toBe('192.0.2.7');
  fc.assert(fc.property(fc.string(), (claim) => callerAddress('::ffff:127.0.0.1', claim, []) === '127.0.0.1'));
});

test('a configured proxy is trusted about the hop before it, and no further', () => {
  const proxies = parseProxies('192.0.2.7, loopback');
  expect(callerAddress('192.0.2.7', '203.0.113.9, 198.51.100.1', proxies)).toBe('198.51.100.1');
  expect(callerAddress('127.0.0.1', '203.0.113.9, 192.0.2.7', proxies)).toBe('203.0.113.9');
  expect(callerAddress('192.0.2.8', '203.0.113.9', proxies)).toBe('192.0.2.8');
  expect(callerAddress('192.0.2.7', '203.0.113.9, forged\u001b[2J', proxies)).toBe('192.0.2.7');
  expect(callerAddress('192.0.2.7', undefined, proxies)).toBe('192.0.2.7');
  expect(callerAddress(undefined, '203.0.113.9', proxies)).toBeUndefined();
});

test('proxies are addresses, prefixes or one of two keywords; anything else aborts the start', () => {
  expect(parseProxies(' 2001:db8::/32 ,loopback')).toHaveLength(3);
  expect(() => parseProxies('everyone')).toThrow('everyone is not an address');
});
