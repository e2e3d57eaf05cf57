import { describe, expect, it } from 'vitest';
import { emptyTotals } from '../plans/outcomes.ts';
import { flushStateOf, isUnfinished, TARGET_TRANSITIONS, targetStateOf, type TargetState } from './states.ts';

const states = Object.keys(TARGET_TRANSITIONS) as TargetState[];

describe('a target', () => {
  it('can reach every state from waiting', () => {
    const reached = new Set<TargetState>(['waiting']);
    for (const state of reached) TARGET_TRANSITIONS[state].forEach((next) => reached.add(next));
    expect([...reached].toSorted()).toEqual(states.toSorted());
  });

  it('never resumes once it has ended, and never leaves a verified end', () => {
    for (const state of states) if (!isUnfinished(state)) expect(TARGET_TRANSITIONS[state].filter(isUnfinished)).toEqual([]);
    expect(TARGET_TRANSITIONS.verified).toEqual([]);
    expect(TARGET_TRANSITIONS.cancelled).toEqual([]);
  });

  it('is verified only if the end of every flow is certain', () => {
    expect(targetStateOf({ ...emptyTotals(3), deleted: 2, gone: 1 })).toBe('verified');
    expect(targetStateOf({ ...emptyTotals(3), deleted: 2, reappeared: 1 })).toBe('reappeared');
    expect(targetStateOf({ ...emptyTotals(3), deleted: 2, indeterminate: 1 })).toBe('partial');
    expect(targetStateOf({ ...emptyTotals(3), reappeared: 2, failed: 1 })).toBe('partial');
    expect(targetStateOf({ ...emptyTotals(3), restored: 2, occupied: 1 })).toBe('partial');
    expect(targetStateOf({ ...emptyTotals(3), restored: 2, gone: 1 })).toBe('verified');
    expect(targetStateOf({ ...emptyTotals(3), deleted: 2, cancelled: 1 })).toBe('partial');
    expect(targetStateOf({ ...emptyTotals(3), cancelled: 3 })).toBe('cancelled');
  });
});

describe('a flush', () => {
  it.each<[TargetState[], string]>([
    [['verified', 'waiting'], 'running'],
    [['verified', 'offline'], 'running'],
    [['verified', 'verified'], 'verified'],
    [['verified', 'reappeared'], 'partial'],
    [['verified', 'expired'], 'partial'],
    [['expired', 'failed'], 'failed'],
    [['cancelled', 'cancelled'], 'cancelled'],
    [['verified', 'cancelled'], 'partial'],
    [['indeterminate'], 'partial'],
  ])('with targets %j is %s', (targets, expected) => expect(flushStateOf(targets, false)).toBe(expected));

  it('held back by a rule runs until its last gateway has finished, and then is stopped', () => {
    expect(flushStateOf(['failed', 'running', 'cancelled'], true)).toBe('running');
    expect(flushStateOf(['failed', 'verified', 'cancelled'], true)).toBe('stopped');
  });
});
