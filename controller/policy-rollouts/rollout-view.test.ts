import { describe, expect, it } from 'vitest';
import type { Flush } from '../generated/prisma/client.ts';
import { stateOf, targetStateOf, type RolloutState } from './rollout-view.ts';

const NOW = new Date(1_000_000);
const counts = { restored: 0, failed: 0 };

describe('a target of a roll-out', () => {
  it.each([
    ['waiting', counts, 'waiting'],
    ['offline', counts, 'offline'],
    ['running', counts, 'applying'],
    ['verifying', counts, 'confirming'],
    ['verified', counts, 'confirmed'],
    ['failed', { ...counts, restored: 2 }, 'restored'],
    ['failed', { ...counts, failed: 2 }, 'failed'],
    ['failed', counts, 'refused'],
    ['cancelled', counts, 'cancelled'],
    ['cancelled', { ...counts, restored: 2 }, 'restored'],
    ['expired', counts, 'expired'],
    ['skipped', counts, 'skipped'],
    ['indeterminate', counts, 'indeterminate'],
    ['of a newer controller', counts, 'indeterminate'],
  ])('that is %s with %j is %s', (state, of, expected) => expect(targetStateOf({ state, ...of })).toBe(expected));
});

describe('a roll-out', () => {
  const state = (flush: string | undefined, expiresAt: Date, cancelledAt: Date | null = null): RolloutState =>
    stateOf({ cancelledAt, plan: { flush: flush === undefined ? null : { ...({} as Flush), state: flush, targets: [] }, expiresAt } }, NOW);

  it('is what its flush is, once it has begun, however late that is', () => {
    expect(['running', 'verified', 'partial', 'failed', 'cancelled', 'stopped'].map((flush) => state(flush, NOW))).toEqual([
      'running',
      'confirmed',
      'partial',
      'failed',
      'cancelled',
      'stopped',
    ]);
  });

  it('waits for a second person until it expires or is cancelled', () => {
    const later = new Date(NOW.getTime() + 1);
    expect(state(undefined, later)).toBe('awaiting-approval');
    expect(state(undefined, NOW)).toBe('expired');
    expect(state(undefined, later, NOW)).toBe('cancelled');
  });
});
