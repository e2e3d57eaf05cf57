import { describe, expect, it } from 'vitest';
import { emptyTotals } from '../plans/outcomes.ts';
import type { TargetState } from './states.ts';
import { nextStep, type WaveTarget } from './next-wave.ts';

describe('the next wave', () => {
  const target = (wave: number, state: TargetState, totals: Partial<WaveTarget['totals']> = {}): WaveTarget => ({
    wave,
    state,
    totals: { ...emptyTotals(100), ...totals },
  });
  const verified = (count: number): WaveTarget[] => Array.from({ length: count }, () => target(1, 'verified'));

  it('begins when every target of the earlier waves has finished, and not sooner', () => {
    expect(nextStep([target(1, 'verified'), target(2, 'waiting')], 1, false)).toEqual({ kind: 'begin' });
    expect(nextStep([target(1, 'verifying'), target(2, 'waiting')], 1, false)).toEqual({ kind: 'wait' });
    expect(nextStep([target(1, 'offline'), target(2, 'waiting')], 1, false)).toEqual({ kind: 'wait' });
    expect(nextStep([target(1, 'expired'), target(2, 'waiting')], 1, false)).toEqual({ kind: 'begin' });
  });

  it.each(['failed', 'indeterminate', 'reappeared'] as const)('is held back by one %s among few, and by two among many', (state) => {
    expect(nextStep([target(1, state), target(2, 'waiting')], 1, false).kind).toBe('stop');
    expect(nextStep([...verified(30), target(1, state)], 1, false).kind).toBe('begin');
    expect(nextStep([...verified(300), target(1, state), target(1, state), target(1, 'running')], 1, false).kind).toBe('stop');
  });

  it('is held back if more than a fifth and more than fifty of the flows no longer existed', () => {
    expect(nextStep([target(1, 'verified', { gone: 51, planned: 200 })], 1, false).kind).toBe('stop');
    expect(nextStep([target(1, 'verified', { gone: 50, planned: 100 })], 1, false).kind).toBe('begin');
    expect(nextStep([target(1, 'verified', { gone: 60, planned: 400 })], 1, false).kind).toBe('begin');
  });

  it.each(['failed', 'indeterminate'] as const)('of a policy is held back by one %s among however many', (state) => {
    expect(nextStep([...verified(300), target(1, state)], 1, false, 'policy')).toEqual({
      kind: 'stop',
      reason: '1 of 301 gateways did not keep the policy',
    });
    expect(nextStep([...verified(300), target(1, 'running')], 1, false, 'policy').kind).toBe('wait');
  });

  it('of a policy waits while a gateway of the earlier ones has it in force and nobody has confirmed it', () => {
    expect(nextStep([target(1, 'verifying'), target(2, 'waiting')], 1, false, 'policy')).toEqual({ kind: 'wait' });
  });

  it('of a policy begins past gateways that were away and could not begin', () => {
    expect(nextStep([target(1, 'verified'), target(1, 'expired'), target(2, 'waiting')], 1, false, 'policy')).toEqual({ kind: 'begin' });
  });

  it('does not begin after the time for the whole flush has expired', () => {
    expect(nextStep(verified(1), 1, true)).toMatchObject({ kind: 'stop', reason: expect.stringContaining('time') });
  });
});
