import { expect, it } from 'vitest';
import { addressOf, isAllowedFrom } from './peer-address.ts';

it('an IPv4 gateway has its IPv4 address, whatever socket it arrived at', () => {
  expect(addressOf('10.0.0.1:4000')).toBe('10.0.0.1');
  expect(addressOf('::ffff:10.0.0.1:4000')).toBe('10.0.0.1');
  expect(addressOf('[::ffff:a00:1]:4000')).toBe('10.0.0.1');
  expect(addressOf('[2001:db8::1]:4000')).toBe('2001:db8::1');
  expect(addressOf('2001:db8::1:4000')).toBe('2001:db8::1');
  expect(addressOf('fe80::1%eth0:4000')).toBe('fe80::1');
});

it('a list of prefixes lets in what lies in one of them, and what is no address only without a list', () => {
  expect(isAllowedFrom('198.51.100.7', ['2001:db8::/32', '198.51.100.0/24'])).toBe(true);
  expect(isAllowedFrom('198.51.101.7', ['2001:db8::/32', '198.51.100.0/24'])).toBe(false);
  expect(isAllowedFrom('unknown', ['0.0.0.0/0', '::/0'])).toBe(false);
  expect(isAllowedFrom('unknown', [])).toBe(true);
});
