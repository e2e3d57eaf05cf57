/** Flows that honest plans name, one by one. */
export const BAIT = 'bait';
/** Flows that no plan of the trial ever names. */
export const SAFE = 'safe';

/** What the attacked agent's table holds; only a command that names a plan may change it. */
export const STATIC_FLOWS = [
  { name: BAIT, count: 500, dport: 5060 },
  { name: SAFE, count: 1500, dport: 443 },
] as const;
