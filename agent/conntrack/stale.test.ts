import { describe, expect, test } from 'vitest';
import { staleness, type Sight, type Staleness, type Way } from './stale.ts';

const [OWN, OTHER] = [0, 1];
const own: Way = { kind: 'wan', wan: OWN, isWorking: true };
const ownDead: Way = { kind: 'wan', wan: OWN, isWorking: false };
const other: Way = { kind: 'wan', wan: OTHER, isWorking: true };
const otherDead: Way = { kind: 'wan', wan: OTHER, isWorking: false };
const [nowhere, elsewhere, several]: [Way, Way, Way] = [{ kind: 'nowhere' }, { kind: 'elsewhere' }, { kind: 'several' }];

/** An outbound flow of a WAN that works and has the route. */
const HEALTHY: Sight = { wan: OWN, isWanWorking: true, isAddressThere: true, isInbound: false, way: own, newWay: own, nat: 'snat', isMarkHidden: false, hadPacketSince: false, beganBefore: undefined };
const dead = { isWanWorking: false };

describe('the failures that were measured', () => {
  const cases: [what: string, change: Partial<Sight>, staleness: Staleness | undefined][] = [
    ['nothing failed', {}, 'no'],
    ['admin down, snat', { ...dead, way: other, newWay: other }, 'route-moved'],
    ['admin down, masquerade', { ...dead, nat: 'masquerade', way: other, newWay: other }, 'no'],
    ['admin down, snat and pinned to a table that is empty', { ...dead, way: nowhere, newWay: other }, 'wan-down'],
    ['carrier lost and the route stays', { ...dead, way: ownDead, newWay: ownDead }, 'no'],
    ['carrier lost and the kernel passes over the route', { ...dead, way: other, newWay: other }, 'route-moved'],
    ['silent and the route stays', { ...dead, way: ownDead, newWay: ownDead }, 'no'],
    ['silent, snat, route moved', { ...dead, way: other, newWay: other }, 'route-moved'],
    ['silent, masquerade, route moved', { ...dead, nat: 'masquerade', way: other, newWay: other }, 'no'],
    ['silent, snat and pinned, route moved', { ...dead, way: ownDead, newWay: other }, 'wan-down'],
    ['silent, masquerade and pinned, route moved', { ...dead, nat: 'masquerade', way: ownDead, newWay: other }, 'wan-down'],
    ['only the route moved, snat', { way: other, newWay: other }, 'route-moved'],
    ['only the route moved, masquerade', { nat: 'masquerade', way: other, newWay: other }, 'no'],
    ['only the route moved, pinned: a graceful drain', { way: own, newWay: other }, 'no'],
    ['the address is nobody’s any more', { isAddressThere: false, way: own, newWay: own }, 'address-gone'],
    ['the address is nobody’s, and no way leads out', { isAddressThere: false, way: nowhere, newWay: nowhere }, 'no'],
  ];
  test.each(cases)('%s: %s', (_what, change, expected) => expect(staleness({ ...HEALTHY, ...change })).toBe(expected));
});

describe('deleting heals nothing', () => {
  test('while the other WAN does not work either', () => {
    expect(staleness({ ...HEALTHY, ...dead, way: otherDead, newWay: otherDead })).toBe('no');
    expect(staleness({ ...HEALTHY, ...dead, way: ownDead, newWay: otherDead })).toBe('no');
    expect(staleness({ ...HEALTHY, isAddressThere: false, way: otherDead, newWay: otherDead })).toBe('no');
  });

  test('of a flow whose packets go to the LAN or the gateway itself', () => {
    expect(staleness({ ...HEALTHY, isInbound: true, way: elsewhere, newWay: elsewhere })).toBe('no');
  });
});

describe('what cannot be known is not guessed', () => {
  test('where a route has several next hops, the flow’s own among them', () => {
    expect(staleness({ ...HEALTHY, way: several, newWay: several })).toBeUndefined();
    expect(staleness({ ...HEALTHY, ...dead, way: ownDead, newWay: several })).toBeUndefined();
  });

  test('where rules give packets marks that routes depend on', () => {
    expect(staleness({ ...HEALTHY, isMarkHidden: true, way: other, newWay: other })).toBeUndefined();
    expect(staleness({ ...HEALTHY, ...dead, isMarkHidden: true, way: ownDead, newWay: other })).toBeUndefined();
  });

  test('where the rules cannot be read, unless a packet since then shows that the kernel keeps the flow', () => {
    expect(staleness({ ...HEALTHY, nat: undefined, way: other, newWay: other })).toBeUndefined();
    expect(staleness({ ...HEALTHY, nat: undefined, hadPacketSince: true, way: other, newWay: other })).toBe('route-moved');
  });
});

test('a flow that came in is stale only if its WAN lost the route while it lived, whatever the NAT', () => {
  const inbound: Sight = { ...HEALTHY, isInbound: true, nat: 'masquerade', way: other, newWay: other };
  expect([true, false, undefined].map((beganBefore) => staleness({ ...inbound, beganBefore }))).toEqual(['route-moved', 'no', undefined]);
});
