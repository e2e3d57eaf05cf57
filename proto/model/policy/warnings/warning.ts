import type { ActualPolicy } from '../actual.ts';
import type { EffectivePolicy } from '../effective.ts';

/** How much it matters: for information, worth a second look, or likely to cut somebody off. */
export const SEVERITIES = ['note', 'caution', 'danger'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const WARNING_CODES = [
  'long-without-closing',
  'short-established',
  'long-established',
  'short-handshake',
  'helper-keeps-longer',
  'deny-everything',
  'off-everything',
  'off-with-helper',
  'off-with-nat',
  'off-one-way',
  'off-comes-first',
  'mode-for-all',
  'limit-under-use',
  'limit-counts-from-now',
  'table-under-use',
  'buckets',
  'memory',
] as const;
export type WarningCode = (typeof WARNING_CODES)[number];

/** What a good engineer would say before the policy is applied. `path`: that of the value's origin. */
export interface PolicyWarning {
  code: WarningCode;
  severity: Severity;
  path: string;
  message: string;
  reason: string;
}

/** What is known of a gateway beside its settings; absent is unknown. */
export interface GatewayFacts {
  /** Entries now, and the most in the last days. */
  count?: number;
  peakCount?: number;
  /** Measured. */
  bytesPerEntry?: number;
  memoryBytes?: number;
  isNatInUse?: boolean;
  /** Addresses with the most connections now. */
  topSources?: readonly AddressUse[];
  topDestinations?: readonly AddressUse[];
}

export interface AddressUse {
  address: string;
  connections: number;
}

/** What each check is given. */
export interface Occasion {
  effective: EffectivePolicy;
  actual?: ActualPolicy;
  facts: GatewayFacts;
}
