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

export const REGISTER_BYTES = 64;
export const INTERFACE_BYTES = 16;
/** NFPROTO_* */
export const NFPROTO = { 4: 2, 6: 10 } as const;

/** One rule as it is carried out, expression by expression. */
export class RuleRun {
  readonly place: Place;
  readonly chain: Chain;
  /** Not to be changed; see `change`. */
  state: State;
  readonly registers: Bits;
  #isOwn = false;
  /** Numbers that a register may hold, of which chance chooses. */
  choice: { at: number; values: number[] } | undefined;
  /** What the rule decides; several where a map is asked with what is not known. */
  decisions: Decision[] = [{ kind: 'continue' }];
  /** What of the rule cannot be told. */
  doubt: string | undefined;

  /** @param registers room for one rule at a time; what rules before have left is not seen */
  constructor(place: Place, chain: Chain, state: State, registers: Bits) {
    registers.known.fill(0);
    this.registers = registers;
    this.place = place;
    this.chain = chain;
    this.state = state;
  }

  get family(): 4 | 6 {
    return this.place.packet.family;
  }

  /** The state as a copy of this rule's own, which may be changed. */
  change(): State {
    if (!this.#isOwn) this.state = this.state.clone();
    this.#isOwn = true;
    return this.state;
  }

  /** The state as it is now; what the rule changes afterwards is not seen in it. */
  keep(): State {
    this.#isOwn = false;
    return this.state;
  }

  /** Values are padded to whole registers with zeros. */
  put(at: number, bits: Bits): void {
    this.registers.copy(at, bits, 0, bits.length);
    this.#pad(at, bits.length);
  }

  /** Puts a part of something longer. */
  load(at: number, from: Bits | undefined, offset: number, length: number): void {
    if (from) this.registers.copy(at, from, offset, length);
    else this.registers.known.fill(0, at, at + length);
    this.#pad(at, length);
  }

  #pad(at: number, length: number): void {
    const end = at + ((length + 3) & ~3);
    this.registers.value.fill(0, at + length, end);
    this.registers.known.fill(0xff, at + length, end);
    if (this.choice && at <= this.choice.at && end > this.choice.at) this.choice = undefined;
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
    if (hasEntry !== false) this.change().ctMark = hasEntry ? mark : mark.join(state.ctMark);
  }

  /** NF_CT_STATE_BIT of the packet: exactly one is set. */
  ctState(): Bits {
    const { isAfterConntrack, packet } = this.place;
    if (this.state.isTracked === undefined) return Bits.unknown(4);
    if (!this.state.isTracked) return Bits.host(CT_STATE_BIT.untracked);
    return Bits.host(isAfterConntrack ? CT_STATE_BIT[packet.ct.state] : CT_STATE_BIT.invalid);
  }

  /**
   * The ends of the entry. Of one that begins, the original ones are those of the packet as it came: its source until it leaves, its
   * destination unless that was translated.
   */
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
