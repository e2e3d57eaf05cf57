import { expect, test } from 'vitest';
import { KeptReading } from './kept-reading.ts';

const reading = (beganAt: number, count = 10) => ({ beganAt, columns: { count } });

test('a later round of a search is answered from the reading of the first, with the same kernel filter and as old as it allows', () => {
  const kept = new KeptReading();
  const first = reading(100);
  kept.keep('src 10.0.0.1', first);
  expect(kept.fresh('src 10.0.0.1', { askedAt: 600, maxAgeMs: 500 })).toBe(first);
  expect(kept.fresh('src 10.0.0.1', { askedAt: 601, maxAgeMs: 500 })).toBeUndefined();
  expect(kept.fresh('src 10.0.0.2', { askedAt: 100, maxAgeMs: 500 })).toBeUndefined();
});

test('nothing is kept of large parts of a table, nor after a change of our own', () => {
  const kept = new KeptReading();
  const anyAge = { askedAt: 100, maxAgeMs: 1000 };
  kept.keep('a', reading(100));
  kept.keep('b', reading(100, 20_001));
  expect([kept.fresh('a', anyAge), kept.fresh('b', anyAge)]).toEqual([undefined, undefined]);
  kept.keep('a', reading(100));
  kept.forget();
  expect(kept.fresh('a', anyAge)).toBeUndefined();
});
