import { describe, expect, it } from 'vitest';
import { toWaves, waveSizes } from './waves.ts';

const alone = (count: number): { tags: string[] }[] => Array.from({ length: count }, () => ({ tags: ['demo'] }));

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
    expect(waveSizes(toWaves(alone(count), areWanted))).toEqual(expected);
  });

  it('begin with one gateway also where there are few, if that is wanted', () => {
    expect(waveSizes(toWaves(alone(1), true, 1))).toEqual([1]);
    expect(waveSizes(toWaves(alone(2), true, 1))).toEqual([1, 1]);
    expect(waveSizes(toWaves(alone(3), true, 1))).toEqual([1, 2]);
  });

  it('never hold partners of one another, also where no waves are wanted', () => {
    expect(toWaves([{ tags: ['ha:rome'] }, { tags: ['ha:rome', 'x'] }, { tags: ['ha:oslo'] }], true)).toEqual([1, 2, 1]);
    expect(toWaves([{ tags: ['ha:rome'] }, { tags: ['ha:rome'] }], false)).toEqual([1, 2]);
    const pairs = Array.from({ length: 40 }, (_, index) => ({ tags: [`ha:${Math.floor(index / 2)}`] }));
    const waves = toWaves(pairs, true);
    for (let pair = 0; pair < 40; pair += 2) expect(waves[pair]).not.toBe(waves[pair + 1]);
  });
});
