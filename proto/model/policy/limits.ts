export { MAX_DOCUMENT_BYTES as MAX_POLICY_BYTES } from '../yaml/limits.ts';

/** What bounds a policy, and each value in it. */
export const MAX_RULES = 200;
/** Values of one field of a match. */
export const MAX_LIST = 64;
/** Timeouts by the kernel's own names. */
export const MAX_OTHER_TIMEOUTS = 64;
/** Characters of a policy's and a tenant's name. */
export const MAX_NAME = 100;
export const MAX_RULE_NAME = 64;
/** In UTF-8: nft keeps 127 bytes of a comment, and ours begin with a number. */
export const MAX_RULE_NAME_BYTES = 120;

/** Of the table; a kernel counts in 31 bits. */
export const TABLE_RANGE = { max: { from: 128, to: 134_217_728 }, buckets: { from: 128, to: 134_217_728 } } as const;
/** Seconds, up to 24 days: the kernel keeps a timeout in ticks of up to 1000 a second, in 31 bits. */
export const TIMEOUT_RANGE = { from: 1, to: 24 * 86_400 } as const;
/** Connections of one address; the kernel refuses none of these. */
export const LIMIT_RANGE = { from: 1, to: 1_000_000 } as const;
export const ZONE_RANGE = { from: 0, to: 65_535 } as const;
