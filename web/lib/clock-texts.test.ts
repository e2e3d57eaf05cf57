import { expect, test } from 'vitest';
import { clockIn } from './clock-texts.ts';

test('a time is formatted in its zone, with the day only if it is another one', () => {
  const rome = clockIn('Europe/Rome');
  const at = Date.parse('2026-11-23T08:17:00Z');
  expect(rome.time(at)).toBe('09:17');
  expect(rome.offset(at)).toBe('UTC+1');
  expect(rome.when(at, at + 3_600_000)).toBe('09:17');
  expect(rome.when(at, at + 86_400_000)).toBe('23 Nov 09:17');
});
