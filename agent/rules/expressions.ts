import { HOST_IS_LITTLE_ENDIAN } from '../netlink/constants.ts';
import { Bits, not, type Tri } from './bits.ts';
import { lookUp } from './lookup.ts';
import { BITWISE, CMP, CT, CT_STATE_BIT, FIB_FLAG, FIB_RESULT, META, NAT_NETMAP, RTN } from './nf-tables.ts';
import type { Ends, Hook, Packet } from './packet.ts';
import { setId, VERDICT, type Chain, type Expression, type RuleSet, type RuleVerdict } from './ruleset.ts';
import { interfaceOf, type State, type Translation } from './state.ts';
import { addressTypeOf, type Surroundings } from './surroundings.ts';
import { xtMatches } from './xt-matches.ts';
import { xtTarget } from './xt-targets.ts';

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
const INTERFACE_BYTES = 16;
const NFPROTO = { 4: 2, 6: 10 } as const;
const ETHERTYPE = { 4: 0x0800, 6: 0x86dd } as const;

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

  /** Whether the rule goes on after this expression. */
  step(expression: Expression): Tri {
    const answer = this.#step(expression);
    if (answer === undefined) this.doubt ??= doubtOf(expression);
    return answer;
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

  #step(expression: Expression): Tri {
    switch (expression.kind) {
      case 'immediate':
        if ('verdict' in expression.data) return this.decide(expression.data.verdict);
        this.put(expression.to, new Bits(expression.data.value));
        return true;
      case 'cmp': return compare(this.get(expression.from, expression.value.length), expression.op, expression.value);
      case 'range': {
        const isWithin = this.get(expression.from, expression.low.length).isWithin(expression.low, expression.high);
        return expression.isInverted ? not(isWithin) : isWithin;
      }
      case 'bitwise': return this.#bitwise(expression);
      case 'byteorder': {
        const bits = this.get(expression.from, expression.length);
        // Pieces of 2 bytes stand each at its place as payloads have it.
        this.put(expression.to, HOST_IS_LITTLE_ENDIAN ? bits.swap(expression.size) : bits);
        return true;
      }
      case 'lookup': return this.#lookup(expression);
      case 'payload':
        if (expression.from !== undefined) this.state.write(expression.base, expression.offset, this.get(expression.from, expression.length));
        else this.put(expression.to!, this.state.payload(expression.base, expression.offset, expression.length));
        return true;
      case 'meta': return expression.from !== undefined ? this.#setMeta(expression.key, expression.from) : this.#meta(expression.key, expression.to!);
      case 'ct': return expression.from !== undefined ? this.#setCt(expression.key, expression.from) : this.#ct(expression);
      case 'fib': return this.#fib(expression);
      case 'nat': return this.#nat(expression);
      case 'masq':
      case 'redir': {
        const translation = { isSource: expression.kind === 'masq', kind: expression.kind === 'masq' ? 'masquerade' as const : 'redirect' as const, ports: this.#ports(expression), rule: '' };
        return this.decide({ kind: 'translate', translation });
      }
      case 'number': {
        const { to, offset, modulus } = expression;
        this.put(to, Bits.unknown(4));
        if (modulus > 0 && modulus <= 256) {
          this.choice = { at: to, values: Array.from({ length: modulus }, (_, n) => offset + n) };
          this.put(to, this.choice.values.map((value) => Bits.host(value)).reduce((a, b) => a.join(b)));
          this.choice = { at: to, values: Array.from({ length: modulus }, (_, n) => offset + n) };
        }
        return true;
      }
      case 'dynset': return expression.hasConditions ? undefined : expression.isInverted ? undefined : true;
      case 'reject': return this.decide({ kind: 'reject', with: expression.isReset ? 'reset' : 'icmp' });
      case 'match': return xtMatches(expression, this);
      case 'target': return xtTarget(expression, this);
      case 'notrack':
        if (!this.place.isAfterConntrack) this.state.isTracked = false;
        return true;
      case 'quiet': return true;
      case 'chance':
        if (expression.to !== undefined) this.put(expression.to, Bits.unknown(INTERFACE_BYTES));
        return undefined;
    }
  }

  #bitwise({ from, from2, to, length, op, mask, xor, shift = 0 }: Expression & { kind: 'bitwise' }): true {
    const bits = this.get(from, length);
    const other = from2 === undefined ? new Bits(mask ?? new Uint8Array(length)) : this.get(from2, length);
    if (op === BITWISE.MASK_XOR) this.put(to, bits.maskXor(mask!, xor!));
    else if (op === BITWISE.AND) this.put(to, bits.and(other));
    else if (op === BITWISE.OR) this.put(to, bits.or(other));
    else if (op === BITWISE.XOR) this.put(to, bits.xor(other));
    else this.put(to, bits.shift(op === BITWISE.LSHIFT ? shift : -shift));
    return true;
  }

  #lookup({ set: name, from, to, isInverted }: Expression & { kind: 'lookup' }): Tri {
    const set = this.place.sets[setId(this.chain.family, this.chain.table, name)];
    if (!set || set.why !== undefined) {
      this.doubt = `${name}: ${set?.why ?? 'the set has not been read'}`;
      if (to === VERDICT) this.decisions = [{ kind: 'queue' }];
      else if (to !== undefined) this.put(to, Bits.unknown(INTERFACE_BYTES));
      return undefined;
    }
    const key = this.get(from, set.keyLength);
    const keys = this.choice?.at === from && set.keyLength === 4 ? this.choice.values.map((value) => Bits.host(value)) : [key];
    const found = keys.map((each) => lookUp(set, each));
    const hits = found.flatMap(({ hits: each }) => each);
    const isFound: Tri = found.every(({ isSure }) => isSure) ? true : hits.length === 0 ? false : undefined;
    if (to !== undefined && hits.length > 0) {
      const values = hits.flatMap((hit) => (hit && 'value' in hit ? [hit.value] : []));
      const verdicts = hits.flatMap((hit) => (hit && 'verdict' in hit ? [hit.verdict] : []));
      if (to === VERDICT) this.decisions = verdicts;
      else if (values.length > 0) this.put(to, values.map((value) => new Bits(value)).reduce((a, b) => a.join(b)));
    }
    return isInverted ? not(isFound) : isFound;
  }

  #meta(key: number, to: number): Tri {
    const { packet, hook, surroundings } = this.place;
    const device = (side: 'in' | 'out'): string | null | undefined => interfaceOf(packet, hook, side);
    switch (key) {
      case META.PROTOCOL: this.put(to, Bits.u16(ETHERTYPE[this.family])); return true;
      case META.NFPROTO: this.put(to, Bits.u8(NFPROTO[this.family])); return true;
      case META.L4PROTO: this.put(to, Bits.u8(packet.proto)); return true;
      case META.MARK: this.put(to, this.state.mark); return true;
      case META.IIFNAME: this.put(to, nameBits(device('in'))); return true;
      case META.OIFNAME: this.put(to, nameBits(device('out'))); return true;
      case META.IIF: this.put(to, indexBits(device('in'), surroundings)); return true;
      case META.OIF: this.put(to, indexBits(device('out'), surroundings)); return true;
      case META.PKTTYPE: this.put(to, this.packetType()); return true;
      case META.SKUID:
      case META.SKGID:
      case META.CGROUP:
        this.put(to, Bits.unknown(4));
        return typeof device('in') === 'string' ? false : undefined;
      default: this.put(to, Bits.unknown(INTERFACE_BYTES)); return true;
    }
  }

  /** PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST. */
  packetType(): Bits {
    const { packet, hook, surroundings } = this.place;
    const type = addressTypeOf(this.state.address(this.family, 'dst'), surroundings);
    if (type === undefined || interfaceOf(packet, hook, 'in') === 'lo') return Bits.unknown(1);
    return Bits.u8(type === RTN.BROADCAST ? 1 : type === RTN.MULTICAST ? 2 : 0);
  }

  #setMeta(key: number, from: number): true {
    if (key === META.MARK) this.state.mark = this.get(from, 4);
    return true;
  }

  #setCt(key: number, from: number): true {
    if (key === CT.MARK) this.setCtMark(this.get(from, 4));
    return true;
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

  #ct({ key, direction, to: register }: Expression & { kind: 'ct' }): Tri {
    const to = register!;
    if (key === CT.STATE) {
      this.put(to, this.ctState());
      return true;
    }
    const { packet } = this.place;
    const ends = (): Ends => this.ends(direction === 1 ? 'reply' : 'original');
    const addressBytes = this.family === 4 ? 4 : 16;
    switch (key) {
      case CT.DIRECTION: this.put(to, Bits.u8(packet.ct.direction === 'reply' ? 1 : 0)); break;
      case CT.STATUS: this.put(to, this.state.status); break;
      case CT.MARK: this.put(to, this.state.ctMark); break;
      case CT.HELPER: {
        const { helper } = packet.ct;
        if (helper === null) return false;
        this.put(to, helper === undefined ? Bits.unknown(INTERFACE_BYTES) : nameBits(helper));
        return helper === undefined ? undefined : this.hasEntry;
      }
      case CT.L3PROTOCOL: this.put(to, Bits.u8(NFPROTO[this.family])); break;
      case CT.PROTOCOL: this.put(to, Bits.u8(packet.proto)); break;
      case CT.SRC_IP: case CT.SRC_IP6: case CT.SRC:
        if ((key === CT.SRC_IP && this.family === 6) || (key === CT.SRC_IP6 && this.family === 4)) return false;
        this.put(to, Bits.of(ends().src, addressBytes)); break;
      case CT.DST_IP: case CT.DST_IP6: case CT.DST:
        if ((key === CT.DST_IP && this.family === 6) || (key === CT.DST_IP6 && this.family === 4)) return false;
        this.put(to, Bits.of(ends().dst, addressBytes)); break;
      case CT.PROTO_SRC: this.put(to, Bits.u16(ends().sport)); break;
      case CT.PROTO_DST: this.put(to, Bits.u16(ends().dport)); break;
      case CT.ZONE: {
        const { zone } = packet.ct;
        this.put(to, zone === undefined ? Bits.unknown(2) : Bits.host(zone).slice(HOST_IS_LITTLE_ENDIAN ? 0 : 2, 2));
        break;
      }
      default: this.put(to, Bits.unknown(INTERFACE_BYTES));
    }
    return this.hasEntry;
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

  #fib({ to, result, flags }: Expression & { kind: 'fib' }): Tri {
    const { packet, hook, surroundings } = this.place;
    const side = (flags & FIB_FLAG.SOURCE) !== 0 ? 'src' : 'dst';
    const address = this.state.address(this.family, side);
    if (result === FIB_RESULT.TYPE) {
      const limit = (flags & FIB_FLAG.IIF) !== 0 ? interfaceOf(packet, hook, 'in') : (flags & FIB_FLAG.OIF) !== 0 ? interfaceOf(packet, hook, 'out') : null;
      const link = limit == null ? undefined : [...surroundings.links].find(([, name]) => name === limit)?.[0];
      const isKnown = limit !== undefined && (limit === null || link !== undefined);
      this.put(to, Bits.host(isKnown ? addressTypeOf(address, surroundings, link) : undefined));
      return true;
    }
    this.put(to, Bits.unknown(result === FIB_RESULT.OIFNAME && (flags & FIB_FLAG.PRESENT) === 0 ? INTERFACE_BYTES : 4));
    return true;
  }

  #nat({ isSource, addressFrom, addressTo, portFrom, portTo, flags, family }: Expression & { kind: 'nat' }): Tri {
    if (family !== NFPROTO[this.family] && family !== 1) return false;
    const length = this.family === 4 ? 4 : 16;
    const low = addressFrom === undefined ? undefined : this.get(addressFrom, length);
    const high = addressTo === undefined ? low : this.get(addressTo, length);
    const ports = this.#ports({ portFrom, portTo });
    const translation: Translation = { isSource, kind: 'to', addresses: low && [low, high!], ports, rule: '' };
    return this.decide({ kind: 'translate', translation: (flags & NAT_NETMAP) !== 0 ? netmap(translation, this.state.address(this.family, isSource ? 'src' : 'dst')) : translation });
  }

  #ports({ portFrom, portTo }: { portFrom?: number; portTo?: number }): [Bits, Bits] | undefined {
    if (portFrom === undefined) return undefined;
    return [this.get(portFrom, 2), this.get(portTo ?? portFrom, 2)];
  }
}

