/** Full-jitter backoff: a random time up to twice the one before, between 0.25 s and 30 s, so that a fleet does not come back at once. `random` gives 0 to 1. */
export function backoffMs(attempt: number, random: () => number): number {
  const ceiling = Math.min(30_000, 500 * 2 ** Math.min(attempt, 16));
  return Math.max(250, Math.floor(random() * ceiling));
}
