import { describe, expect, it } from 'vitest';
import { RECONNECTING_MS, sessionState, type RegisteredSession } from './session-state.ts';

const AT = new Date('2026-12-01T10:00:00Z');
const later = (ms: number): number => AT.getTime() + ms;
const OPEN: RegisteredSession = { connectedAt: AT, lastHeardAt: AT, closedAt: null, interruptedAt: null };

describe('a session in the registry', () => {
  it('is online while it is heard from', () => {
    expect(sessionState(OPEN, later(30_000))).toEqual({ state: 'online', since: AT });
  });

  it('is offline once it was silent for too long, and since it was last heard from', () => {
    expect(sessionState(OPEN, later(35_001))).toEqual({ state: 'offline', since: AT });
  });

  it('is offline as soon as its agent closed it', () => {
    expect(sessionState({ ...OPEN, closedAt: AT }, later(0)).state).toBe('offline');
  });

  it('is reconnecting after its replica went away, and offline if the agent does not come back', () => {
    const interrupted = { ...OPEN, closedAt: AT, interruptedAt: AT };
    expect(sessionState(interrupted, later(0))).toEqual({ state: 'reconnecting', since: AT });
    expect(sessionState(interrupted, later(RECONNECTING_MS - 1)).state).toBe('reconnecting');
    expect(sessionState(interrupted, later(RECONNECTING_MS))).toEqual({ state: 'offline', since: AT });
  });

  it('is not reconnecting because an earlier one was interrupted: replicas of 0.1.0 leave that as it was', () => {
    expect(sessionState({ ...OPEN, interruptedAt: AT }, later(1000)).state).toBe('online');
    expect(sessionState({ ...OPEN, closedAt: new Date(later(1000)), interruptedAt: AT }, later(1000)).state).toBe('offline');
  });
});
