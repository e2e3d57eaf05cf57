import { expect, test } from 'vitest';
import { FRESH_MS, RecentReadings } from './recent-readings.ts';

test('a reading is there for some seconds and once, and then it is not', () => {
  let nowMs = 0;
  const recent = new RecentReadings<string>(() => nowMs);
  recent.keep('gw', 'old');
  nowMs = FRESH_MS - 1;
  expect([recent.take('gw'), recent.take('gw')]).toEqual(['old', undefined]);
  recent.keep('gw', 'new');
  nowMs = FRESH_MS + 1;
  expect(recent.take('gw')).toBe('new');
  recent.keep('gw', 'newest');
  nowMs = 2 * FRESH_MS + 1;
  expect(recent.take('gw')).toBeUndefined();
});

test('of many the last are kept', () => {
  const recent = new RecentReadings<number>(() => 0);
  for (let n = 0; n < 2000; n++) recent.keep(`gw${n}`, n);
  expect([recent.take('gw0'), recent.take('gw1499'), recent.take('gw1500'), recent.take('gw1999')]).toEqual([
    undefined,
    undefined,
    1500,
    1999,
  ]);
});
