import { expect, test } from 'vitest';
import { brief, count, counted, isCount, lasting, minutesAndSeconds, percent, setTo, short, shortAddress, size, took } from './format.ts';

test('an absent number is a dash and zero is zero', () => {
  expect([count(undefined), count(0), count(1846)]).toEqual(['–', '0', '1,846']);
  expect([brief(undefined), brief(0)]).toEqual(['–', '0 s']);
});

test('a number that somebody typed may have separators, and is that number and no other', () => {
  for (const typed of ['1846', '1,846', '1 846', ' 1846 ', '1.846']) expect(isCount(typed, 1846)).toBe(true);
  for (const typed of ['', '184', '18460', '-1846', '1846x', 'all']) expect(isCount(typed, 1846)).toBe(false);
  expect(isCount('', 0)).toBe(false);
});

test('one is singular', () => {
  expect([counted(1, 'flow'), counted(312, 'flow')]).toEqual(['1 flow', '312 flows']);
});

test('a table that is not quite full never reads as full', () => {
  expect(percent(999, 1000)).toBe('99 %');
  expect(percent(2, 1000)).toBe('0.2 %');
  expect(percent(1, 100_000)).toBe('< 0.1 %');
  expect(percent(0, 1000)).toBe('0 %');
});

test('numbers shorten to three figures', () => {
  expect([short(950), short(1500), short(83_540), short(134_451)]).toEqual(['950', '1.5 k', '83.5 k', '134 k']);
});

test('what something is set to is said to the second', () => {
  expect([30, 60, 89, 90, 99, 120, 5400, 90_061, 432_000].map(setTo)).toEqual(
    '30 s, 60 s, 89 s, 1 min 30 s, 1 min 39 s, 2 min, 1 h 30 min, 1 d 1 h 1 min 1 s, 5 d'.split(', '),
  );
});

test('durations have two units at most', () => {
  expect([lasting(27 * 60), lasting(88 * 60), lasting(12 * 86_400 + 4 * 3600 + 59)]).toEqual(['27 min', '1 h 28 min', '12 d 4 h']);
  expect([took(-1), took(0.34), took(9.94), took(9.96), took(100)]).toEqual(['0.0 s', '0.3 s', '9.9 s', '10 s', '2 min']);
  expect(minutesAndSeconds(278)).toBe('4:38');
  expect([brief(99), brief(100), brief(5999), brief(6000)]).toEqual(['99 s', '1 m', '99 m', '1 h']);
});

test('a long address keeps both ends', () => {
  expect(shortAddress('10.20.4.11')).toBe('10.20.4.11');
  const shortened = shortAddress('2001:db8:1234:5678:9abc:def0:1122:3344');
  expect(shortened).toHaveLength(22);
  expect(shortened.startsWith('2001:db8') && shortened.endsWith('3344')).toBe(true);
});

test('bytes have a unit, and three figures at most', () => {
  expect([size(0), size(640), size(8192), size(1_234_567), size(41_900_000_000)]).toEqual(['0 B', '640 B', '8.2 kB', '1.2 MB', '41.9 GB']);
});
