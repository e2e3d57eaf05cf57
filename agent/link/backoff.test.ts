import { describe, expect, it } from 'vitest';
import { backoffMs, redialMs, retryAfterMs } from './backoff.ts';

const spread = (attempt: number): number[] => Array.from({ length: 1000 }, (_, index) => backoffMs(attempt, () => index / 1000));

describe('the time to the next dial', () => {
  it('is anything up to a bound that grows to 4 s, and to 30 s only where the controller is away for long', () => {
    for (const [attempt, boundMs] of [
      [0, 1000],
      [1, 2000],
      [3, 4000],
      [19, 4000],
      [20, 16_000],
      [21, 30_000],
      [1000, 30_000],
    ] as const) {
      const waits = spread(attempt);
      expect(Math.min(...waits)).toBeLessThan(60);
      expect(Math.max(...waits)).toBeGreaterThan(0.99 * boundMs);
      expect(Math.max(...waits)).toBeLessThanOrEqual(boundMs);
    }
  });

  it('gathers no two agents at one moment', () => {
    const waits = spread(0);
    expect(new Set(waits).size).toBeGreaterThan(900);
  });

  it('is what the controller says, whether that is shorter or longer than the backoff', () => {
    expect(redialMs(10, 3417, () => 1)).toBe(3417);
    expect(redialMs(0, 600_000, () => 0)).toBe(600_000);
    expect(redialMs(0, 0.001, () => 0)).toBe(50);
    expect(redialMs(0, 0, () => 0.5)).toBe(backoffMs(0, () => 0.5));
  });

  it('may be told with a fraction, and without, and ten minutes at most', () => {
    expect(retryAfterMs(['3.417'])).toBe(3417);
    expect(retryAfterMs(['4'])).toBe(4000);
    expect(retryAfterMs(['1e9'])).toBe(600_000);
    for (const words of [[], ['soon'], ['-1'], ['NaN'], ['0']]) expect(retryAfterMs(words)).toBe(0);
  });
});
