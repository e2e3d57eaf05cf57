/** Questions that one replica may have open at another; more wait where they are asked. */
export const MAX_OPEN = 512;
/** Longer than any query waits. */
export const MAX_DEADLINE_MS = 60_000;
/** More rows than any query asks for. */
export const MAX_ROWS = 1_000_000;
