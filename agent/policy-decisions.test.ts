import { beforeEach, expect, test } from 'vitest';
import { ResolveDrift_Way } from '../proto/gen/ctfleet/v1/policy.ts';
import { PolicyDecisions } from './policy-decisions.ts';

let done: string[];
let warned: string[];
let guard: { isReadOnly: boolean; error?: string };
let decisions: PolicyDecisions;
const { WAY_RESTORE, WAY_IGNORE, WAY_UNSPECIFIED } = ResolveDrift_Way;
const about = (way: ResolveDrift_Way) => ({ changeId: 'c', paths: ['table.max'], way });

beforeEach(() => {
  [done, warned, guard] = [[], [], { isReadOnly: false }];
  decisions = new PolicyDecisions({
    standing: {
      restore: async (id, paths) => void done.push(`restore ${id} ${paths.join()}`),
      ignore: async (id, paths) => void done.push(`ignore ${id} ${paths.join()}`),
    },
    guardRules: () => guard,
    log: { warn: (_: unknown, message: string) => void warned.push(message) },
  });
});

test('what was decided about drift is done, and nothing for a way that this agent does not know', async () => {
  for (const way of [WAY_RESTORE, WAY_IGNORE, WAY_UNSPECIFIED, 99 as ResolveDrift_Way]) await decisions.resolve(about(way));
  expect([done, warned]).toEqual([['restore c table.max', 'ignore c table.max'], []]);
});

test.each([{ isReadOnly: true }, { isReadOnly: false, error: 'the guard file cannot be read' }])(
  'the guard of a gateway refuses that anything is set again, and lets it be ignored: %o',
  async (rules) => {
    guard = rules;
    for (const way of [WAY_RESTORE, WAY_IGNORE]) await decisions.resolve(about(way));
    expect([done, warned.length]).toEqual([['ignore c table.max'], 1]);
  },
);

test('what cannot be set again is told, and ends nothing', async () => {
  decisions = new PolicyDecisions({
    standing: { restore: () => Promise.reject(new Error('EINVAL')), ignore: async () => undefined },
    guardRules: () => guard,
    log: { warn: (_: unknown, message: string) => void warned.push(message) },
  });
  await decisions.resolve(about(WAY_RESTORE));
  expect(warned).toEqual(['what was changed by hand could not be set again']);
});
