import { expect, test } from 'vitest';
import { whyNotNow, whyTooMany } from './limits.ts';

const limits = { maxFlows: 100, maxPercentOfTable: 10, maxRunsAnHour: 2, coolDownSeconds: 60 };
const NOW = 1_790_000_000_000;
const run = (state: string, beganAgoS: number, endedAgoS?: number) => ({ state, triggeredAt: new Date(NOW - beganAgoS * 1000), finishedAt: endedAgoS === undefined ? null : new Date(NOW - endedAgoS * 1000) });

test('a run waits for the one before, its cool-down and the limit of an hour', () => {
  expect(whyNotNow({ limits }, [], NOW)).toBeUndefined();
  expect(whyNotNow({ limits }, [run('running', 5)], NOW)).toBe('the run before is still under way');
  expect(whyNotNow({ limits }, [run('done', 40, 30)], NOW)).toBe('it cools down for 30 s more');
  expect(whyNotNow({ limits }, [run('done', 70, 60)], NOW)).toBeUndefined();
  expect(whyNotNow({ limits }, [run('done', 70, 61), run('failed', 3000, 2990)], NOW)).toBe('it ran 2 times in the last hour, and 2 are allowed');
});

test('too many flows, or too much of one table, is nothing done at all', () => {
  expect(whyTooMany({ limits }, 100, [{ name: 'gw1', flows: 100, tableCount: 1000 }])).toBeUndefined();
  expect(whyTooMany({ limits }, 101, [])).toBe('101 flows match, and 100 are allowed');
  expect(whyTooMany({ limits }, 60, [{ name: 'gw1', flows: 10, tableCount: 1000 }, { name: 'gw2', flows: 50, tableCount: 400 }])).toBe('12.5 % of the table of gw2 match, and 10 % are allowed');
  expect(whyTooMany({ limits }, 60, [{ name: 'gw1', flows: 60 }])).toBeUndefined();
});
