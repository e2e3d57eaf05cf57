import { hostU16, hostU32 } from '../../netlink/attributes.ts';
import { CT_STATE_BIT } from './nf-tables.ts';
import type { CountLimit } from './ruleset.ts';
import type { XtMatch } from './xt-matches.ts';
import type { XtTarget } from './xt-targets.ts';

/** What the target CT of iptables says (struct xt_ct_target_info, and _v1 from revision 1 on). */
export interface XtCt {
  isNotrack: boolean;
  zone?: number;
  /** Of one direction only. */
  direction?: 'original' | 'reply';
  /** The zone is the packet's mark. */
  isZoneByMark?: true;
  helper?: string;
  timeout?: string;
  /** It limits which events are told of. */
  hasEvents: boolean;
}

const CT_FLAG = { NOTRACK: 1, ORIGINAL: 4, REPLY: 8, BY_MARK: 16 } as const;
const CT_BYTES = { v0: 28, v1: 60 } as const;

/** Undefined for another target, or one whose bytes are fewer than they should be. */
export function decodeXtCt({ name, revision, info }: XtTarget): XtCt | undefined {
  if (name === 'NOTRACK') return { isNotrack: true, hasEvents: false };
  if (name !== 'CT' || info.length < (revision === 0 ? CT_BYTES.v0 : CT_BYTES.v1)) return undefined;
  const [flags, zone] = [hostU16(info, 0), hostU16(info, 2)];
  const [helper, timeout] = [text(info, 12, 16), revision === 0 ? '' : text(info, 28, 32)];
  return {
    isNotrack: (flags & CT_FLAG.NOTRACK) !== 0,
    ...(zone !== 0 && { zone }),
    ...((flags & CT_FLAG.ORIGINAL) !== 0 && { direction: 'original' as const }),
    ...((flags & CT_FLAG.REPLY) !== 0 && { direction: 'reply' as const }),
    ...((flags & CT_FLAG.BY_MARK) !== 0 && { isZoneByMark: true as const }),
    ...(helper !== '' && { helper }),
    ...(timeout !== '' && { timeout }),
    hasEvents: hostU32(info, 4) !== 0 || hostU32(info, 8) !== 0,
  };
}

/** What the match connlimit says (struct xt_connlimit_info); undefined as above. */
export function decodeXtConnlimit({ name, info }: XtMatch): (CountLimit & { isByDestination: boolean }) | undefined {
  if (name !== 'connlimit' || info.length < 24) return undefined;
  const [count, flags] = [hostU32(info, 16), hostU32(info, 20)];
  return { count, isOver: (flags & 1) === 0, isByDestination: (flags & 2) !== 0 };
}

/** The states that the matches conntrack or state ask for, as bits of CT_STATE_BIT; undefined where they ask for none, or for others. */
export function decodeXtStates({ name, revision, info }: XtMatch): number | undefined {
  if (name === 'state') return info.length < 4 ? undefined : toStateBits(hostU32(info, 0));
  if (name !== 'conntrack' || revision === 0 || info.length < 154) return undefined;
  const [matches, inverted] = [hostU16(info, 146), hostU16(info, 148)];
  if ((matches & 1) === 0 || (inverted & 1) !== 0) return undefined;
  return toStateBits(revision === 1 ? info[150]! : hostU16(info, 150));
}

/** xt_conntrack.h has the bits of nf_tables, but for this one. */
const XT_UNTRACKED = 0x100;

function toStateBits(bits: number): number {
  return (bits & 0xf) | ((bits & XT_UNTRACKED) !== 0 ? CT_STATE_BIT.untracked : 0);
}

/** Source and destination ports of the matches tcp and udp, where they ask for them, and for TCP which flags. */
export function decodeXtPorts({
  name,
  info,
}: XtMatch): { sport?: PortTest; dport?: PortTest; flags?: [mask: number, set: number] } | undefined {
  if ((name !== 'tcp' || info.length < 12) && (name !== 'udp' || info.length < 9)) return undefined;
  const inverted = info[name === 'tcp' ? 11 : 8]!;
  const port = (at: number, bit: number): PortTest | undefined => {
    const [from, to] = [hostU16(info, at), hostU16(info, at + 2)];
    return from === 0 && to === 0xffff ? undefined : { from, to, isNot: (inverted & bit) !== 0 };
  };
  const [sport, dport] = [port(0, 1), port(4, 2)];
  const hasFlags = name === 'tcp' && info[9] !== 0;
  return { ...(sport && { sport }), ...(dport && { dport }), ...(hasFlags && { flags: [info[9]!, info[10]!] as [number, number] }) };
}

export interface PortTest {
  from: number;
  to: number;
  isNot: boolean;
}

function text(bytes: Uint8Array, at: number, length: number): string {
  const part = bytes.subarray(at, at + length);
  const end = part.indexOf(0);
  return new TextDecoder().decode(end < 0 ? part : part.subarray(0, end));
}
