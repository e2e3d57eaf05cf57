import { expect, test } from 'vitest';
import { growthPerMinute, limitSteps, stackColumns, usageColumns } from './chart-data.ts';

const at = (second: number) => new Date(Date.parse('2026-11-23T08:00:00Z') + second * 1000).toISOString();
const point = (second: number, count: number, byState?: Record<string, number>) => ({
  at: at(second),
  count,
  countMax: count,
  max: 1000,
  byState,
});

test('a reported gap breaks the line', () => {
  const { xs, values, gaps } = usageColumns({
    resolutionSeconds: 10,
    points: [point(0, 1), point(10, 2), point(60, 3)],
    gaps: [{ from: at(10), to: at(60) }],
  });
  expect(values).toEqual([
    [1, 2, null, 3],
    [1000, 1000, null, 1000],
  ]);
  expect(xs).toHaveLength(4);
  expect(gaps).toHaveLength(1);
});

test('a long pause is a gap although none was reported, a late sample is not', () => {
  const { values, gaps } = usageColumns({ resolutionSeconds: 10, points: [point(0, 1), point(25, 2), point(100, 3)], gaps: [] });
  expect(values[0]).toEqual([1, 2, null, 3]);
  expect(gaps).toEqual([{ fromMs: Date.parse(at(25)), toMs: Date.parse(at(100)) }]);
});

test('stacked parts add up, small ones as other, and points without a breakdown are left out', () => {
  const { names, values } = stackColumns(
    { resolutionSeconds: 10, gaps: [], points: [point(0, 10, { A: 6, B: 3, C: 1 }), point(10, 11), point(20, 12, { A: 7, B: 3, C: 2 })] },
    'byState',
    undefined,
    2,
  );
  expect(names).toEqual(['A', 'B', 'other']);
  expect(values).toEqual([
    [10, 12],
    [4, 5],
    [1, 2],
  ]);
});

test('a limit is labelled where it begins and where it changes', () => {
  expect(limitSteps([1, 2, 3, 4, 5], [10, 10, null, 10, 20])).toEqual([
    { x: 1, limit: 10 },
    { x: 5, limit: 20 },
  ]);
});

test('growth is per minute over the known points', () => {
  const points = [point(0, 0, { A: 0 }), point(30, 0), point(60, 0, { A: 90 })];
  expect(growthPerMinute(points, 'byState', 'A')).toBe(90);
  expect(growthPerMinute(points.slice(0, 2), 'byState', 'A')).toBeUndefined();
});
