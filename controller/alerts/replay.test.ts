import { describe, expect, it } from 'vitest';
import { BUILT_IN_RULES } from '../../proto/model/alerts/built-in.ts';
import type { Numbers } from '../../proto/model/measures.ts';
import { hourCondition, isReplayable, whyNotReplayable } from './hours-of-interest.ts';
import { replay, type Minute } from './replay.ts';

const START = Date.UTC(2026, 10, 1);
const gateway = { id: 'g', name: 'gw' };
const minutes = (all: Numbers[], from = 0): Minute[] =>
  all.map((numbers, at) => ({ atMs: START + (from + at) * 60_000, numbers: { max: 1000, ...numbers } }));
const repeat = (numbers: Numbers, times: number): Numbers[] => Array.from({ length: times }, () => numbers);
const only = (name: string) => BUILT_IN_RULES.filter((rule) => rule.name === name);
const told = (all: Minute[], name: string) =>
  replay(all, only(name), gateway).map(({ raisedAtMs, clearedAtMs }) => [
    (raisedAtMs - START) / 60_000,
    clearedAtMs && (clearedAtMs - START) / 60_000,
  ]);

describe('how often a rule would have fired', () => {
  it('counts what held for long enough, and when it was over', () => {
    expect(told(minutes([...repeat({ count: 950 }, 5), ...repeat({ count: 100 }, 20)]), 'usage-critical')).toEqual([[2, 10]]);
    expect(told(minutes([...repeat({ count: 950 }, 2), ...repeat({ count: 100 }, 20)]), 'usage-critical')).toEqual([]);
  });

  it('takes hours that were not read for quiet, since their highest value says so', () => {
    const all = [...minutes(repeat({ count: 950 }, 10)), ...minutes(repeat({ count: 950 }, 10), 600)];
    expect(told(all, 'usage-critical')).toEqual([
      [2, 15],
      [602, 615],
    ]);
  });

  it('counts losses, which minutes have as increases', () => {
    expect(told(minutes([{ drop: 0 }, { drop: 5 }, { drop: 0 }, ...repeat({ drop: 0 }, 15)]), 'losses')).toEqual([[1, 12]]);
  });

  it('counts losses of the first minute that was read too', () => {
    expect(told(minutes([{ drop: 5 }]), 'losses').length).toBe(1);
  });
});

it('history cannot tell of rules that samples do not tell of, that are off, or that look for low values', () => {
  const measure = { name: 'm', kind: 'measure', isOn: true, severity: 'info', values: { measure: 'count', raise: 10, clear: 20 } } as const;
  expect(BUILT_IN_RULES.filter(isReplayable).map(({ name }) => name)).toEqual([
    'usage-warning',
    'usage-critical',
    'time-to-full',
    'losses',
  ]);
  expect(whyNotReplayable(measure)).toBe('m looks for values below a level: history is searched for high values only.');
  expect(whyNotReplayable({ ...only('losses')[0]!, isOn: false })).toBe('losses is turned off.');
});

it('an hour in which a rule may have stayed raised is read, not only one in which it may have been raised', () => {
  expect(hourCondition(only('usage-warning')[0]!).atLeast).toBe(70);
});
