import type { StaleReason } from './stale.ts';

/** IPv4 or IPv6. */
export type Family = 4 | 6;

/** ICMP and ICMPv6 have these instead of ports. */
export interface Icmp {
  type: number;
  code: number;
  id: number;
}

/** One direction of a flow. Addresses are canonical text (RFC 5952 for IPv6). Ports are absent if the protocol has none. */
export interface Tuple {
  src: string;
  dst: string;
  sport?: number;
  dport?: number;
  icmp?: Icmp;
  /** GRE version 1 call ids; 0 for version 0. */
  srcKey?: number;
  dstKey?: number;
  /** A zone for this direction only. */
  zone?: number;
}

/** 64-bit counters; `bigint` in code, decimal strings in JSON. */
export interface Counters {
  packets: bigint;
  bytes: bigint;
}

/** One value per direction. */
export interface Both<Value> {
  orig: Value;
  reply: Value;
}

/** How the kernel shifts the sequence numbers of one direction of a TCP stream: by `before` ahead of `position`, by `after` beyond it. */
export interface SeqAdjust {
  position: number;
  before: number;
  after: number;
}

/** What a SYN proxy answered the client on behalf of the server. */
export interface Synproxy {
  isn: number;
  its: number;
  timestampOffset: number;
}

/** State that only the kernel's trackers use: kept so that an ended flow can be restored as it was. */
export interface Tracker {
  /** TCP window scale; absent if a connection does not scale, or began before the kernel saw it. */
  windowScale?: Both<number>;
  seqAdjust?: Both<SeqAdjust>;
  synproxy?: Synproxy;
  /** SCTP verification tags: the kernel refuses packets with others. */
  sctpTags?: Both<number>;
  /** `role` of the original direction: 0 client, 1 server. */
  dccp?: { role: number; handshakeSeq: bigint };
}

/** Identifies one entry of one table exactly. A reused tuple has another id. */
export interface FlowKey {
  family: Family;
  /** IANA protocol number. */
  proto: number;
  orig: Tuple;
  /** The zone of both directions; 0 is the kernel's default zone. */
  zone: number;
  /** CTA_ID: 32 bits, unique only together with the tuple. */
  id: number;
}

/** One entry of a conntrack table. Absent means unknown, never zero. */
export interface Flow extends FlowKey {
  reply: Tuple;
  /** TCP, SCTP or DCCP state in the kernel's words, upper case. */
  state?: string;
  /** IPS_* bits; see status.ts. */
  status: number;
  /** Remaining seconds; absent for an offloaded flow. */
  timeoutSeconds?: number;
  /** Whole seconds since its last packet, if known for certain. */
  idleSeconds?: number;
  /** Bounds if they are not known exactly; `atMost` absent: no upper bound. */
  idleBounds?: { atLeast: number; atMost?: number };
  startedAtMs?: number;
  origCounters?: Counters;
  replyCounters?: Counters;
  /** Both directions together; from two readings of a table that counts packets. */
  rateBitsPerSecond?: number;
  mark: number;
  labels: string[];
  helper?: string;
  master?: FlowKey;
  tracker?: Tracker;
  /** The WAN whose address the flow uses, by the gateway's own naming. */
  wan?: string;
  /** Why deleting it would heal it, `no` if it would not; absent if not requested or unknown. */
  stale?: StaleReason | 'no';
  /** The WAN by which it would leave if it began now, empty for none; set only for evaluating a filter, never shown. */
  nextWan?: string;
  /** Why no plan may touch this flow; absent if it may be deleted. */
  protectedBy?: string;
}
