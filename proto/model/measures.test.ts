import { expect, test } from 'vitest';
import { COUNTER_NAMES, FACETS, GAUGE_NAMES, NUMBER_NAMES, NUMBERS, POINT_NAMES, totalsOf } from './measures.ts';

test('every measure has its own column and metric, with names that Postgres and Prometheus accept', () => {
  const columns = NUMBER_NAMES.map((name) => NUMBERS[name].column);
  const metrics = [...NUMBER_NAMES.map((name) => NUMBERS[name].metric.name), ...Object.values(FACETS).map(({ metric }) => metric.name)];
  for (const names of [columns, metrics]) {
    expect(new Set<string>(names).size).toBe(names.length);
    expect(names.filter((name) => !/^[a-z][a-z0-9_]*$/.test(name))).toEqual([]);
  }
});

test('numbers are counters or gauges, and a mean is charted with its largest value', () => {
  expect([...COUNTER_NAMES, ...GAUGE_NAMES].toSorted()).toEqual(NUMBER_NAMES.toSorted());
  expect(POINT_NAMES).toEqual(expect.arrayContaining(['count', 'countMax', 'newPerSecond', 'newPerSecondMax', 'drop', 'max']));
  expect(POINT_NAMES).not.toContain('dropMax');
});

test('a counter that no CPU reports is unknown, and not zero', () => {
  expect(totalsOf([{ drop: 1, found: 0 }, { drop: 2 }])).toEqual({ drop: 3, found: 0 });
  expect(totalsOf([])).toEqual({});
});
