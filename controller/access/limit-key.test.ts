import { expect, it } from 'vitest';
import { addressKey } from './limit-key.ts';

it('counts IPv4 per address, IPv6 per /64, and everything else as one party', () => {
  expect(['192.0.2.1', '::ffff:192.0.2.1', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::9', 'forged', ''].map(addressKey)).toEqual([
    '192.0.2.1',
    '192.0.2.1',
    '2001:db8:1:2::/64',
    '2001:db8:1:2::/64',
    'unknown',
    'unknown',
  ]);
});
