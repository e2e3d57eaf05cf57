import { hasIcmp, hasPorts, PROTOCOLS } from '../../../proto/model/protocol.ts';
import { Bits } from './bits.ts';
import { PAYLOAD, STATUS } from './nf-tables.ts';
import type { Hook, Packet } from './packet.ts';
import type { Chain, Rule } from './ruleset.ts';

/** Headers without options. */
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const TRANSPORT_HEADER = 20;
export const SOURCE = { 4: 12, 6: 8 } as const;
export const DESTINATION = { 4: 16, 6: 24 } as const;

/** What a rule makes of a new flow; bits that are not known are those that the rule leaves to chance or to what is not told. */
export interface Translation {
  isSource: boolean;
  kind: 'to' | 'masquerade' | 'redirect';
  addresses?: [Bits, Bits];
  ports?: [Bits, Bits];
  isRandom: boolean;
  rule: string;
}

/**
 * A packet on its way through a hook, with all that rules change of it. Nothing of it is changed in place: a rule that may match leaves
 * two.
 */
export class State {
  network: Bits;
  transport: Bits;
  mark: Bits;
  ctMark: Bits;
  status: Bits;
  /** Undefined: a rule that says `notrack` may have matched. */
  isTracked: boolean | undefined = true;
  /** The rule that said `notrack`, or may have. */
  untrackedBy: { chain: Chain; rule: Rule } | undefined;
  /** What of it cannot be told, and by which rule. */
  why: string | undefined;

  constructor(packet: Packet, hook: Hook) {
    this.network = networkHeader(packet);
    this.transport = transportHeader(packet);
    this.mark = Bits.host(packet.mark);
    // The entry of a new flow is made before routing, without a mark; later ones may have been given one.
    this.ctMark = Bits.host(packet.ct.mark ?? (packet.ct.state === 'new' && (hook === 'prerouting' || hook === 'output') ? 0 : undefined));
    this.status = statusOf(packet);
  }

  clone(): State {
    return Object.assign(Object.create(State.prototype) as State, this);
  }

  address(family: 4 | 6, side: 'src' | 'dst'): Bits {
    return this.network.slice((side === 'src' ? SOURCE : DESTINATION)[family], family === 4 ? 4 : 16);
  }

  setAddress(family: 4 | 6, side: 'src' | 'dst', bits: Bits): void {
    this.network = this.network.clone();
    this.network.set((side === 'src' ? SOURCE : DESTINATION)[family], bits);
  }

  port(side: 'src' | 'dst'): Bits {
    return this.transport.slice(side === 'src' ? 0 : 2, 2);
  }

  setPort(side: 'src' | 'dst', bits: Bits): void {
    this.transport = this.transport.clone();
    this.transport.set(side === 'src' ? 0 : 2, bits);
  }

  /** What there is of a header; nothing is known of that of the link. */
  header(base: number): Bits | undefined {
    return base === PAYLOAD.NETWORK ? this.network : base === PAYLOAD.TRANSPORT ? this.transport : undefined;
  }

  write(base: number, offset: number, bits: Bits): void {
    if (base === PAYLOAD.NETWORK) (this.network = this.network.clone()).set(offset, bits);
    else if (base === PAYLOAD.TRANSPORT) (this.transport = this.transport.clone()).set(offset, bits);
  }

  /** What holds whichever of the two it is. */
  join(other: State | undefined): State {
    if (!other || other === this) return this;
    const joined = this.clone();
    for (const part of PARTS) joined[part] = this[part] === other[part] ? this[part] : this[part].join(other[part]);
    if (this.isTracked !== other.isTracked) joined.isTracked = undefined;
    joined.untrackedBy = this.untrackedBy ?? other.untrackedBy;
    joined.why = this.why ?? other.why;
    return joined;
  }

  isSame(other: State): boolean {
    return this.isTracked === other.isTracked && PARTS.every((part) => this[part] === other[part] || this[part].isSame(other[part]));
  }
}

const PARTS = ['network', 'transport', 'mark', 'ctMark', 'status'] as const;

/**
 * Not known is what a packet here does not say: length, time to live, type of service. A packet in conntrack is whole, so it is no
 * fragment.
 */
function networkHeader({ family, src, dst, proto }: Packet): Bits {
  const header = Bits.unknown(family === 4 ? IPV4_HEADER : IPV6_HEADER);
  const known = (at: number, value: number, mask = 0xff): void => {
    header.value[at] = value;
    header.known[at] = mask;
  };
  known(0, family === 4 ? 0x45 : 0x60, family === 4 ? 0xff : 0xf0);
  if (family === 4) {
    known(6, 0, 0x3f);
    known(7, 0);
    known(9, proto);
  } else known(6, proto);
  header.set(SOURCE[family], new Bits(src));
  header.set(DESTINATION[family], new Bits(dst));
  return header;
}

function transportHeader({ proto, sport, dport, icmpType, icmpCode, tcpFlags }: Packet): Bits {
  const header = Bits.unknown(TRANSPORT_HEADER);
  if (hasPorts(proto)) {
    header.set(0, Bits.u16(sport));
    header.set(2, Bits.u16(dport));
    if (proto === PROTOCOLS.tcp) header.set(13, Bits.u8(tcpFlags));
  } else if (hasIcmp(proto)) {
    header.set(0, Bits.u8(icmpType));
    header.set(1, Bits.u8(icmpCode));
  }
  return header;
}

/** What the state of a flow says of its status where that is not given. */
function statusOf({ ct: { state, status } }: Packet): Bits {
  if (status !== undefined) return Bits.host(status);
  if (state === 'new') return Bits.host(0, STATUS.SEEN_REPLY | STATUS.ASSURED | STATUS.EXPECTED);
  if (state === 'established') return Bits.host(STATUS.SEEN_REPLY | STATUS.CONFIRMED, STATUS.SEEN_REPLY | STATUS.CONFIRMED);
  return Bits.unknown(4);
}

/** The hooks in which a packet has not been routed yet, or has come to the gateway itself, say no interface for that side. */
export function interfaceOf(packet: Packet, hook: Hook, side: 'in' | 'out'): string | null | undefined {
  if (side === 'out' && (hook === 'prerouting' || hook === 'input')) return null;
  if (side === 'in' && hook === 'output') return null;
  return packet[side];
}

/** A prefix for a prefix: bits in which the two ends of the range agree are those of the range, others stay as they are. */
export function netmap(translation: Translation, address: Bits): Translation {
  const [low, high] = translation.addresses!;
  if (!low.isKnown || !high.isKnown) return { ...translation, addresses: [Bits.unknown(low.length), Bits.unknown(low.length)] };
  const mask = low.value.map((byte, at) => ~(byte ^ high.value[at]!));
  const mapped = address.maskXor(
    mask.map((byte) => ~byte),
    low.value.map((byte, at) => byte & mask[at]!),
  );
  return { ...translation, addresses: [mapped, mapped] };
}
