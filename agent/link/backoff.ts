/**
 * Full-jitter backoff: a random time up to twice the one before, between 0.25 s and 30 s, so that a fleet does not come back at once.
 * `random` gives 0 to 1.
 */
export function backoffMs(attempt: number, random: () => number): number {
  const ceiling = Math.min(30_000, 500 * 2 ** Math.min(attempt, 16));
  return Math.max(250, Math.floor(random() * ceiling));
}

/** The longest that a controller may tell an agent to stay away. */
const MAX_RETRY_AFTER_S = 600;
/** The metadata key of a refusal's code. */
export const CODE_KEY = 'ctfleet-code';
export const RETRY_AFTER_KEY = 'ctfleet-retry-after-seconds';

/**
 * How long a refusal says to stay away, in milliseconds: ten minutes at most, 0 where it says nothing that is a number. `words`: the
 * trailer's values.
 */
export function retryAfterMs(words: readonly unknown[]): number {
  const seconds = Number(words[0] ?? 0);
  return seconds > 0 ? Math.min(seconds, MAX_RETRY_AFTER_S) * 1000 : 0;
}
