/** How often some sessions are given away. */
export const GIVE_AWAY_MS = 50;

/** How many of the sessions that are left end now, so that the last ends with the time that is left. */
export function endingNow(left: number, leftMs: number): number {
  return leftMs <= GIVE_AWAY_MS ? left : Math.ceil((left * GIVE_AWAY_MS) / leftMs);
}
