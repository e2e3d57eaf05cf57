import { describe, expect, it } from 'vitest';
import { formatFilter } from '../../proto/model/filter/format.ts';
import { forGateway, resolveWans, type FleetFacts } from './fleet-filter.ts';
import { readFilter } from './read-filter.ts';

const facts: FleetFacts = {
  tenantId: '01a20c50-0000-7000-8000-00000000000a',
  tenantName: 'Acme Ltd',
  siteId: '01a20c50-0000-7000-8000-00000000000b',
  siteName: 'Milano',
  gatewayId: '01a20c50-0000-7000-8000-00000000000c',
  gatewayName: 'milano-gw1',
  tags: ['dual-wan', 'demo'],
};

/** The filter that the gateway would get, as text. */
function asked(text: string): string | undefined {
  const own = forGateway(readFilter(text), facts);
  return own && (formatFilter(own) || 'everything');
}

describe('a filter for one gateway', () => {
  it.each([
    ['gateway:milano-*', 'everything'],
    ['gateway:MILANO-GW1 proto:udp', 'proto:udp'],
    [`gateway:${facts.gatewayId} dport:53`, 'dport:53'],
    ['tenant:"acme ltd" site:mil* tag:demo proto:tcp', 'proto:tcp'],
    ['-tag:demo', undefined],
    ['-tag:other proto:udp', 'proto:udp'],
    ['site:lyon proto:udp', undefined],
    ['site:lyon or proto:udp', 'proto:udp'],
    ['site:milano or proto:udp', 'everything'],
    ['(site:lyon proto:udp) or (site:milano proto:tcp)', 'proto:tcp'],
    ['-(site:milano proto:udp)', '-proto:udp'],
    ['-(site:lyon proto:udp)', 'everything'],
    ['proto:udp', 'proto:udp'],
  ])('%s becomes %s', (text, expected) => expect(asked(text)).toBe(expected));
});

describe('the names of WANs', () => {
  const wans = [
    { name: 'WAN1', addresses: ['198.51.100.1', '2001:db8::1'] },
    { name: 'LTE', addresses: ['203.0.113.9'] },
  ];
  it('stand for the addresses that the gateway reported', () => {
    expect(resolveWans(readFilter('wan:wan* proto:udp'), wans)).toEqual({ WAN1: '198.51.100.1, 2001:db8::1' });
    expect(resolveWans(readFilter('-wan:lte'), wans)).toEqual({ LTE: '203.0.113.9' });
    expect(resolveWans(readFilter('proto:udp'), wans)).toBeUndefined();
  });
});