/** A prefix for a prefix: bits in which the two ends of the range agree are those of the range, others stay as they are. */
export function netmap(translation: Translation, address: Bits): Translation {
  const [low, high] = translation.addresses!;
  if (!low.isKnown || !high.isKnown) return { ...translation, addresses: [Bits.unknown(low.length), Bits.unknown(low.length)] };
  const mask = low.value.map((byte, at) => ~(byte ^ high.value[at]!));
  const mapped = address.maskXor(mask.map((byte) => ~byte), low.value.map((byte, at) => byte & mask[at]!));
  return { ...translation, addresses: [mapped, mapped] };
}

function compare(bits: Bits, op: number, value: Uint8Array): Tri {
  if (op === CMP.EQ) return bits.equals(value);
  if (op === CMP.NEQ) return not(bits.equals(value));
  const [zero, most] = [new Uint8Array(value.length), new Uint8Array(value.length).fill(0xff)];
  const [isAtMost, isAtLeast] = [bits.isWithin(zero, value), bits.isWithin(value, most)];
  if (op === CMP.LTE) return isAtMost;
  if (op === CMP.GTE) return isAtLeast;
  return op === CMP.LT ? not(isAtLeast) : not(isAtMost);
}

/** A name of an interface as registers have it; empty for none. */
export function nameBits(name: string | null | undefined): Bits {
  if (name === undefined) return Bits.unknown(INTERFACE_BYTES);
  const bytes = new Uint8Array(INTERFACE_BYTES);
  bytes.set(new TextEncoder().encode(name ?? '').subarray(0, INTERFACE_BYTES - 1));
  return new Bits(bytes);
}

function indexBits(name: string | null | undefined, { links }: Surroundings): Bits {
  if (name === null) return Bits.host(0);
  return Bits.host(name === undefined ? undefined : [...links].find(([, each]) => each === name)?.[0]);
}

function doubtOf(expression: Expression): string {
  switch (expression.kind) {
    case 'chance': return `${expression.name} decides by what is not known here`;
    case 'dynset': return `the set ${expression.set} counts packets`;
    case 'match': return `the match ${expression.name} cannot be evaluated`;
    case 'target': return `the target ${expression.name} cannot be evaluated`;
    default: return 'it asks what is not known of the packet';
  }
}

