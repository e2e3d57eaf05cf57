/** What rules that are not ours say about tracking: who else decides beside a policy, and where. */
export interface ForeignTracking {
  rules: ForeignRule[];
  /** Rules of which a part cannot be decoded; what they say about tracking, beside what is in `rules`, is not known. */
  undecoded: UndecodedRule[];
  /** Why rules are missing here altogether, as sentences: they could not be read, or iptables-legacy has some. */
  unread: string[];
  /** Rules of either list that were left out beyond its limit. */
  left: number;
}

export interface ForeignRule {
  place: RulePlace;
  says: TrackingSaying[];
  /** What it says, about as nft would write it. */
  text: string;
  comment?: string;
}

export interface UndecodedRule {
  place: RulePlace;
  /** Names of the expressions and targets that cannot be decoded. */
  parts: string[];
  text: string;
}

/** Where a rule stands. */
export interface RulePlace {
  /** As nft names it; numbers stand for others. */
  family: string;
  table: string;
  chain: string;
  /** Where packets come to it, by way of other chains too; empty if none does. */
  hooks: RuleHook[];
  /** From 1, within its chain. */
  position: number;
  /** As `nft -a` shows it. */
  handle: number;
}

export interface RuleHook {
  hook: string;
  priority: number;
}

/** What is done with the packets of a rule: `jump` to a chain of the same table that decides. */
export const RULE_ENDS = ['accept', 'drop', 'reject', 'jump', 'none'] as const;
export type RuleEnd = (typeof RULE_ENDS)[number];

export const LIMITED_BY = ['source', 'destination', 'all', 'other'] as const;

/**
 * One thing that a rule says about tracking.
 *
 *   notrack      no entry is made; `isTooLate` where the kernel has found or made it before the rule
 *   zone         entries are kept apart from those of other zones; without a number it is the packet's mark, or a map says it
 *   helper       by the kernel's name; by the name of its object where that is all that is known
 *   timeout      other timeouts than the gateway's, in seconds
 *   limit        connections at a time: more than so many (`isOver`), or at most so many
 *   expectation  an expected connection is announced by the rule
 *   events       which events are told of
 *   offload      packets pass the table by, in a flowtable
 *   invalid      what belongs to no connection
 *   mid-stream   TCP that does not begin with SYN
 *   untracked    what has no entry
 */
export type TrackingSaying =
  | { kind: 'notrack'; isTooLate?: true }
  | { kind: 'zone'; zone?: number; direction?: 'original' | 'reply' }
  | { kind: 'helper'; name?: string; isByMap?: true }
  | { kind: 'timeout'; name?: string; proto?: string; seconds?: Record<string, number>; isByMap?: true }
  | { kind: 'limit'; count: number; isOver: boolean; by: (typeof LIMITED_BY)[number] }
  | { kind: 'expectation' | 'events' | 'offload' }
  | { kind: 'invalid' | 'mid-stream' | 'untracked'; end: RuleEnd };
export type SayingKind = TrackingSaying['kind'];
