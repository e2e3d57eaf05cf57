import { hostU16, hostU32 } from '../../netlink/attributes.ts';
import { all, any, Bits, not, type Tri } from './bits.ts';
import type { RuleRun } from './rule-run.ts';
import type { Ends } from './packet.ts';
import { interfaceOf } from './state.ts';
import { addressTypeOf } from './surroundings.ts';

/** A match of iptables as the kernel has it: a name, a revision and the bytes of a struct of linux/netfilter/xt_*.h. */
export interface XtMatch {
  name: string;
  revision: number;
  info: Uint8Array;
}

/** Whether a packet matches; not known for matches that are not in the table below, or whose bytes are shorter than they should be. */
export function xtMatches(match: XtMatch, run: RuleRun): Tri {
  const known = Object.hasOwn(MATCHES, match.name) ? MATCHES[match.name] : undefined;
  if (!known || match.info.length < known.bytes) return undefined;
  return known.matches(match, run);
}

interface Known {
  bytes: number;
  matches(match: XtMatch, run: RuleRun): Tri;
}

const MATCHES: Record<string, Known> = {
  comment: { bytes: 0, matches: () => true },
  conntrack: { bytes: 154, matches: (match, run) => (match.revision === 0 ? undefined : conntrack(match, run)) },
  state: { bytes: 4, matches: ({ info }, run) => hasOneOf(xtState(run), hostU32(info, 0)) },
  mark: { bytes: 9, matches: ({ info }, run) => isMarked(info, run.state.mark) },
  connmark: { bytes: 9, matches: ({ info }, run) => all(run.hasEntry, isMarked(info, run.state.ctMark)) },
  tcp: {
    bytes: 12,
    matches: ({ info }, run) => {
      const [option, mask, flags, inverted] = [info[8]!, info[9]!, info[10]!, info[11]!];
      const areSet = run.state.transport.slice(13, 1).maskXor(Uint8Array.of(mask), Uint8Array.of(0)).equals(Uint8Array.of(flags));
      return all(ports(info, run, inverted), turn(areSet, (inverted & 4) !== 0), option === 0 ? true : undefined);
    },
  },
  udp: { bytes: 9, matches: ({ info }, run) => ports(info, run, info[8]!) },
  multiport: { bytes: 32, matches: multiport },
  icmp: { bytes: 4, matches: ({ info }, run) => icmp(info, run) },
  icmp6: { bytes: 4, matches: ({ info }, run) => icmp(info, run) },
  addrtype: {
    bytes: 8,
    matches: ({ info, revision }, run) => {
      const [source, destination, flags] = [hostU16(info, 0), hostU16(info, 2), hostU32(info, 4)];
      const isInverted =
        revision === 0 ? [flags !== 0, info.length >= 12 && hostU32(info, 8) !== 0] : [(flags & 1) !== 0, (flags & 2) !== 0];
      const limit =
        revision === 0
          ? null
          : (flags & 4) !== 0
            ? interfaceOf(run.place.packet, run.place.hook, 'in')
            : (flags & 8) !== 0
              ? interfaceOf(run.place.packet, run.place.hook, 'out')
              : null;
      return all(
        source === 0 ? true : turn(isOfType(run, 'src', source, limit), isInverted[0]!),
        destination === 0 ? true : turn(isOfType(run, 'dst', destination, limit), isInverted[1]!),
      );
    },
  },
  iprange: {
    bytes: 65,
    matches: ({ info }, run) => {
      const flags = info[64]!;
      const length = run.family === 4 ? 4 : 16;
      const isWithin = (side: 'src' | 'dst', at: number): Tri =>
        run.state.address(run.family, side).isWithin(info.subarray(at, at + length), info.subarray(at + 16, at + 16 + length));
      return all(
        (flags & 1) === 0 ? true : turn(isWithin('src', 0), (flags & 0x10) !== 0),
        (flags & 2) === 0 ? true : turn(isWithin('dst', 32), (flags & 0x20) !== 0),
      );
    },
  },
  /** Packets here are routed, so they are not bridged; by which port of a bridge they came is not known. */
  physdev: { bytes: 66, matches: ({ info }) => (info[65] === 4 ? (info[64]! & 4) !== 0 : undefined) },
  pkttype: { bytes: 8, matches: ({ info }, run) => turn(run.packetType().equals(info.subarray(0, 1)), hostU32(info, 4) !== 0) },
  /** Of the entry's master. */
  helper: {
    bytes: 8,
    matches: ({ info }, run) => (run.hasEntry === false || run.place.packet.ct.state === 'new' ? hostU32(info, 0) !== 0 : undefined),
  },
  /** `--set` alone matches always; the others depend on packets before. */
  recent: { bytes: 10, matches: ({ info }) => (info[8] === 2 ? info[9] === 0 : undefined) },
  /** What is forwarded has no socket. */
  owner: {
    bytes: 18,
    matches: ({ info }, run) =>
      typeof run.place.packet.in === 'string' && run.place.hook !== 'output' ? info[16] === info[17] : undefined,
  },
};

