import type { RoutePrefix } from '../../netlink/route-messages.ts';
import type { Answer, Hook, Packet } from './packet.ts';

/** From and to, both included. */
export interface Range<T> {
  from: T;
  to: T;
}

/** Ports that a rule translates to; where there are none a port stays as it is unless it is taken, or `isRandom`. */
export interface PortTranslation {
  ports?: Range<number>;
  isRandom?: true;
}

/** Where destination translation sends a new flow. What is absent stays as it is. `rule` names the rule that decides. */
export type DestinationNat =
  | { kind: 'none' }
  | (PortTranslation & { kind: 'to'; addresses?: Range<Uint8Array>; rule: string })
  /** To the gateway itself. */
  | (PortTranslation & { kind: 'redirect'; rule: string });

/** How source translation changes a new flow that leaves; a masqueraded one takes an address of the interface that it leaves by. */
export type SourceNat =
  | { kind: 'none' }
  | (PortTranslation & { kind: 'masquerade'; rule: string })
  | (PortTranslation & { kind: 'to'; addresses?: Range<Uint8Array>; rule: string });

/** What the filter chains of a hook do with a packet; `rule` names the rule, or the chain whose policy it is. */
export type Verdict = { kind: 'accepted' } | { kind: 'dropped'; rule: string } | { kind: 'rejected'; with: 'reset' | 'icmp'; rule: string };

export interface Marks {
  /** Only the bits that were asked for. */
  mark: number;
  /** The mark of the entry; undefined where it is not known. */
  ctMark: number | undefined;
  /** False where a rule has said `notrack`. */
  isTracked: boolean;
  /** The rule that said it. */
  untrackedBy?: string;
}

/**
 * Everything that rules may ask of a packet. `icmp` is type and code; `original` and `reply` are the ends of the entry; `translation` is
 * what they make of the destination (before routing) or the source (after it) of a packet that follows its entry; `routes` is which of the
 * gateway's routes lead to its addresses; `other` is what a packet here does not say, such as its length.
 */
export type Field =
  | 'in'
  | 'out'
  | 'src'
  | 'dst'
  | 'proto'
  | 'sport'
  | 'dport'
  | 'icmp'
  | 'tcpFlags'
  | 'mark'
  | 'state'
  | 'direction'
  | 'ctMark'
  | 'status'
  | 'original'
  | 'reply'
  | 'translation'
  | 'helper'
  | 'zone'
  | 'routes'
  | 'other';

/** What tells addresses apart: in which of these prefixes they lie, or, where `areWhole` is set, every bit of them. */
export interface AddressReads {
  prefixes: RoutePrefix[];
  areWhole: boolean;
}

/**
 * What evaluation of a hook reads of packets. Two packets that are equal in `fields`, whose addresses and ports lie in the same pieces and
 * whose marks agree in these bits have the same answers, so that a caller can ask once for all that are alike.
 */
export interface Reads {
  fields: ReadonlySet<Field>;
  sources: AddressReads;
  destinations: AddressReads;
  sports: [from: number, to: number][];
  dports: [from: number, to: number][];
  /** Bits of the packet's and of the entry's mark. */
  mark: number;
  ctMark: number;
}

/** A gateway's rules, as they were when they were read. */
export interface Rules {
  /**
   * What the packet's mark and its entry's mark are when routing asks, after all chains of the hook.
   * @param bits of the packet's mark that must be known, such as those that an `ip rule` reads; the answer holds these only
   */
  marks(hook: 'prerouting' | 'output', packet: Packet, bits?: number): Answer<Marks>;
  /** Where destination translation sends a new flow whose first packet this is. */
  destination(hook: 'prerouting' | 'output', packet: Packet): Answer<DestinationNat>;
  /** How source translation changes a new flow whose first packet this is, as it leaves `postrouting` (or comes in by `input`). */
  source(packet: Packet, hook?: 'postrouting' | 'input'): Answer<SourceNat>;
  /** Every base chain of type filter (and route) of a hook, in order of priority, must let the packet pass. */
  verdict(hook: Hook, packet: Packet): Answer<Verdict>;
  reads(hook: Hook): Reads;
}
