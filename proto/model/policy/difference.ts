import type { PolicyRule } from './document.ts';

/** What would be done about one value. `reason` is a sentence with the cure, if there is one. */
export type Verdict = { kind: 'set' } | { kind: 'unchanged' } | { kind: 'refused'; reason: string };

/** One value of the policy on one gateway: `path` is that of its origin. */
export type PolicyChange = SettingChange | HelperChange | RuleChange;

/** Of a number below /proc/sys/net/netfilter. `from` is absent if this kernel does not have it. */
export interface SettingChange {
  on: 'setting';
  path: string;
  /** The kernel's file name. */
  setting: string;
  from?: number;
  to: number;
  verdict: Verdict;
}

/** Of a helper at its usual ports. */
export interface HelperChange {
  on: 'helper';
  path: string;
  helper: string;
  from: boolean;
  to: boolean;
  verdict: Verdict;
}

/** Of a rule: `from` is absent for a new one, `to` for one that the policy no longer has. */
export interface RuleChange {
  on: 'rule';
  path: string;
  rule: string;
  from?: PolicyRule;
  to?: PolicyRule;
  verdict: Verdict;
}

/** What is wanted against what is there. */
export interface PolicyDifference {
  /** Settings in the order of the catalogue, then helpers, then rules in their order. */
  changes: PolicyChange[];
  /** Rules that stay are in another order than before. */
  isReordered: boolean;
  /** What was found in our table that is not by us; it goes when the table is replaced. */
  strange: string[];
}
