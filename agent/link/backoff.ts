/** The bounds of the first waits. A controller that was restarted is back within them, and no agent then sleeps for longer. */
const FIRST_MS = [1000, 2000, ...Array.from({ length: 18 }, () => 4000)];
/** The bounds after that, of about 40 s: it is away for long. */
const THEN_MS = [16_000, 30_000];
/** No two dials are closer: a refused connection costs next to nothing, a loop without a wait a whole core. */
const SHORTEST_MS = 50;

/**
 * Full-jitter backoff: any time up to a bound that grows with the attempts, so that a fleet does not come back at once. `random` gives 0
 * to 1.
 */
export function backoffMs(attempt: number, random: () => number): number {
  const bounds = [...FIRST_MS, ...THEN_MS];
  const longestMs = bounds[Math.min(attempt, bounds.length - 1)]!;
  return Math.floor(SHORTEST_MS + random() * (longestMs - SHORTEST_MS));
}

/**
 * How long to wait before the next dial. The controller's word counts, shorter or longer: it has a turn for this agent then, and another
 * one's at any other time.
 */
export function redialMs(attempt: number, stayAwayMs: number, random: () => number): number {
  return stayAwayMs > 0 ? Math.max(SHORTEST_MS, stayAwayMs) : backoffMs(attempt, random);
}

/** The longest that a controller may tell an agent to stay away. */
const MAX_RETRY_AFTER_S = 600;
/** The metadata key of a refusal's code. */
export const CODE_KEY = 'ctfleet-code';
export const RETRY_AFTER_KEY = 'ctfleet-retry-after-seconds';

/**
 * How long a refusal says to stay away, in milliseconds: ten minutes at most, 0 where it says nothing that is a number. `words`: the
 * trailer's values, seconds with or without a fraction.
 */
export function retryAfterMs(words: readonly unknown[]): number {
  const seconds = Number(words[0] ?? 0);
  return seconds > 0 ? Math.min(seconds, MAX_RETRY_AFTER_S) * 1000 : 0;
}
