import { expect, test } from 'vitest';
import { EventRates, ratesBetween, type EventReading } from './event-rates.ts';

const reading = (atMs: number, born: number, ended: number, count: number, overflows = 0): EventReading => ({
  atMs,
  events: { born, ended, overflows },
  count,
});

test('rates are events divided by the time between readings', () => {
  expect(ratesBetween(reading(0, 100, 50, 50), reading(10_000, 1100, 850, 250))).toEqual({
    newPerSecond: 100,
    endedPerSecond: 80,
    isLowerBound: false,
  });
});

test('flows that end without an event are inferred from the growth that is missing', () => {
  expect(ratesBetween(reading(0, 0, 0, 1000), reading(10_000, 100, 0, 600))).toEqual({
    newPerSecond: 10,
    endedPerSecond: 50,
    isLowerBound: false,
  });
});

test('after an overflow the growth of the table is a lower bound of new flows, and is marked as one', () => {
  expect(ratesBetween(reading(0, 0, 0, 0), reading(1000, 10, 0, 5000, 1))).toEqual({
    newPerSecond: 5000,
    endedPerSecond: 0,
    isLowerBound: true,
  });
});

test('counts may wrap around', () => {
  expect(ratesBetween(reading(0, 0xffff_fff0, 0, 0), reading(1000, 16, 0, 32))?.newPerSecond).toBe(32);
});

test('the first reading has no rates, nor has a second one at the same time', async () => {
  let nowMs = 5;
  const rates = new EventRates(
    () => ({ born: nowMs, ended: 0, overflows: 0 }),
    () => nowMs,
  );
  expect([await rates.collect({ count: 0n }), await rates.collect({ count: 0n })]).toEqual([{}, {}]);
  nowMs = 1005;
  expect(await rates.collect({ count: 1000n })).toEqual({ rates: { newPerSecond: 1000, endedPerSecond: 0, isLowerBound: false } });
});