function turn(answer: Tri, isInverted: boolean): Tri {
  return isInverted ? not(answer) : answer;
}

function isMarked(info: Uint8Array, mark: Bits): Tri {
  const isSame = mark.maskXor(info.subarray(4, 8), new Uint8Array(4)).equals(info.subarray(0, 4));
  return turn(isSame, info[8] !== 0);
}

/** Two pairs of ports in the host's order, sources first. */
function ports(info: Uint8Array, run: RuleRun, inverted: number): Tri {
  const isWithin = (side: 'src' | 'dst', at: number): Tri => isPortWithin(run.state.port(side), hostU16(info, at), hostU16(info, at + 2));
  return all(turn(isWithin('src', 0), (inverted & 1) !== 0), turn(isWithin('dst', 4), (inverted & 2) !== 0));
}

function isPortWithin(port: Bits, low: number, high: number): Tri {
  return low === 0 && high === 0xffff ? true : port.isWithin(Bits.u16(low).value, Bits.u16(high).value);
}

const MULTIPORT_PORTS = 15;

function multiport({ info, revision }: XtMatch, run: RuleRun): Tri {
  const [which, count] = [info[0]!, Math.min(info[1]!, MULTIPORT_PORTS)];
  if (revision !== 0 && info.length < 48) return undefined;
  const isAmong = (side: 'src' | 'dst'): Tri => {
    const answers: Tri[] = [];
    for (let n = 0; n < count; n++) {
      const low = hostU16(info, 2 + 2 * n);
      const isRange = revision !== 0 && info[32 + n] !== 0;
      const high = isRange ? hostU16(info, 4 + 2 * n) : low;
      answers.push(isPortWithin(run.state.port(side), low, high));
      if (isRange) n++;
    }
    return any(...answers);
  };
  const answer = which === 0 ? isAmong('src') : which === 1 ? isAmong('dst') : any(isAmong('src'), isAmong('dst'));
  return turn(answer, revision !== 0 && info[47] !== 0);
}

/** Type, lowest and highest code, inverted; type 255 stands for all. */
function icmp(info: Uint8Array, run: RuleRun): Tri {
  const [type, low, high, inverted] = [info[0]!, info[1]!, info[2]!, info[3]!];
  const isOne = all(
    run.state.transport.slice(0, 1).equals(Uint8Array.of(type)),
    run.state.transport.slice(1, 1).isWithin(Uint8Array.of(low), Uint8Array.of(high)),
  );
  return turn(type === 0xff ? true : isOne, (inverted & 1) !== 0);
}

function isOfType(run: RuleRun, side: 'src' | 'dst', types: number, limit: string | null | undefined): Tri {
  const { surroundings } = run.place;
  const link = limit == null ? undefined : [...surroundings.links].find(([, name]) => name === limit)?.[0];
  if (limit === undefined || (limit !== null && link === undefined)) return undefined;
  const type = addressTypeOf(run.state.address(run.family, side), surroundings, link);
  return type === undefined ? undefined : (types & (1 << type)) !== 0;
}

