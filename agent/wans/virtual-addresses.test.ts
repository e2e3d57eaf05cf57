import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { formatAddress, parseAddress } from '../../proto/model/address.ts';
import { Disk } from '../disk/disk.ts';
import type { Link, LinkAddress } from '../netlink/route-messages.ts';
import { findVirtualAddresses, hasVrrpSocket, VirtualAddresses, VirtualAddressStore } from './virtual-addresses.ts';
import type { Observation } from './wans.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-virtual-'));
afterAll(() => rmSync(root, { recursive: true }));

const LINKS: Link[] = [
  { index: 1, name: 'lo' },
  { index: 2, name: 'wan1', hardware: Uint8Array.of(2, 0, 0, 0, 0, 1) },
  { index: 3, name: 'vrrp.51', hardware: Uint8Array.of(0, 0, 0x5e, 0, 1, 51) },
  { index: 4, name: 'ppp0' },
];
const on = (link: number, text: string, bits: number, isKeepalived = false): LinkAddress => ({
  link,
  bytes: parseAddress(text)!,
  bits,
  isPermanent: true,
  isKeepalived,
});
const found = (...addresses: LinkAddress[]): string[] =>
  findVirtualAddresses(LINKS, addresses, false).map(({ address, isCertain }) => `${formatAddress(address)} ${isCertain}`);
const seen = (...addresses: LinkAddress[]): Observation => ({
  atMs: 0,
  defaultRoutes: { ipv4: [], ipv6: [] },
  addresses: new Map(),
  virtualAddresses: findVirtualAddresses(LINKS, addresses, false),
  operstate: () => 'up',
});

test('what keepalived marks, and what is on an interface with a VRRP hardware address, is certainly virtual', () => {
  expect(found(on(2, '198.18.0.12', 16), on(2, '198.18.0.100', 32, true), on(3, '198.18.0.101', 32), on(3, '2001:db8::5', 64))).toEqual([
    '198.18.0.100 true',
    '198.18.0.101 true',
    '2001:db8::5 true',
  ]);
});

test('a host address beside a network address may be virtual; a host address alone, as on a dial-in, and those of loopback are not', () => {
  expect(found(on(2, '198.18.0.12', 16), on(2, '198.18.0.100', 32))).toEqual(['198.18.0.100 false']);
  expect(found(on(4, '198.18.9.9', 32))).toEqual([]);
  expect(found(on(4, 'fe80::1', 64), on(4, '2001:db8::1', 128))).toEqual([]);
  expect(found(on(1, '127.0.0.1', 8), on(1, '198.51.100.10', 32))).toEqual([]);
});

test('where a program speaks VRRP, any permanent address may be virtual', () => {
  const addresses = [
    on(2, '198.18.0.12', 16),
    { ...on(2, '198.18.7.7', 16), isPermanent: false },
    on(2, 'fe80::1', 64),
    on(1, '127.0.0.1', 8),
  ];
  expect(findVirtualAddresses(LINKS, addresses, true).map(({ address, isCertain }) => [formatAddress(address), isCertain])).toEqual([
    ['198.18.0.12', false],
  ]);
  const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n';
  const socket = (local: string) =>
    `${head}  112: ${local} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 69000 2 0000000000000000 0\n`;
  expect(
    [head, '', socket('00000000:0070'), socket('00000000000000000000000000000000:0070'), socket('00000000:0001')].map(hasVrrpSocket),
  ).toEqual([false, false, true, true, false]);
});

test('an address that was virtual stays known after it is gone, and across a restart', () => {
  const start = (...said: string[]): VirtualAddresses => new VirtualAddresses(said, new VirtualAddressStore(root, new Disk()));
  const texts = (virtual: VirtualAddresses): string[] =>
    virtual.all().map(({ address, isCertain }) => `${formatAddress(address)} ${isCertain}`);
  const first = start('2001:DB8::0:7');
  first.observe(seen(on(3, '198.18.0.101', 32), on(2, '198.18.0.12', 16), on(2, '198.18.0.100', 32)));
  first.observe(seen());
  expect(texts(first)).toEqual(['2001:db8::7 true', '198.18.0.101 true', '198.18.0.100 false']);
  expect(texts(start()).sort()).toEqual(['198.18.0.100 false', '198.18.0.101 true', '2001:db8::7 true']);
  const certain = start('198.18.0.100');
  certain.observe(seen(on(2, '198.18.0.12', 16), on(2, '198.18.0.100', 32)));
  expect(texts(certain)).toContain('198.18.0.100 true');
});

test('an invalid file counts as missing', () => {
  writeFileSync(path.join(root, 'virtual-addresses.json'), '[{"address":"nobody","isCertain":true}]');
  expect(new VirtualAddresses([], new VirtualAddressStore(root, new Disk())).all()).toEqual([]);
  const again = new VirtualAddresses([], new VirtualAddressStore(root, new Disk()));
  again.observe(seen(on(3, '198.18.0.101', 32)));
  expect(readFileSync(path.join(root, 'virtual-addresses.json'), 'utf8')).toContain('198.18.0.101');
});
