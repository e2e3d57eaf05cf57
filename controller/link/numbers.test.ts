import { describe, expect, it } from 'vitest';
import { judgeNumbers } from './numbers.ts';

describe('the numbers that an agent has seen', () => {
  it('are known if they are not above the controller’s', () => {
    expect(judgeNumbers({ seq: 5n, epoch: 3n }, { seq: 5n, epoch: 3n }).kind).toBe('known');
    expect(judgeNumbers({ seq: 5n, epoch: 3n }, { seq: 0n, epoch: 0n }).kind).toBe('known');
  });

  it('show that the controller is behind if one of them is above', () => {
    expect(judgeNumbers({ seq: 2n, epoch: 9n }, { seq: 4n, epoch: 3n }).kind).toBe('behind');
    expect(judgeNumbers({ seq: 4n, epoch: 2n }, { seq: 4n, epoch: 3n }).kind).toBe('behind');
    expect(judgeNumbers({ seq: 0n, epoch: 0n }, { seq: 1_000_000n, epoch: 0n }).kind).toBe('behind');
  });

  it('are refused with the remedy if no restore explains them', () => {
    for (const seen of [
      { seq: 2n ** 64n - 1n, epoch: 1n },
      { seq: 1n, epoch: 2n ** 64n - 1n },
      { seq: 1_000_006n, epoch: 0n },
    ]) {
      expect(judgeNumbers({ seq: 5n, epoch: 3n }, seen)).toMatchObject({
        kind: 'impossible',
        reason: expect.stringContaining('enrol it again'),
      });
    }
  });
});