const [SNAT, DNAT, UNTRACKED] = [0x40, 0x80, 0x100];

/** As in xt_conntrack.h: bits 0 to 4 as in nf_tables, untracked has another. */
function xtState(run: RuleRun): Bits {
  if (run.state.isTracked === false) return Bits.host(UNTRACKED);
  return run.ctState();
}

function hasOneOf(bits: Bits, mask: number): Tri {
  const masked = bits.and(Bits.host(mask));
  if (masked.value.some((byte) => byte !== 0)) return true;
  return masked.isKnown ? false : undefined;
}

const CONNTRACK = {
  STATE: 1,
  PROTO: 2,
  ORIGSRC: 4,
  ORIGDST: 8,
  REPLSRC: 0x10,
  REPLDST: 0x20,
  STATUS: 0x40,
  EXPIRES: 0x80,
  ORIGSRC_PORT: 0x100,
  ORIGDST_PORT: 0x200,
  REPLSRC_PORT: 0x400,
  REPLDST_PORT: 0x800,
  DIRECTION: 0x1000,
} as const;

function conntrack({ info, revision }: XtMatch, run: RuleRun): Tri {
  const [match, inverted] = [hostU16(info, 146), hostU16(info, 148)];
  const asks = (flag: number, answer: () => Tri): Tri => ((match & flag) === 0 ? true : turn(answer(), (inverted & flag) !== 0));
  const [stateMask, statusMask] = revision === 1 ? [info[150]!, info[151]!] : [hostU16(info, 150), hostU16(info, 152)];
  const isInState = asks(CONNTRACK.STATE, () => {
    const nat = (mask: number, bit: number): Tri => ((stateMask & mask) === 0 ? false : all(run.hasEntry, hasOneOf(run.state.status, bit)));
    return any(hasOneOf(xtState(run), stateMask), nat(SNAT, 16), nat(DNAT, 32));
  });
  if (run.hasEntry === false) return (match & CONNTRACK.STATE) !== 0 ? isInState : false;
  const { packet } = run.place;
  const length = run.family === 4 ? 4 : 16;
  const address = (ends: Ends, side: 'src' | 'dst', at: number): Tri =>
    Bits.of(ends[side], length)
      .maskXor(info.subarray(at + 16, at + 16 + length), new Uint8Array(length))
      .equals(info.subarray(at, at + length));
  const port = (ends: Ends, side: 'sport' | 'dport', at: number, highAt: number): Tri => {
    const value = Bits.u16(ends[side]);
    if (revision >= 3) return info.length < 162 ? undefined : isPortWithin(value, hostU16(info, at), hostU16(info, highAt));
    return value.equals(info.subarray(at, at + 2));
  };
  const [original, reply] = [run.ends('original'), run.ends('reply')];
  return all(
    run.hasEntry === undefined && match !== CONNTRACK.STATE ? undefined : true,
    isInState,
    asks(CONNTRACK.DIRECTION, () => packet.ct.direction === 'original'),
    asks(CONNTRACK.PROTO, () => packet.proto === hostU16(info, 136)),
    asks(CONNTRACK.ORIGSRC, () => address(original, 'src', 0)),
    asks(CONNTRACK.ORIGDST, () => address(original, 'dst', 32)),
    asks(CONNTRACK.REPLSRC, () => address(reply, 'src', 64)),
    asks(CONNTRACK.REPLDST, () => address(reply, 'dst', 96)),
    asks(CONNTRACK.ORIGSRC_PORT, () => port(original, 'sport', 138, 154)),
    asks(CONNTRACK.ORIGDST_PORT, () => port(original, 'dport', 140, 156)),
    asks(CONNTRACK.REPLSRC_PORT, () => port(reply, 'sport', 142, 158)),
    asks(CONNTRACK.REPLDST_PORT, () => port(reply, 'dport', 144, 160)),
    asks(CONNTRACK.STATUS, () => hasOneOf(run.state.status, statusMask)),
    asks(CONNTRACK.EXPIRES, () => undefined),
  );
}
