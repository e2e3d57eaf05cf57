import type { Enrolment, Rollout } from '../generated/prisma/client.ts';
import { joinTokenState } from './join-token.ts';

const HOUR_MS = 3_600_000;
/** An agent that awaits approval asks again every few minutes; one that has not for this long has gone, and its place is free. */
export const WAITING_MS = 24 * HOUR_MS;
/** How long the agent of an approved gateway has to ask again, also after the token's expiry. */
export const APPROVED_MS = 24 * HOUR_MS;
/** How long the same key is answered with its gateway again: the answer may have been lost. */
export const ANSWERED_AGAIN_MS = HOUR_MS;

/** The state of a roll-out's token. */
export function rolloutState(
  { used, maxGateways, revokedAt, expiresAt }: Pick<Rollout, 'used' | 'maxGateways' | 'revokedAt' | 'expiresAt'>,
  nowMs: number,
): ReturnType<typeof joinTokenState> {
  return joinTokenState({ usedAt: used >= maxGateways ? expiresAt : null, revokedAt, expiresAt }, nowMs);
}

/**
 * The state of one key's enrolment:
 *
 *    waiting ──▶ approved ──▶ enrolled
 *       │ ▲          │
 *       ▼ │          │ (also straight to enrolled, where no approval is needed)
 *     refused ◀──────┘
 *
 * `waiting` and `approved` lapse: where the token was revoked, where the agent stopped asking; `waiting` also where the token ended.
 */
export function enrolmentState(
  row: Pick<Enrolment, 'state' | 'lastAskedAt' | 'decidedAt'>,
  rollout: Parameters<typeof rolloutState>[0],
  nowMs: number,
): 'waiting' | 'approved' | 'refused' | 'enrolled' | 'lapsed' {
  const state = row.state as 'waiting' | 'approved' | 'refused' | 'enrolled';
  if (state !== 'waiting' && state !== 'approved') return state;
  if (rollout.revokedAt) return 'lapsed';
  if (state === 'approved') return nowMs - row.decidedAt!.getTime() > APPROVED_MS ? 'lapsed' : state;
  return rolloutState(rollout, nowMs) !== 'live' || nowMs - row.lastAskedAt.getTime() > WAITING_MS ? 'lapsed' : state;
}

/** How long an agent is told to wait before it asks again: the more wait, the longer, so that all of them cost the same. */
export function askAgainSeconds(waiting: number): number {
  return Math.min(300, Math.max(10, Math.ceil(waiting / 4)));
}
