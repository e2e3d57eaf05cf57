import { describe, expect, it, test } from 'vitest';
import { nextTimes, scheduleProblem, timesBetween } from './schedule.ts';

const ROME = 'Europe/Rome';
const times = (cron: string, after: string, count: number) =>
  nextTimes(cron, ROME, Date.parse(after), count).map(({ atMs, local, note }) => [new Date(atMs).toISOString().slice(0, 16), local, note]);

describe('clock changes', () => {
  it('run a skipped time once, later', () => {
    expect(times('30 2 * * *', '2027-03-27T00:00:00Z', 3)).toEqual([
      ['2027-03-27T01:30', '2027-03-27 02:30', undefined],
      ['2027-03-28T01:30', '2027-03-28 03:30', 'the clocks skip this time that night; it runs 60 min later'],
      ['2027-03-29T00:30', '2027-03-29 02:30', undefined],
    ]);
  });
  it('run a repeated time once, the first time', () => {
    expect(times('30 2 * * *', '2026-10-24T12:00:00Z', 2)).toEqual([
      ['2026-10-25T00:30', '2026-10-25 02:30', 'this time occurs twice that night; it runs the first time'],
      ['2026-10-26T01:30', '2026-10-26 02:30', undefined],
    ]);
  });
  it('keep intervals on both nights', () => {
    for (const [after, first] of [
      ['2027-03-28T00:10:00Z', '2027-03-28T00:30'],
      ['2026-10-24T23:50:00Z', '2026-10-25T00:00'],
    ] as const) {
      const found = times('*/30 * * * *', after, 6).map(([at]) => Date.parse(`${at}Z`));
      expect(found).toEqual(found.map((_, index) => Date.parse(`${first}:00Z`) + index * 1_800_000));
    }
  });
});

test('each zone has its own instant for the same local time', () => {
  const at = (zone: string) =>
    new Date(nextTimes('30 2 * * *', zone, Date.parse('2026-11-24T00:00:00Z'), 1)[0]!.atMs).toISOString().slice(11, 16);
  expect([at('Europe/Rome'), at('Europe/Lisbon'), at('America/New_York'), at('Asia/Kolkata')]).toEqual([
    '01:30',
    '02:30',
    '07:30',
    '21:00',
  ]);
});

test('times between exclude the first bound and include the second; if there are too many, the latest are kept', () => {
  const from = Date.parse('2026-11-24T00:00:00Z');
  expect(timesBetween('0 * * * *', 'UTC', from, from + 3 * 3_600_000, 10).map((at) => (at - from) / 3_600_000)).toEqual([1, 2, 3]);
  expect(timesBetween('* * * * *', 'UTC', from, from + 3_600_000, 2).map((at) => (at - from) / 60_000)).toEqual([59, 60]);
});

test('an invalid schedule is reported with its field', () => {
  expect(scheduleProblem('30 2 * * *', 'Mars/Olympus')).toMatchObject({ field: 'timeZone' });
  expect(scheduleProblem('30 2 * *', 'UTC')).toMatchObject({
    field: 'cron',
    message: 'needs five fields: minute, hour, day of the month, month, day of the week',
  });
  expect(scheduleProblem('61 2 * * *', 'UTC')).toMatchObject({ field: 'cron' });
  expect(scheduleProblem('30 2 * * 1-5', 'UTC')).toBeUndefined();
});
