import { expect, it } from 'vitest';
import { placeInPolicy } from './place.ts';

const TEXT = `apiVersion: ctfleet/v1
kind: TrackingPolicy
metadata: { name: x }
spec:
  profile: busy-nat
  timeouts:
    tcp: { timeWait: 30s }
  rules:
    - { name: a.b, mode: off }
    - { name: 7, mode: off }
`;

it('a value is found by the path of its origin, and otherwise the nearest that is there', () => {
  const at = (path: string, isByProfile = false): string => Object.values(placeInPolicy(TEXT, path, { isByProfile })!).join(':');
  expect(at('timeouts.tcp.timeWait')).toBe('7:22');
  expect(at('timeouts.tcp.close')).toBe('7:10');
  expect(at('timeouts.tcp.established', true)).toBe('5:12');
  expect(at('rules.a.b')).toBe('9:7');
  expect(at('rules.7')).toBe('10:7');
  expect(at('rules.gone')).toBe('1:1');
  expect(at('helpers')).toBe('5:3');
});

it('a text that is no policy has no places', () => {
  expect(placeInPolicy('[', 'helpers')).toBeUndefined();
  expect(placeInPolicy('text', 'helpers')).toBeUndefined();
});
