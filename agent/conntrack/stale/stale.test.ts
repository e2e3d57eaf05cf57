import { describe, expect, test } from 'vitest';
import { staleness, type Sight, type Staleness, type Way } from './stale.ts';

const [OWN, OTHER] = [0, 1];
const own: Way = { kind: 'wan', wan: OWN, isWorking: true, out: 'x' };
const ownDead: Way = { kind: 'wan', wan: OWN, isWorking: false, out: 'x' };
const other: Way = { kind: 'wan', wan: OTHER, isWorking: true, out: 'x' };
const otherDead: Way = { kind: 'wan', wan: OTHER, isWorking: false, out: 'x' };
const [nowhere, elsewhere, several]: [Way, Way, Way] = [{ kind: 'nowhere' }, { kind: 'elsewhere', out: 'lan0' }, { kind: 'several' }];

/** An outbound flow on a WAN that works and has the route. */
const HEALTHY: Sight = {
  own: OWN,
  isOwnWorking: true,
  outer: 'here',
  isInbound: false,
  hasOuterAddress: true,
  way: own,
  newWay: own,
  nat: 'snat',
  isSourceOther: false,
  isTargetOther: false,
  isConnection: false,
  isAnswered: true,
  hadPacketSince: false,
  beganBefore: undefined,
};
const dead = { isOwnWorking: false };
const gone = { outer: 'gone', isSourceOther: true } as const;
const moved = { way: other, newWay: other, isSourceOther: true };

describe('the measured failures', () => {
  const cases: [what: string, change: Partial<Sight>, staleness: Staleness | undefined][] = [
    ['nothing failed', {}, 'no'],
    ['admin down, snat', { ...dead, ...moved }, 'route-moved'],
    ['admin down, masquerade', { ...dead, nat: 'masquerade', ...moved }, 'no'],
    ['admin down, snat and pinned to an empty table', { ...dead, way: nowhere, newWay: other }, 'wan-down'],
    ['carrier lost and the route stays', { ...dead, way: ownDead, newWay: ownDead }, 'no'],
    ['carrier lost and the kernel skips the route', { ...dead, ...moved }, 'route-moved'],
    ['silent and the route stays', { ...dead, way: ownDead, newWay: ownDead }, 'no'],
    ['silent, snat, route moved', { ...dead, ...moved }, 'route-moved'],
    ['silent, masquerade, route moved', { ...dead, nat: 'masquerade', ...moved }, 'no'],
    ['silent, snat and pinned, route moved', { ...dead, way: ownDead, newWay: other }, 'wan-down'],
    ['silent, masquerade and pinned, route moved', { ...dead, nat: 'masquerade', way: ownDead, newWay: other }, 'wan-down'],
    ['only the route moved, snat', { ...moved }, 'route-moved'],
    ['only the route moved, masquerade', { nat: 'masquerade', ...moved }, 'no'],
    ['only the route moved, pinned: a graceful drain', { way: own, newWay: other }, 'no'],
    ['the address is gone', { ...gone, way: own, newWay: own }, 'address-gone'],
    ['the address is gone, and no way leads out', { ...gone, way: nowhere, newWay: nowhere }, 'no'],
  ];
  test.each(cases)('%s: %s', (_what, change, expected) => expect(staleness({ ...HEALTHY, ...change })).toBe(expected));
});

describe('deleting does not heal', () => {
  test('while the other WAN does not work either', () => {
    expect(staleness({ ...HEALTHY, ...dead, way: otherDead, newWay: otherDead })).toBe('no');
    expect(staleness({ ...HEALTHY, ...dead, way: ownDead, newWay: otherDead })).toBe('no');
    expect(staleness({ ...HEALTHY, ...gone, way: otherDead, newWay: otherDead })).toBe('no');
  });

  test('a flow whose packets go to the LAN or the gateway itself', () => {
    expect(staleness({ ...HEALTHY, isInbound: true, way: elsewhere, newWay: elsewhere })).toBe('no');
  });
});

describe('what cannot be known is not guessed', () => {
  test('if a route has several next hops, the flow’s own among them', () => {
    expect(staleness({ ...HEALTHY, way: several, newWay: several })).toBeUndefined();
    expect(staleness({ ...HEALTHY, ...dead, way: ownDead, newWay: several })).toBeUndefined();
  });

  test('if it is not known whose the address is', () => {
    expect(staleness({ ...HEALTHY, outer: undefined, isSourceOther: true })).toBeUndefined();
    expect(staleness({ ...HEALTHY, own: undefined, isSourceOther: true })).toBeUndefined();
    expect(staleness({ ...HEALTHY, isTargetOther: undefined })).toBeUndefined();
  });

  test('if the rules cannot be read, unless a packet since then shows that the kernel keeps the flow', () => {
    expect(staleness({ ...HEALTHY, nat: undefined, ...moved, isSourceOther: undefined })).toBeUndefined();
    expect(staleness({ ...HEALTHY, nat: undefined, hadPacketSince: true, ...moved, isSourceOther: undefined })).toBe('route-moved');
  });
});

test('an inbound flow is stale only if its WAN lost the route during its lifetime, whatever the NAT', () => {
  const inbound: Sight = { ...HEALTHY, isInbound: true, nat: 'masquerade', ...moved };
  expect([true, false, undefined].map((beganBefore) => staleness({ ...inbound, beganBefore }))).toEqual(['route-moved', 'no', undefined]);
});

test('a flow that would be treated the same if it began now is not stale, wherever its address came from', () => {
  expect(staleness({ ...HEALTHY, outer: undefined })).toBe('no');
  expect(staleness({ ...HEALTHY, own: undefined })).toBe('no');
  expect(staleness({ ...HEALTHY, ...moved, isSourceOther: false })).toBe('no');
  expect(staleness({ ...HEALTHY, outer: 'elsewhere', ...moved })).toBe('no');
});

describe('a flow that leaves with its sender’s address', () => {
  const bare: Sight = { ...HEALTHY, hasOuterAddress: false, nat: undefined, isAnswered: false };
  const cases: [what: string, change: Partial<Sight>, staleness: Staleness | undefined][] = [
    ['no rule translates it', {}, 'no'],
    ['a rule translates it now, and no answer ever came', { isSourceOther: true }, 'untranslated'],
    ['a rule translates it now, and answers have come', { isSourceOther: true, isAnswered: true }, undefined],
    ['the rules cannot be read', { isSourceOther: undefined }, undefined],
    ['its WAN does not work', { isSourceOther: true, way: ownDead, newWay: ownDead }, 'no'],
    ['its mark leads nowhere, and a new mark leads out', { way: nowhere, newWay: other }, 'wan-down'],
    ['its mark leads to a working WAN as well', { way: own, newWay: other }, 'no'],
    ['a hash chooses', { way: several, newWay: several }, undefined],
  ];
  test.each(cases)('%s: %s', (_what, change, expected) => expect(staleness({ ...bare, ...change })).toBe(expected));
});

describe('a flow that would be sent elsewhere now', () => {
  const forwarded: Sight = { ...HEALTHY, isInbound: true, way: own, newWay: own, isTargetOther: true };
  test('is stale, unless it is an answered connection, which another target would reset', () => {
    expect(staleness(forwarded)).toBe('forward-changed');
    expect(staleness({ ...forwarded, isConnection: true })).toBeUndefined();
    expect(staleness({ ...forwarded, isConnection: true, isAnswered: false })).toBe('forward-changed');
  });
});
