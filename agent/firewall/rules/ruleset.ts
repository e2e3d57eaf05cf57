/**
 * A gateway's nf_tables as the kernel holds them: plain data, which a thread may hand to another. Numbers are those of
 * linux/netfilter/nf_tables.h.
 */
export interface Ruleset {
  chains: Chain[];
  /** By `family table name`. */
  sets: Record<string, RuleSet>;
  /** Objects of conntrack that rules refer to; only where they were asked for. */
  objects?: RuleObject[];
}

/** A helper or timeout by a name of its own, as rules refer to it. */
export interface RuleObject {
  family: number;
  table: string;
  name: string;
  /** OBJECT */
  kind: number;
  /** The kernel's name of the helper. */
  helper?: string;
  /** IPPROTO_* */
  proto?: number;
  /** Seconds, by the kernel's number of the state. */
  timeouts?: Record<number, number>;
}

/** NFPROTO_* of the families that packets of IPv4 and IPv6 meet. */
export const FAMILY = { inet: 1, ip: 2, netdev: 5, ip6: 10 } as const;

export interface Chain {
  family: number;
  table: string;
  name: string;
  /** Absent for a chain that only rules lead to. */
  base?: BaseChain;
  rules: Rule[];
}

export interface BaseChain {
  type: string;
  /** NF_INET_* or NF_NETDEV_*. */
  hook: number;
  priority: number;
  drops: boolean;
  /** Of family netdev. */
  devices: string[];
}

export interface Rule {
  handle: number;
  expressions: Expression[];
  comment?: string;
}

export type RuleVerdict =
  | { kind: 'accept' | 'drop' | 'continue' | 'break' | 'return' | 'queue' | 'stolen' }
  | { kind: 'jump' | 'goto'; chain: string };
export type Data = { value: Uint8Array } | { verdict: RuleVerdict };

/** Registers are offsets in bytes; `to` is where a value is put, `from` where it is taken. VERDICT is the register of verdicts. */
export const VERDICT = -1;

export type Expression =
  | { kind: 'immediate'; to: number; data: Data }
  | { kind: 'cmp'; from: number; op: number; value: Uint8Array }
  | { kind: 'range'; from: number; isInverted: boolean; low: Uint8Array; high: Uint8Array }
  | {
      kind: 'bitwise';
      from: number;
      to: number;
      length: number;
      op: number;
      mask?: Uint8Array;
      xor?: Uint8Array;
      shift?: number;
      from2?: number;
    }
  | { kind: 'byteorder'; from: number; to: number; length: number; size: number }
  | { kind: 'lookup'; set: string; from: number; to?: number; isInverted: boolean }
  | { kind: 'payload'; base: number; offset: number; length: number; to?: number; from?: number }
  | { kind: 'meta'; key: number; to?: number; from?: number }
  | { kind: 'ct'; key: number; direction?: number; to?: number; from?: number }
  | { kind: 'fib'; to: number; result: number; flags: number }
  | {
      kind: 'nat';
      isSource: boolean;
      family: number;
      addressFrom?: number;
      addressTo?: number;
      portFrom?: number;
      portTo?: number;
      flags: number;
    }
  | { kind: 'masq' | 'redir'; portFrom?: number; portTo?: number; flags: number }
  | { kind: 'number'; name: string; to: number; modulus: number; offset: number }
  /** `conditions`: what it applies to the element, such as a limit; those of the set where it has none of its own. */
  | { kind: 'dynset'; set: string; from: number; conditions: Expression[]; isInverted: boolean }
  | { kind: 'reject'; isReset: boolean }
  | { kind: 'match' | 'target'; name: string; revision: number; info: Uint8Array }
  /** Nothing that decides: counters, logs. */
  | { kind: 'quiet'; name: string }
  /** Takes an object (`OBJECT`) by its name, or by what a map says. */
  | { kind: 'object'; object: number; name?: string; map?: string }
  | { kind: 'notrack' }
  /**
   * Matches or does not, as packets before have it: limits, quotas. What is unknown here counts as one, and a value it loads is not known.
   */
  | { kind: 'chance'; name: string; to?: number; limit?: CountLimit };

/** Connections at a time: more than so many, or at most so many. */
export interface CountLimit {
  count: number;
  isOver: boolean;
}

/**
 * The elements of a set or map that rules look up, one behind the other in `keys`. Of intervals `ends` has the last key, included. `data`
 * are those of a map. A catch-all has no key.
 */
export interface RuleSet {
  name: string;
  keyLength: number;
  /** Lengths of the fields of a concatenation. */
  fields: number[];
  count: number;
  keys: Uint8Array;
  ends?: Uint8Array;
  data?: Data[];
  catchAll?: { data?: Data };
  /** Elements that end by themselves soon, by number. */
  ending?: Set<number>;
  /** Why its elements are not known. */
  why?: string;
}

export function setId(family: number, table: string, name: string): string {
  return `${family} ${table} ${name}`;
}
