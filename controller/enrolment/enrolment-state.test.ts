import { describe, expect, it } from 'vitest';
import { APPROVED_MS, askAgainSeconds, enrolmentState, rolloutState, WAITING_MS } from './enrolment-state.ts';

const at = (ms: number): Date => new Date(ms);
const DAY = 86_400_000;
const token = { used: 3, maxGateways: 5, revokedAt: null, expiresAt: at(30 * DAY) };
const waiting = { state: 'waiting', lastAskedAt: at(0), decidedAt: null };
const approved = { state: 'approved', lastAskedAt: at(0), decidedAt: at(0) };

describe('a roll-out', () => {
  it('is live until it is full, expires or is revoked', () => {
    expect(rolloutState(token, 0)).toBe('live');
    expect(rolloutState({ ...token, used: 5 }, 0)).toBe('used');
    expect(rolloutState(token, 30 * DAY)).toBe('expired');
    expect(rolloutState({ ...token, revokedAt: at(0) }, 0)).toBe('revoked');
  });
});

describe('an enrolment that awaits approval', () => {
  it('lapses with its token, and when its agent stops asking', () => {
    expect(enrolmentState(waiting, token, WAITING_MS)).toBe('waiting');
    expect(enrolmentState(waiting, token, WAITING_MS + 1)).toBe('lapsed');
    expect(enrolmentState(waiting, { ...token, expiresAt: at(1) }, 1)).toBe('lapsed');
    expect(enrolmentState(waiting, { ...token, used: 5 }, 1)).toBe('lapsed');
    expect(enrolmentState(waiting, { ...token, revokedAt: at(0) }, 1)).toBe('lapsed');
  });

  it('that was approved outlives the token’s expiry by a day, but not its revocation', () => {
    expect(enrolmentState(approved, { ...token, expiresAt: at(1) }, APPROVED_MS)).toBe('approved');
    expect(enrolmentState(approved, token, APPROVED_MS + 1)).toBe('lapsed');
    expect(enrolmentState(approved, { ...token, revokedAt: at(0) }, 1)).toBe('lapsed');
  });

  it('stays what was decided for good', () => {
    for (const state of ['refused', 'enrolled'])
      expect(enrolmentState({ ...waiting, state }, { ...token, revokedAt: at(0) }, 90 * DAY)).toBe(state);
  });

  it('asks less often the more there are', () => {
    expect([0, 40, 200, 1000, 100_000].map(askAgainSeconds)).toEqual([10, 10, 50, 250, 300]);
  });
});
