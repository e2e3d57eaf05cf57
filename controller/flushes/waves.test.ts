import { describe, expect, it } from 'vitest';
import { emptyTotals } from '../plans/outcomes.ts';
import type { TargetState } from './states.ts';
import { nextStep, toWaves, type WaveTarget } from './waves.ts';

const alone = (count: number): { tags: string[] }[] => Array.from({ length: count }, () => ({ tags: ['demo'] }));
const sizes = (waves: number[]): number[] =>
  Array.from({ length: Math.max(...waves) }, (_, index) => waves.filter((wave) => wave === index + 1).length);

describe('the waves of a flush', () => {
  it.each([
    [1, true, [1]],
    [3, true, [3]],
    [4, true, [1, 3]],
    [10, true, [1, 2, 7]],
    [100, true, [1, 4, 20, 75]],
    [1000, true, [1, 49, 200, 750]],
    [100, false, [100]],
  ])('of %i gateways, wanted: %s, have these sizes', (count, areWanted, expected) => {
    expect(sizes(toWaves(alone(count), areWanted))).toEqual(expected);
  });

  it('never hold partners of one another, also where no waves are wanted', () => {
    expect(toWaves([{ tags: ['ha:rome'] }, { tags: ['ha:rome', 'x'] }, { tags: ['ha:oslo'] }], true)).toEqual([1, 2, 1]);
    expect(toWaves([{ tags: ['ha:rome'] }, { tags: ['ha:rome'] }], false)).toEqual([1, 2]);
    const pairs = Array.from({ length: 40 }, (_, index) => ({ tags: [`ha:${Math.floor(index / 2)}`] }));
    const waves = toWaves(pairs, true);
    for (let pair = 0; pair < 40; pair += 2) expect(waves[pair]).not.toBe(waves[pair + 1]);
  });
});

describe('the next wave', () => {
  const target = (wave: number, state: TargetState, totals: Partial<WaveTarget['totals']> = {}): WaveTarget => ({
    wave,
    state,
    totals: { ...emptyTotals(100), ...totals },
  });
  const verified = (count: number): WaveTarget[] => Array.from({ length: count }, () => target(1, 'verified'));

  it('begins when every target of those before is over, and not sooner', () => {
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

  it('is held back where more than a fifth and more than fifty of the flows were no longer there', () => {
    expect(nextStep([target(1, 'verified', { gone: 51, planned: 200 })], 1, false).kind).toBe('stop');
    expect(nextStep([target(1, 'verified', { gone: 50, planned: 100 })], 1, false).kind).toBe('begin');
    expect(nextStep([target(1, 'verified', { gone: 60, planned: 400 })], 1, false).kind).toBe('begin');
  });

  it('does not begin when the time for the whole flush is over', () => {
    expect(nextStep(verified(1), 1, true)).toMatchObject({ kind: 'stop', reason: expect.stringContaining('time') });
  });
});
