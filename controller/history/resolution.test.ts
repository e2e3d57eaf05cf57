import { describe, expect, it } from 'vitest';
import { expiredPartitions, PARTITIONED, wantedPartitions } from './partitions.ts';
import { chooseResolution } from './resolution.ts';

const HOUR = 3_600_000;
const nowMs = Date.UTC(2026, 10, 24, 6);
const choose = (hours: number, points = 360, agoHours = hours) =>
  chooseResolution({ fromMs: nowMs - agoHours * HOUR, toMs: nowMs - (agoHours - hours) * HOUR, points, nowMs, sampleIntervalMs: 10_000 });

describe('the resolution of a chart', () => {
  it.each([
    [1, 'raw', 10],
    [24, 'raw', 240],
    [24 * 6, 'minute', 1440],
    [24 * 29, 'minute', 6960],
    [24 * 300, 'hour', 72_000],
  ] as const)('of %i hours is %s in steps of %i s', (hours, source, step) => {
    expect(choose(hours)).toMatchObject({ source, stepSeconds: step });
  });

  it('is never finer than what is still stored for that time', () => {
    expect(choose(1, 360, 24 * 10)).toMatchObject({ source: 'minute', stepSeconds: 60, gapSeconds: 150 });
    expect(choose(1, 360, 24 * 100)).toMatchObject({ source: 'hour', stepSeconds: 3600 });
  });
});

describe('partitions', () => {
  const [raw, , hour] = PARTITIONED;
  it('cover what may still be written and the days ahead, without a gap', () => {
    const wanted = wantedPartitions(raw, nowMs);
    expect(wanted[0]).toEqual({ name: 'sample_p20261117', from: '2026-11-17', to: '2026-11-18' });
    expect(wanted.at(-1)!.to).toBe('2026-11-28');
    for (let index = 1; index < wanted.length; index++) expect(wanted[index]!.from).toBe(wanted[index - 1]!.to);
    expect(wantedPartitions(hour, nowMs).map((partition) => partition.name)).toEqual(['sample_hour_p20261101']);
  });

  it('are dropped when their last row is too old, and unknown tables stay', () => {
    expect(
      expiredPartitions(raw, ['sample_p20261116', 'sample_p20261117', 'sample_copy', 'sample_pold', 'sample_minute_p20200101'], nowMs),
    ).toEqual(['sample_p20261116']);
  });
});
