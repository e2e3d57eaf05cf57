import { describe, expect, it } from 'vitest';
import { unreachable, type Reached } from './reach.ts';

const gateways = (tenantId: string, siteId: string, online: number, offline: number): Reached[] =>
  Array.from({ length: online + offline }, (_, n) => ({
    id: `${tenantId}${siteId}${n}`,
    tenantId,
    tenantName: tenantId,
    siteId: `${tenantId}${siteId}`,
    siteName: siteId,
    isOnline: n < online,
  }));

describe('a place is unreachable', () => {
  it('with more than 55 % of its gateways offline, and not below', () => {
    expect(unreachable(gateways('a', 'x', 45, 55)).why).toEqual([]);
    expect(unreachable(gateways('a', 'x', 44, 56)).why).toEqual([
      'tenant a is unreachable: 56 of 100 gateways are offline',
      'site x of a is unreachable: 56 of 100 gateways are offline',
    ]);
  });

  it('on its own: its neighbours are not', () => {
    const { why, gatewayIds } = unreachable([...gateways('a', 'x', 1, 4), ...gateways('a', 'y', 9, 0), ...gateways('b', 'z', 5, 0)]);
    expect(why).toEqual(['site x of a is unreachable: 4 of 5 gateways are offline']);
    expect([...gatewayIds].every((id) => id.startsWith('ax'))).toBe(true);
    expect(gatewayIds.size).toBe(5);
  });

  it('as a tenant with all of its sites, and not as a small site that is entirely offline', () => {
    expect(unreachable([...gateways('a', 'x', 0, 1), ...gateways('a', 'y', 5, 0)]).why).toEqual([]);
    expect(unreachable([...gateways('a', 'x', 0, 6), ...gateways('a', 'y', 4, 0)]).gatewayIds.size).toBe(10);
  });
});
