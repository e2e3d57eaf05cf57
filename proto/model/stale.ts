/**
 * Why a flow is stale: deleting it would heal it, because its next packet would begin a flow that the gateway treats differently.
 * `address-gone`: it has an address that was one of the gateway's and no longer is. `route-moved`: the route that its packets take leads
 * out by another WAN or a tunnel. `wan-down`: its mark still leads to its WAN, which is down, while a new flow would take one that works.
 * `untranslated`: it leaves by a WAN with its inner address, began before a rule translated such flows, and no answer ever came.
 * `forward-changed`: its port forward was removed, or leads elsewhere now.
 */
export const STALE_REASONS = ['address-gone', 'route-moved', 'wan-down', 'untranslated', 'forward-changed'] as const;
export type StaleReason = (typeof STALE_REASONS)[number];

/** Reasons that agents and controllers of version 0.1.0 do not know. */
export const NEW_STALE_REASONS: readonly StaleReason[] = ['untranslated', 'forward-changed'];

/** `yes` is any of the reasons. */
export const STALE_WORDS: string[] = ['yes', ...STALE_REASONS];

export function isStaleReason(word: string): word is StaleReason {
  return (STALE_REASONS as readonly string[]).includes(word);
}
