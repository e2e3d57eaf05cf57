import { Bits, type Tri } from './bits.ts';
import { CT_STATE_BIT, RTN } from './nf-tables.ts';
import type { Ends, Hook, Packet } from './packet.ts';
import type { Chain, RuleSet, RuleVerdict } from './ruleset.ts';
import { interfaceOf, type State, type Translation } from './state.ts';
import { addressTypeOf, type Surroundings } from './surroundings.ts';

export type Decision = RuleVerdict | { kind: 'reject'; with: 'reset' | 'icmp' } | { kind: 'translate'; translation: Translation };

/** Where a rule is met, and by what. */
export interface Place {
  packet: Packet;
  hook: Hook;
  /** False in chains that come before conntrack has looked at the packet. */
  isAfterConntrack: boolean;
  surroundings: Surroundings;
  sets: Readonly<Record<string, RuleSet>>;
}

const REGISTER_BYTES = 64;
export const INTERFACE_BYTES = 16;
/** NFPROTO_* */
export const NFPROTO = { 4: 2, 6: 10 } as const;

/** One rule as it is carried out, expression by expression. */
export class RuleRun {
  readonly place: Place;
  readonly chain: Chain;
  readonly state: State;
  readonly registers = Bits.unknown(REGISTER_BYTES);
  /** Numbers that a register may hold, of which chance chooses. */
  choice: { at: number; values: number[] } | undefined;
  /** What the rule decides; several where a map is asked with what is not known. */
  decisions: Decision[] = [{ kind: 'continue' }];
  /** What of the rule cannot be told. */
  doubt: string | undefined;

  constructor(place: Place, chain: Chain, state: State) {
    this.place = place;
    this.chain = chain;
    this.state = state;
  }

  get family(): 4 | 6 {
    return this.place.packet.family;
  }

  put(at: number, bits: Bits): void {
    // Values are padded to whole registers.
    const padded = new Bits(new Uint8Array((bits.length + 3) & ~3));
    padded.set(0, bits);
    this.registers.set(at, padded);
    if (this.choice && at <= this.choice.at && at + padded.length > this.choice.at) this.choice = undefined;
  }

  get(at: number, length: number): Bits {
    return this.registers.slice(at, length);
  }

  decide(...decisions: Decision[]): true {
    this.decisions = decisions;
    return true;
  }

  /** PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST. */
  packetType(): Bits {
    const { packet, hook, surroundings } = this.place;
    const type = addressTypeOf(this.state.address(this.family, 'dst'), surroundings);
    if (type === undefined || interfaceOf(packet, hook, 'in') === 'lo') return Bits.unknown(1);
    return Bits.u8(type === RTN.BROADCAST ? 1 : type === RTN.MULTICAST ? 2 : 0);
  }

  /** Whether there is an entry that the packet belongs to. */
  get hasEntry(): Tri {
    const { isAfterConntrack, packet } = this.place;
    if (!isAfterConntrack || packet.ct.state === 'invalid' || packet.ct.state === 'untracked') return false;
    return this.state.isTracked === true ? true : this.state.isTracked === false ? false : undefined;
  }

  setCtMark(mark: Bits): void {
    const { hasEntry, state } = this;
    if (hasEntry !== false) state.ctMark = hasEntry ? mark : mark.join(state.ctMark);
  }

  /** NF_CT_STATE_BIT of the packet: exactly one is set. */
  ctState(): Bits {
    const { isAfterConntrack, packet } = this.place;
    if (this.state.isTracked === undefined) return Bits.unknown(4);
    if (!this.state.isTracked) return Bits.host(CT_STATE_BIT.untracked);
    return Bits.host(isAfterConntrack ? CT_STATE_BIT[packet.ct.state] : CT_STATE_BIT.invalid);
  }

  /** The ends of the entry. Of one that begins, the original ones are those of the packet as it came: its source until it leaves, its destination unless that was translated. */
  ends(direction: 'original' | 'reply'): Ends {
    const { ct, src, dst, sport, dport } = this.place.packet;
    const given = ct[direction] ?? {};
    if (direction === 'reply' || ct.direction === 'reply') return given;
    const { hook } = this.place;
    const own: Ends = hook === 'prerouting' || hook === 'output' ? { src, dst, sport, dport } : hook === 'forward' ? { src, sport } : {};
    return { ...own, ...given };
  }

}

/** A name of an interface as registers have it; empty for none. */
export function nameBits(name: string | null | undefined): Bits {
  if (name === undefined) return Bits.unknown(INTERFACE_BYTES);
  const bytes = new Uint8Array(INTERFACE_BYTES);
  bytes.set(new TextEncoder().encode(name ?? '').subarray(0, INTERFACE_BYTES - 1));
  return new Bits(bytes);
}
