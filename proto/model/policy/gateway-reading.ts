import type { ActualPolicy } from './actual.ts';
import type { ForeignTracking } from './foreign-tracking.ts';

/** Capability of an agent that reads what its gateway is set to. */
export const READS_POLICY = 'read-policy';
/** An agent that can tell what a policy would do to the flows that are there now. */
export const PLANS_POLICY = 'plan-policy';
/** Capability of an agent that says what its gateway's rules do with a packet before there is an entry. */
export const EXPLAINS_TRACKING = 'explain-tracking';

/** Capability of an agent that puts a policy in force so that it is taken back unless it is confirmed over a new session. */
export const APPLIES_POLICY = 'apply-policy';
/** Capability of an agent that tells which policy is in force on its gateway, which waits to be confirmed, and what differs. */
export const REPORTS_POLICY = 'report-policy';

/**
 * Whether a kernel has a helper. `loadable`: a module that is not loaded yet; `unknown`: the kernel shows it neither as a module nor built
 * in, and where modules lie could not be read.
 */
export const HELPER_STATES = ['loaded', 'built-in', 'loadable', 'missing', 'unknown'] as const;
export type HelperState = (typeof HELPER_STATES)[number];

export interface KernelHelper {
  name: string;
  state: HelperState;
  /** How that is known, or why it is not, as a sentence. */
  evidence: string;
}

/** True for one that the kernel has, or can load. */
export function isHelperThere({ state }: Pick<KernelHelper, 'state'>): boolean {
  return state !== 'missing' && state !== 'unknown';
}

/** What one gateway is set to now, from every place that says something about tracking. */
export interface PolicyReading {
  actual: ActualPolicy;
  helpers: KernelHelper[];
  foreign: ForeignTracking;
  /** What could not be read of all this, as sentences. */
  unread: string[];
}

/** A packet of which it is asked whether it gets an entry. */
export interface AskedPacket {
  /** IPPROTO_* */
  proto: number;
  src: Uint8Array;
  dst: Uint8Array;
  sport?: number;
  dport?: number;
  /** Where it comes in; absent: by the interface that its source is reached by. */
  iif?: string;
}

/**
 * What the gateway's own rules do with the first packet of a flow.
 *
 *   untracked  a rule says `notrack`
 *   dropped    it is dropped or rejected before an entry is kept
 *   tracked    it gets an entry
 *   unknown    a rule decides by what is not known here
 */
export interface TrackingExplanation {
  outcome: (typeof EXPLANATION_OUTCOMES)[number];
  /** The hook at which that is decided. */
  hook?: string;
  /** The rule, for `untracked` and `dropped`; why, for `unknown`. */
  rule?: string;
  /** Interfaces by which it comes and goes as it was assumed; absent for the gateway itself. */
  iif?: string;
  oif?: string;
}

export const EXPLANATION_OUTCOMES = ['untracked', 'dropped', 'tracked', 'unknown'] as const;
