import { SILENCE_MS } from './session.ts';

/** What the registry says of a gateway's newest session. */
export interface RegisteredSession {
  connectedAt: Date;
  lastHeardAt: Date;
  closedAt: Date | null;
  /** When it was closed because its replica died or was drained. */
  interruptedAt: Date | null;
}

/** An agent whose replica went away dials another within this time, or it is away itself. */
export const RECONNECTING_MS = SILENCE_MS;

/**
 * Whether a session is alive, and since when. Replicas find out who died by the clock of Postgres, and close the dead one's sessions; here
 * only what the registry says counts, so that all replicas and all nouns say the same.
 *
 *   online ──▶ offline                        closed by its agent, or silent
 *     └──▶ reconnecting ──▶ offline           its replica died or was drained, and the agent did not come back
 */
export function sessionState(session: RegisteredSession, nowMs: number): { state: 'online' | 'reconnecting' | 'offline'; since: Date } {
  const { connectedAt, lastHeardAt, closedAt, interruptedAt } = session;
  if (closedAt) {
    // A replica of 0.1.0 leaves an older interruption as it is when it closes a session.
    const isInterrupted = interruptedAt !== null && interruptedAt >= closedAt && nowMs - interruptedAt.getTime() < RECONNECTING_MS;
    return { state: isInterrupted ? 'reconnecting' : 'offline', since: closedAt };
  }
  if (nowMs - lastHeardAt.getTime() > SILENCE_MS) return { state: 'offline', since: lastHeardAt };
  return { state: 'online', since: connectedAt };
}
