import type { NumberRange } from '../../proto/model/block/packets.ts';

/** Our own table, which nothing else writes to. */
export const POLICY_TABLE = { family: 'inet', table: 'ctfleet_policy' } as const;

/** Rises whenever the same rules become another table, so that an agent that was updated replaces what the one before it has made. */
export const TABLE_LAYOUT = 2;

/**
 * The table as a value: what is sent to nft, and what is read back.
 *
 *   prerouting, output  raw        ─▶ pol_off        ─▶ pol_untracked                 before tracking
 *   prerouting, output  mangle + 1 ─▶ pol_timeouts   ─▶ to_…                          new flows, after the gateway's own marks
 *                                  ─▶ pol_helpers    ─▶ he_…
 *   forward, input      filter - 10 ▶ pol_invalid    ─▶ pol_loose, pol_strict         packets that belong to no flow
 *                                  ─▶ pol_deny       ─▶ pol_drop, pol_reset           every packet of a flow
 *                                  ─▶ pol_new        ─▶ as pol_invalid                new flows
 *                                  ─▶ pol_limits     ─▶ li_… ─▶ pol_drop, pol_reset   first packets of flows
 *   output              filter - 10 ▶ pol_deny                                        replies of this gateway
 *
 * The chains in the middle have the rules of the policy in their order, and whichever matches is left by goto or return: it decides. Names
 * with … are hashes of what they stand for, so that the same name is always the same thing. No base chain accepts or drops by policy.
 */
export interface PolicyTable {
  timeouts: CtTimeout[];
  helpers: CtHelper[];
  limits: LimitSet[];
  chains: PolicyChain[];
}

/** `seconds`: of states by nft's words. Read back, only what nft says of them. */
export interface CtTimeout {
  name: string;
  proto: 'tcp' | 'udp';
  idleSeconds: number;
  seconds: Readonly<Record<string, number>>;
}

export interface CtHelper {
  name: string;
  type: string;
  proto: 'tcp' | 'udp';
}

/** Counts connections by address; what it has counted is lost with it. */
export interface LimitSet {
  name: string;
  family: 4 | 6;
}

export interface PolicyChain {
  name: string;
  /** Of a base chain. */
  base?: { hook: 'prerouting' | 'input' | 'forward' | 'output'; priority: number };
  rules: TableRule[];
}

/** `comment`: number and name of the rule of the policy that it is for. */
export interface TableRule {
  comment?: string;
  tests: Test[];
  acts: Act[];
}

/** One comparison. `of`: the packet itself, or the original direction of its flow, as it was before translation. */
export type Test =
  /** `tracked`: of a flow, new or not; `related`: an ICMP error about one, or the first of one that a helper has announced. */
  | { on: 'state'; state: 'new' | 'invalid' | 'related' | 'tracked' }
  /** Of its flow. */
  | { on: 'direction'; direction: 'original' | 'reply' }
  /** A helper has announced its flow. */
  | { on: 'expected' }
  | { on: 'iif' | 'oif'; names: string[] }
  | { on: 'src' | 'dst'; of: 'packet' | 'flow'; family: 4 | 6; prefixes: string[] }
  | { on: 'proto'; proto: number }
  | { on: 'sport' | 'dport'; of: 'packet' | 'flow'; ranges: NumberRange[] }
  | { on: 'zone'; zone: number }
  | { on: 'mark'; value: number; mask: number }
  /** TCP that does not begin with a SYN. */
  | { on: 'midstream' }
  /** Without an entry yet: only the first packet. A flow stays `new` until it is replied to. */
  | { on: 'unconfirmed' };

export type Act =
  | { do: 'accept' | 'drop' | 'return' | 'reset' | 'notrack' }
  | { do: 'goto' | 'jump'; chain: string }
  | { do: 'timeout' | 'helper'; name: string }
  /** True from the connection on that is beyond the limit. */
  | { do: 'limit'; set: string; by: 'src' | 'dst'; family: 4 | 6; over: number };

const ORDER: readonly Test['on'][] = [
  'state',
  'unconfirmed',
  'direction',
  'expected',
  'iif',
  'oif',
  'src',
  'dst',
  'proto',
  'sport',
  'dport',
  'zone',
  'mark',
  'midstream',
];

/** Tests in the one order in which they are written and compared. */
export function inOrder(tests: readonly Test[]): Test[] {
  return tests.toSorted((a, b) => ORDER.indexOf(a.on) - ORDER.indexOf(b.on));
}
