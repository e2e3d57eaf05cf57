import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Flow } from '../../../proto/model/flow.ts';
import { canReset, refuse } from './refusal-rules.ts';

const flow: Flow = {
  family: 4,
  proto: 6,
  zone: 0,
  id: 77,
  mark: 0,
  labels: [],
  status: 0,
  orig: { src: '10.1.0.2', dst: '198.51.100.10', sport: 40_000, dport: 443 },
  reply: { src: '198.51.100.10', dst: '198.18.0.12', sport: 443, dport: 1024 },
};

test('a reset names the very entry', () => {
  expect(refuse([flow], 30)).toBe('add element inet ctfleet_ending reset4 { 77 . 10.1.0.2 . 198.51.100.10 timeout 30s }\n');
});

test('a UDP flow has no reset', () => {
  expect([canReset(flow), canReset({ ...flow, proto: 17 })]).toEqual([true, false]);
});

test('whatever text stands where an address should, none of it reaches nft', () => {
  const nasty = fc.oneof(fc.string(), fc.constantFrom('10.0.0.1 }; delete table inet gw; #', '10.0.0.1\nflush ruleset', '0.0.0.0/0'));
  fc.assert(
    fc.property(nasty, fc.boolean(), fc.double(), (text, isSource, number) => {
      const changed: Flow = { ...flow, id: number, orig: { ...flow.orig, [isSource ? 'src' : 'dst']: text } };
      try {
        expect(refuse([changed], 30)).toMatch(
          /^add element inet ctfleet_ending reset[46] \{ [0-9a-f.:, ]+( timeout 30s)[0-9a-f.:, timeous]*\}\n$/,
        );
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
      }
    }),
    { numRuns: 2000 },
  );
});
