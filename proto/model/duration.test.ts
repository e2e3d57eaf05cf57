import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatDuration, parseDuration } from './duration.ts';

it('a duration is a whole number of seconds in any of the usual units', () => {
  expect(['30s', '3m', '1h', '5d', '1h30m', '1.5h', '2weeks', '10Mins'].map(parseDuration)).toEqual([
    30, 180, 3600, 432_000, 5400, 5400, 1_209_600, 600,
  ]);
});

it('a number without a unit, a fraction of a second and anything else are none', () => {
  expect(['', '30', '0.5s', '1y', '-3s', '3 m', '1h 30m', '1h, 2m'].map(parseDuration)).toEqual(Array(8).fill(undefined));
});

it('the largest unit that divides it is written', () => {
  expect([0, 59, 60, 90, 3600, 5400, 432_000, 604_800].map(formatDuration)).toEqual(['0s', '59s', '1m', '90s', '1h', '90m', '5d', '1w']);
});

it('what is written parses back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_294_967_295 }), (seconds) => {
      expect(parseDuration(formatDuration(seconds))).toBe(seconds);
    }),
  );
});
