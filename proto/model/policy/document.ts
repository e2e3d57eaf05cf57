import type { NumberRange } from '../block/packets.ts';
import type { Masked } from '../mark.ts';
import type { TimeoutKey } from './settings.ts';

/** What a document begins with. */
export const API_VERSION = 'ctfleet/v1';
export const POLICY_KIND = 'TrackingPolicy';

/** Named sets of timeouts, in `profiles.ts`; what a document says itself comes before them. */
export const PROFILE_NAMES = ['normal', 'busy-nat'] as const;
export type ProfileName = (typeof PROFILE_NAMES)[number];

/**
 * How closely the connections of a rule are tracked.
 *
 *   off      not at all: no entry, no translation, and replies only by a rule of their own
 *   loose    a connection may be joined in the middle
 *   normal   it begins as its protocol begins; what belongs to no connection is dropped
 *   strict   as normal, and every packet must lie in the window and have a right checksum
 *   deny     not at all: no such connection begins, and none that is there goes on
 */
export const MODES = ['off', 'loose', 'normal', 'strict', 'deny'] as const;
export type Mode = (typeof MODES)[number];

/** What a connection gets that is denied or beyond a limit. Only TCP can be reset; anything else is dropped in either case. */
export const ANSWERS = ['drop', 'reset'] as const;
export type Answer = (typeof ANSWERS)[number];

/**
 * What happens when somebody changes by hand what a policy has set: it is left and reported until somebody decides, or set again at once
 * and reported all the same.
 */
export const DRIFT_WAYS = ['report', 'restore'] as const;
export type DriftWay = (typeof DRIFT_WAYS)[number];

/** A policy as operators write it; `read.ts` and `write.ts` are its text. Absent means that the policy says nothing about it. */
export interface PolicyDocument {
  metadata: { name: string; tenant?: string };
  spec: PolicySpec;
}

export interface PolicySpec extends PolicyValues {
  profile?: ProfileName;
}

/** All that a gateway can be set to. */
export interface PolicyValues {
  table: { max?: number; buckets?: number };
  /** Seconds. */
  timeouts: Timeouts;
  /** Protocol helpers at their usual ports, by the kernel's names; an empty list means none. */
  helpers?: string[];
  accounting?: boolean;
  timestamps?: boolean;
  /** `auto`: only while a program listens. */
  events?: boolean | 'auto';
  /** Absent: `report`. No value of the kernel. */
  drift?: DriftWay;
  /** In order of precedence; names are unique. */
  rules: PolicyRule[];
}

export type Timeouts = Partial<Record<TimeoutKey, number>>;

/**
 * What holds for some of the traffic. Of the rules that match, the first that says something about mode, idle timeout, helper or limits
 * decides about it, each by itself; rules of mode `off` come before all other modes (see docs/policies.md).
 */
export interface PolicyRule {
  name: string;
  match: PolicyMatch;
  mode?: Mode;
  /** Of mode `deny`, and of no other. */
  answer?: Answer;
  /** For TCP that of established connections, for UDP both. */
  idleTimeoutSeconds?: number;
  helper?: string;
  limits?: RuleLimits;
}

/** A packet of the original direction matches if all fields do, and a field if one of its values does. No field: all packets. */
export interface PolicyMatch {
  /** As `protocolName` says it. */
  proto?: string;
  /** Prefixes or addresses of either family, in canonical text. */
  src?: string[];
  dst?: string[];
  sport?: NumberRange[];
  dport?: NumberRange[];
  /** Interfaces; one that ends in `*` stands for all that begin so. */
  iif?: string[];
  oif?: string[];
  zone?: number;
  /** Of the packet, not of the connection. */
  mark?: Masked;
}

/** Connections at the same time; at least one of the two is there. */
export interface RuleLimits {
  perSource?: number;
  perDestination?: number;
  answer: Answer;
}
