import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { isIPv6, SocketAddress } from 'node:net';
import { describe, expect, it, test } from 'vitest';
import { formatAddress, formatPrefix, parseAddress, parsePrefix, prefixContains } from './address.ts';

const address = fc.constantFrom(4, 16).chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));

describe('an address', () => {
  it('reads back from its text', () => {
    fc.assert(
      fc.property(address, (bytes) => {
        expect(parseAddress(formatAddress(bytes))).toEqual(bytes);
      }),
    );
  });

  it.each(['10.1', '10.0.0.256', '010.0.0.1', '10.0.0.1:53', 'fe80::1%eth0', '::1::', '', ' 10.0.0.1', '0x7f.0.0.1', '1.2.3.4.5'])(
    'is not %s',
    (text) => {
      expect(parseAddress(text)).toBeUndefined();
    },
  );

  it('is formatted by RFC 5952 for IPv6', () => {
    expect(formatAddress(parseAddress('2001:DB8:0:0:0:0:0:1')!)).toBe('2001:db8::1');
  });
});

describe('a prefix', () => {
  it('contains exactly the addresses that share its leading bits', () => {
    fc.assert(
      fc.property(address, address, fc.nat(128), (base, other, wanted) => {
        const bits = Math.min(wanted, base.length * 8);
        const prefix = parsePrefix(`${formatAddress(base)}/${bits}`)!;
        const head = (bytes: Uint8Array) =>
          [...bytes]
            .map((byte) => byte.toString(2).padStart(8, '0'))
            .join('')
            .slice(0, bits);
        expect(prefixContains(prefix, base)).toBe(true);
        expect(prefixContains(prefix, other)).toBe(other.length === base.length && head(other) === head(base));
        expect(parsePrefix(formatPrefix(prefix))).toEqual(prefix);
      }),
    );
  });

  it.each(['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', '::/129', '10/8'])('is not %s', (text) => {
    expect(parsePrefix(text)).toBeUndefined();
  });
});

test('IPv4 is parsed as the library does, whatever the text', () => {
  const part = fc.oneof(
    fc.integer({ min: 0, max: 300 }).map(String),
    fc.constantFrom('', '00', '01', ' 1', '1e1', '-1', '0x1', '256', '999', '+1', '１'),
  );
  const text = fc
    .oneof(
      fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('.')),
      fc.ipV4(),
      fc.string({ maxLength: 16 }),
    )
    .filter((one) => !one.includes(':'));
  fc.assert(
    fc.property(text, (one) => {
      const wanted = ipaddr.IPv4.isValidFourPartDecimal(one) ? ipaddr.IPv4.parse(one).toByteArray() : undefined;
      expect(parseAddress(one) && [...parseAddress(one)!]).toEqual(wanted);
    }),
    { numRuns: 5000 },
  );
});

test('IPv6 is parsed as the system does, whatever the text', () => {
  const asTheSystem = (one: string): string => new SocketAddress({ address: one, family: 'ipv6' }).address;
  const part = fc.oneof(
    fc.integer({ min: 0, max: 0xffff }).map((group) => group.toString(16)),
    fc.constantFrom('', '', '0', '0000', '00000', '10000', 'ABCD', 'g', ' 1', '-1', '+1', '1.2.3.4', '1.2.3', '01.2.3.4', '％'),
  );
  const text = fc
    .oneof(
      fc.array(part, { minLength: 2, maxLength: 10 }).map((parts) => parts.join(':')),
      fc.ipV6(),
      fc.ipV6().map((one) => one.toUpperCase()),
      fc.tuple(fc.ipV6(), fc.nat(), fc.string({ maxLength: 2 })).map(([one, at, other]) => one.slice(0, at % one.length) + other),
      fc.string({ maxLength: 16, unit: fc.constantFrom('0', 'f', ':', '::', '.', '%', '1.2.3.4') }),
    )
    .filter((one) => one.includes(':'));
  fc.assert(
    fc.property(text, (one) => {
      const parsed = parseAddress(one);
      expect(parsed !== undefined).toBe(isIPv6(one) && !one.includes('%'));
      if (parsed) expect(asTheSystem(new ipaddr.IPv6([...parsed]).toNormalizedString())).toBe(asTheSystem(one));
    }),
    { numRuns: 20_000 },
  );
});
