import { expect, test } from 'vitest';
import { parseIpv4Defaults, parseIpv6Defaults, WanMemory, type Observation } from './wans.ts';

const IPV4 = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
wan1	00000000	010012C6	0003	0	0	100	00000000	0	0	0
wan2	00000000	010013C6	0003	0	0	200	00000000	0	0	0
lan0	0000010A	00000000	0001	0	0	0	0000FFFF	0	0	0
gone	00000000	00000000	0200	0	0	65000	00000000	0	0	0
`;
const IPV6 = `20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     wan1
00000000000000000000000000000000 00 00000000000000000000000000000000 00 20010db8000000000000000000000001 00000400 00000002 00000000 00000003     wan1
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`;

const address = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);
const seen = (change: Partial<Observation>): Observation => ({
  atMs: 1_000,
  defaultRoutes: { ipv4: parseIpv4Defaults(IPV4), ipv6: parseIpv6Defaults(IPV6) },
  addresses: new Map([
    ['wan1', [address(198, 18, 0, 12)]],
    ['wan2', [address(198, 19, 0, 12)]],
  ]),
  operstate: () => 'up',
  ...change,
});

test('default routes are read, and those that reject are not', () => {
  expect(parseIpv4Defaults(IPV4)).toEqual([
    { interface: 'wan1', metric: 100, nextHop: '198.18.0.1' },
    { interface: 'wan2', metric: 200, nextHop: '198.19.0.1' },
  ]);
  expect(parseIpv6Defaults(IPV6)).toEqual([{ interface: 'wan1', metric: 1024, nextHop: '2001:db8::1' }]);
  expect([parseIpv4Defaults(''), parseIpv6Defaults('')]).toEqual([[], []]);
});

test('the route with the lowest metric carries the traffic', () => {
  const wans = new WanMemory().observe(seen({}));
  expect(wans.map((wan) => [wan.name, wan.isUp, wan.carriesDefaultRoute])).toEqual([
    ['wan1', true, true],
    ['wan2', true, false],
  ]);
});

test('an IPv4 route that moves is seen although IPv6 stays, and IPv6 counts if it is alone', () => {
  const memory = new WanMemory();
  memory.observe(seen({}));
  const moved = memory.observe(
    seen({ atMs: 2_000, defaultRoutes: { ipv4: [{ interface: 'wan2', metric: 200 }], ipv6: parseIpv6Defaults(IPV6) } }),
  );
  expect(moved.map((wan) => [wan.name, wan.carriesDefaultRoute, wan.routeLostAtMs])).toEqual([
    ['wan1', false, 2_000],
    ['wan2', true, undefined],
  ]);
  const alone = memory.observe(seen({ defaultRoutes: { ipv4: [], ipv6: parseIpv6Defaults(IPV6) } }));
  expect(alone.map((wan) => wan.carriesDefaultRoute)).toEqual([true, false]);
});

test('a WAN that went down keeps its name, its address and its next hop, and the time it lost the route', () => {
  const memory = new WanMemory(new Map([['wan1', 'fibre']]));
  memory.observe(seen({}));
  const [fibre, wan2] = memory.observe(
    seen({
      atMs: 2_000,
      defaultRoutes: { ipv4: [{ interface: 'wan2', metric: 200 }], ipv6: [] },
      addresses: new Map([['wan2', [address(198, 19, 0, 12)]]]),
      operstate: (name) => (name === 'wan1' ? 'down' : 'up'),
    }),
  );
  expect(fibre).toEqual({
    name: 'fibre',
    interface: 'wan1',
    addresses: [address(198, 18, 0, 12)],
    isUp: false,
    carriesDefaultRoute: false,
    routeLostAtMs: 2_000,
    nextHop: '198.18.0.1',
  });
  expect(wan2!.carriesDefaultRoute).toBe(true);
});

test('the next hop stays that of IPv4 if its route leaves before IPv6’s, and is that of IPv6 once no IPv4 address is left', () => {
  const memory = new WanMemory();
  memory.observe(seen({}));
  const onlyIpv6 = { ipv4: [], ipv6: parseIpv6Defaults(IPV6) };
  expect(memory.observe(seen({ defaultRoutes: onlyIpv6 }))[0]!.nextHop).toBe('198.18.0.1');
  expect(memory.observe(seen({ defaultRoutes: onlyIpv6, addresses: new Map() }))[0]!.nextHop).toBe('2001:db8::1');
});

test('a new address comes first, the previous one stays', () => {
  const memory = new WanMemory();
  memory.observe(seen({}));
  const [wan1] = memory.observe(seen({ addresses: new Map([['wan1', [address(198, 18, 0, 99)]]]) }));
  expect(wan1!.addresses).toEqual([address(198, 18, 0, 99), address(198, 18, 0, 12)]);
});

test('a WAN that failed before the agent restarted is still known by its address', () => {
  const [wan1] = new WanMemory(new Map(), [{ interface: 'wan1', addresses: [address(198, 18, 0, 12)] }]).observe(
    seen({
      defaultRoutes: { ipv4: [{ interface: 'wan2', metric: 200 }], ipv6: [] },
      addresses: new Map([['wan2', [address(198, 19, 0, 12)]]]),
      operstate: (name) => (name === 'wan2' ? 'up' : undefined),
    }),
  );
  expect(wan1).toMatchObject({ interface: 'wan1', addresses: [address(198, 18, 0, 12)], isUp: false });
});

test('an address that moved to another WAN belongs to that WAN only', () => {
  const memory = new WanMemory();
  memory.observe(seen({}));
  const wans = memory.observe(
    seen({
      addresses: new Map([
        ['wan1', [address(198, 18, 0, 99)]],
        ['wan2', [address(198, 18, 0, 12)]],
      ]),
    }),
  );
  expect(wans.map((wan) => wan.addresses)).toEqual([[address(198, 18, 0, 99)], [address(198, 18, 0, 12), address(198, 19, 0, 12)]]);
});
