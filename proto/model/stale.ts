/**
 * Why a flow is stale: its packets leave the gateway with an address that will not bring an answer back.
 * `address-gone`: the address was one of the gateway's and is no longer. `route-moved`: the route that its packets take leads out of another WAN.
 * `wan-down`: its mark still leads to its WAN, which is down, while a new flow would take one that works.
 */
export const STALE_REASONS = ['address-gone', 'route-moved', 'wan-down'] as const;
export type StaleReason = (typeof STALE_REASONS)[number];

/** `yes` is any of the reasons. */
export const STALE_WORDS: string[] = ['yes', ...STALE_REASONS];

export function isStaleReason(word: string): word is StaleReason {
  return (STALE_REASONS as readonly string[]).includes(word);
}
