import { describe, expect, it } from 'vitest';
import { toRouterPath, toRouterUrl } from './verb-url.ts';

describe('an address with a verb', () => {
  it.each([
    ['/api/v1/flows:search', '/api/v1/flows/~search'],
    ['/api/v1/plans/01a2:run?x=1:2', '/api/v1/plans/01a2/~run?x=1:2'],
    ['/api/v1/gateways/01a2/samples?from=2026-01-01T00:00:00Z', '/api/v1/gateways/01a2/samples?from=2026-01-01T00:00:00Z'],
    ['/api/v1/plans/01a2/~run', '/-nowhere'],
    ['/api/v1/plans/01a2/%7Erun', '/-nowhere'],
  ])('%s becomes %s for the router', (url, expected) => expect(toRouterUrl(url)).toBe(expected));

  it('matches the router’s pattern', () => {
    expect(toRouterPath('/plans/{id}:run')).toBe('/plans/:id/~run');
    expect(toRouterPath('/flushes/{id}/events')).toBe('/flushes/:id/events');
  });
});
