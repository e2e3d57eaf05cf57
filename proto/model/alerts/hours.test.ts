import fc from 'fast-check';
import { expect, it } from 'vitest';
import { areNow, DAYS, hoursWords, type Hours } from './hours.ts';

const office: Hours = { timeZone: 'Europe/Rome', days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '08:00', to: '18:00' };
const night: Hours = { ...office, from: '18:00', to: '08:00' };
const at = (text: string): number => Date.parse(text);

it.each([
  // 30 November 2026 is a Monday; Rome is an hour ahead of UTC.
  ['2026-11-30T06:59:00Z', false],
  ['2026-11-30T07:00:00Z', true],
  ['2026-11-30T16:59:59Z', true],
  ['2026-11-30T17:00:00Z', false],
  ['2026-11-29T10:00:00Z', false],
])('of office hours %s is %s', (text, isIn) => {
  expect(areNow(office, at(text))).toBe(isIn);
});

it.each([
  ['2026-11-30T17:00:00Z', true],
  ['2026-12-01T06:59:00Z', true],
  ['2026-12-01T07:00:00Z', false],
  // Friday's night ends on Saturday, and Sunday's does not begin.
  ['2026-12-05T06:59:00Z', true],
  ['2026-12-05T17:30:00Z', false],
  ['2026-11-30T06:59:00Z', false],
])('of the nights of working days %s is %s', (text, isIn) => {
  expect(areNow(night, at(text))).toBe(isIn);
});

it.each([
  [office, 'Mon to Fri 08:00–18:00 (Europe/Rome)'],
  [{ ...office, isOutside: true }, 'outside Mon to Fri 08:00–18:00 (Europe/Rome)'],
  [{ ...office, days: [...DAYS] }, 'daily 08:00–18:00 (Europe/Rome)'],
  [{ ...office, days: ['sat', 'mon'] as Hours['days'] }, 'Mon, Sat 08:00–18:00 (Europe/Rome)'],
])('%o is told as %s', (hours, words) => {
  expect(hoursWords(hours)).toBe(words);
});

it('in summer and in winter they begin when clocks show it', () => {
  expect(areNow(office, at('2026-07-01T06:00:00Z'))).toBe(true);
  expect(areNow(office, at('2026-12-01T06:30:00Z'))).toBe(false);
});

it('an hour that clocks show twice counts twice, and one that they leave out not at all', () => {
  const early: Hours = { ...office, days: ['sun'], from: '02:00', to: '03:00' };
  // 25 October 2026: from 03:00 back to 02:00; 29 March: from 02:00 on to 03:00.
  for (const text of ['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z']) expect(areNow(early, at(text))).toBe(true);
  for (const text of ['2026-03-29T00:59:00Z', '2026-03-29T01:00:00Z']) expect(areNow(early, at(text))).toBe(false);
});

it('of every day and its night somebody has every moment, and nobody both', () => {
  const time = fc
    .tuple(fc.nat(23), fc.nat(59))
    .map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`);
  const zone = fc.constantFrom('Europe/Rome', 'America/St_Johns', 'Asia/Kathmandu', 'UTC', 'Australia/Lord_Howe');
  fc.assert(
    fc.property(
      time,
      time,
      zone,
      fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2027-01-01T00:00:00Z') }),
      (from, to, timeZone, ms) => {
        fc.pre(from !== to);
        const all = { timeZone, days: [...DAYS] };
        expect(areNow({ ...all, from, to }, ms)).toBe(!areNow({ ...all, from: to, to: from }, ms));
        expect(areNow({ ...all, from, to: from }, ms)).toBe(true);
        expect(areNow({ ...office, timeZone, from, to, isOutside: true }, ms)).toBe(!areNow({ ...office, timeZone, from, to }, ms));
      },
    ),
  );
});
