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
  const { connectedAt, lastHeardAt, closedAt } = session;
  if (closedAt) {
    const untilMs = reconnectingUntil(session);
    return { state: untilMs !== undefined && nowMs < untilMs ? 'reconnecting' : 'offline', since: closedAt };
  }
  if (nowMs - lastHeardAt.getTime() > SILENCE_MS) return { state: 'offline', since: lastHeardAt };
  return { state: 'online', since: connectedAt };
}

/** Until when a session that was interrupted counts as reconnecting; undefined for any other. */
export function reconnectingUntil({ closedAt, interruptedAt }: RegisteredSession): number | undefined {
  // A replica of 0.1.0 leaves an older interruption as it is when it closes a session.
  return closedAt && interruptedAt && interruptedAt >= closedAt ? interruptedAt.getTime() + RECONNECTING_MS : undefined;
}
