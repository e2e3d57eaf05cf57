/** Where a packet passes through the gateway's rules. */
export type Hook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';

export type ConntrackState = 'new' | 'established' | 'related' | 'invalid' | 'untracked';

/** One direction of an entry. Absent is not known. */
export interface Ends {
  src?: Uint8Array;
  dst?: Uint8Array;
  sport?: number;
  dport?: number;
}

/** What conntrack knows of a packet when it has looked at it. */
export interface PacketConntrack {
  state: ConntrackState;
  direction: 'original' | 'reply';
  /** The mark of the entry as the packet comes to the hook; absent, it is 0 before routing for a new one, and not known elsewhere. */
  mark?: number;
  /** IPS_* bits. Where they are absent it is not known whether the entry translates. */
  status?: number;
  original?: Ends;
  reply?: Ends;
  /** The name of its helper; null for none. */
  helper?: string | null;
  zone?: number;
}

/**
 * A packet as a hook meets it, as far as rules ask. What is undefined is not known: a rule whose answer depends on it is answered with not
 * known. Before routing (`prerouting`, `output`) its addresses are those with which it comes, after routing those with which it would
 * leave.
 */
export interface Packet {
  family: 4 | 6;
  /** Interface name; null for one of the gateway's own. */
  in?: string | null;
  /** Interface name; null for one to the gateway itself. Nothing is read of it before routing, save in `output`. */
  out?: string | null;
  src: Uint8Array;
  dst: Uint8Array;
  /** IPPROTO_* */
  proto: number;
  sport?: number;
  dport?: number;
  icmpType?: number;
  icmpCode?: number;
  /** TCP_FLAG bits as in the header: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32. */
  tcpFlags?: number;
  /** The packet's mark at the begin of the hook; 0 for one that comes in. */
  mark?: number;
  ct: PacketConntrack;
}

/** Yes or no with certainty, or not known and why: the rule (family, table, chain, text) and what of it cannot be told. */
export type Answer<T> = { isKnown: true; value: T } | { isKnown: false; why: string };

export const TCP_FLAGS = { FIN: 0x01, SYN: 0x02, RST: 0x04, PSH: 0x08, ACK: 0x10, URG: 0x20 } as const;
