import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAddress, parsePrefix } from '../../../proto/model/address.ts';
import { networkU32 } from '../../netlink/attributes.ts';
import { Partition, portPieces } from './partition.ts';

const prefixes = (...texts: string[]) =>
  texts.map((text) => {
    const { address, bits } = parsePrefix(text)!;
    return { bytes: address, bits };
  });
const v4 = (text: string) => networkU32(parseAddress(text)!, 0);

test('addresses of one piece lie in the same prefixes', () => {
  const partition = new Partition(prefixes('10.0.0.0/8', '10.1.0.0/16', '0.0.0.0/0', '255.255.255.255/32'));
  const pieces = [
    '9.255.255.255',
    '10.0.0.0',
    '10.0.255.255',
    '10.1.0.0',
    '10.1.255.255',
    '10.2.0.0',
    '10.255.255.255',
    '11.0.0.0',
    '255.255.255.254',
    '255.255.255.255',
  ].map((text) => partition.of4(v4(text)));
  const [a, b, b2, c, c2, d, d2, e, e2, f] = pieces;
  expect([b2, c2, d2, e2]).toEqual([b, c, d, e]);
  expect(new Set([a, b, c, d, e, f]).size).toBe(6);
});

test('addresses are found among many borders as among few', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(0xffffffff), fc.integer({ min: 8, max: 32 })), { minLength: 1, maxLength: 300 }),
      fc.array(fc.nat(0xffffffff), { maxLength: 20 }),
      (cuts, others) => {
        const bytesOf = (address: number): Uint8Array => Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address);
        const partition = new Partition(cuts.map(([address, bits]) => ({ bytes: bytesOf(address), bits })));
        const borders = [
          ...new Set(
            cuts.flatMap(([address, bits]) => {
              const size = 2 ** (32 - bits);
              const start = Math.floor(address / size) * size;
              return [start, start + size];
            }),
          ),
        ];
        for (const address of [...others, ...cuts.map(([one]) => one)])
          expect(partition.of4(address)).toBe(borders.filter((border) => border <= address).length);
      },
    ),
    { numRuns: 60 },
  );
});

test('IPv6 is cut in the same way, separately from IPv4', () => {
  const partition = new Partition(prefixes('2001:db8::/32', '::/0'));
  const [before, first, last, after] = [
    '2001:db7:ffff:ffff:ffff:ffff:ffff:ffff',
    '2001:db8::',
    '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
    '2001:db9::',
  ].map((text) => partition.of6(parseAddress(text)!));
  expect(first).toBe(last);
  expect(new Set([before, first, after]).size).toBe(3);
  expect(partition.of4(v4('10.0.0.1'))).toBe(0);
});

test('ports that no rule distinguishes are one piece', () => {
  const pieces = portPieces([
    [80, 80],
    [5060, 5061],
  ]);
  expect(pieces[5060]).toBe(pieces[5061]);
  expect(new Set([79, 80, 81, 5060, 5062].map((port) => pieces[port])).size).toBe(5);
  expect(new Set(portPieces(Array.from({ length: 0x8000 }, (_, n) => [2 * n, 2 * n]))).size).toBe(0x1_0000);
});
