import { describe, expect, it } from 'vitest';
import { endingNow, GIVE_AWAY_MS } from './giving-away.ts';

/** How many end in each step. */
function steps(sessions: number, ms: number): number[] {
  const ended: number[] = [];
  for (let left = sessions, leftMs = ms; left > 0; leftMs -= GIVE_AWAY_MS) {
    const now = endingNow(left, leftMs);
    ended.push(now);
    left -= now;
  }
  return ended;
}

describe('sessions that are given away', () => {
  it('end evenly over the time, so that other replicas are not stormed', () => {
    const ended = steps(10_000, 5000);
    expect(ended).toHaveLength(100);
    expect(Math.max(...ended)).toBe(100);
  });

  it('end all at once where there is no time', () => {
    expect(steps(7, 0)).toEqual([7]);
    expect(steps(7, GIVE_AWAY_MS)).toEqual([7]);
  });

  it('end one after the other if they are few', () => {
    expect(steps(3, 5000)).toEqual([1, 1, 1]);
  });
});
