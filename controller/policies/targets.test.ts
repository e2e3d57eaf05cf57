import { describe, expect, it } from 'vitest';
import { reaches, whyNotFor, type TargetColumns } from './targets.ts';

const place = { id: 'g', tenantId: 't', siteId: 's', tags: ['vpn', 'edge'] };
const policy = (tenantId: string | null, change: Partial<TargetColumns>) => ({
  tenantId,
  level: 'tenant',
  tag: null,
  siteId: null,
  gatewayId: null,
  ...change,
});

describe('a policy', () => {
  it.each([
    ['the fleet', policy(null, { level: 'fleet' }), true],
    ['a tag everywhere', policy(null, { level: 'tag', tag: 'vpn' }), true],
    ['a tag that it has not', policy(null, { level: 'tag', tag: 'Vpn' }), false],
    ['its tenant', policy('t', {}), true],
    ['another tenant', policy('u', {}), false],
    ['a tag in its tenant', policy('t', { level: 'tag', tag: 'edge' }), true],
    ['the same tag in another tenant', policy('u', { level: 'tag', tag: 'edge' }), false],
    ['its site', policy('t', { level: 'site', siteId: 's' }), true],
    ['another site', policy('t', { level: 'site', siteId: 'r' }), false],
    ['itself', policy('t', { level: 'gateway', gatewayId: 'g' }), true],
    ['itself, said by another tenant', policy('u', { level: 'gateway', gatewayId: 'g' }), false],
    ['another gateway', policy('t', { level: 'gateway', gatewayId: 'h' }), false],
    ['a level that a later version has', policy('t', { level: 'continent' }), false],
  ])('for %s reaches a gateway or does not', (_, one, expected) => {
    expect(reaches(one, place)).toBe(expected);
  });

  it('of the installation is for the fleet or a tag, and of a tenant for anything but the fleet', () => {
    const levels = ['fleet', 'tenant', 'tag', 'site', 'gateway'] as const;
    const allowed = (tenantId: string | null) => levels.filter((level) => whyNotFor(tenantId, level) === undefined);
    expect(allowed(null)).toEqual(['fleet', 'tag']);
    expect(allowed('t')).toEqual(['tenant', 'tag', 'site', 'gateway']);
  });
});
