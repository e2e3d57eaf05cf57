import { expect, it } from 'vitest';
import type { Gateway } from '../../proto/http/fleet.ts';
import { WatchedGateways } from './watched-gateways.ts';

it('tells the state of each gateway asked for once, then only what has changed or gone', () => {
  const fleet = new Map([
    ['a', { id: 'a' } as Gateway],
    ['b', { id: 'b' } as Gateway],
  ]);
  const watched = new WatchedGateways(['a', 'b', 'c', 'a']);
  const told = (): string[] =>
    watched
      .events((id) => fleet.get(id))
      .map((event) => `${event.kind} ${'gateway' in event ? event.gateway.id : 'gatewayId' in event ? event.gatewayId : ''}`);
  expect(told()).toEqual(['gateway a', 'gateway b', 'gateway-gone c']);
  expect(told()).toEqual([]);
  fleet.set('a', { id: 'a' } as Gateway);
  fleet.delete('b');
  fleet.set('c', { id: 'c' } as Gateway);
  expect(told()).toEqual(['gateway a', 'gateway-gone b', 'gateway c']);
});
