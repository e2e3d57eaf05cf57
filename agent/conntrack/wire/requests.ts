import type { Flow, FlowKey, Tuple } from '../../../proto/model/flow.ts';
import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { IPS } from '../../../proto/model/status.ts';
import { AttributeWriter } from '../../netlink/attributes.ts';
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  CTA_FILTER,
  CTA_FILTER_F,
  CTA_FILTER_ORIG_FLAGS,
  CTA_FILTER_REPLY_FLAGS,
  CTA_HELP,
  CTA_HELP_NAME,
  CTA_ID,
  CTA_IP_V4_DST,
  CTA_IP_V4_SRC,
  CTA_LABELS,
  CTA_MARK,
  CTA_MARK_MASK,
  CTA_NAT_DST,
  CTA_NAT_SRC,
  CTA_PROTO_DST_PORT,
  CTA_PROTO_NUM,
  CTA_PROTO_SRC_PORT,
  CTA_SEQ_ADJ_ORIG,
  CTA_SEQ_ADJ_REPLY,
  CTA_STATUS,
  CTA_STATUS_MASK,
  CTA_TIMEOUT,
  CTA_TUPLE_IP,
  CTA_TUPLE_MASTER,
  CTA_TUPLE_ORIG,
  CTA_TUPLE_PROTO,
  CTA_TUPLE_REPLY,
  CTA_ZONE,
} from './constants.ts';
import type { KernelFilter } from './kernel-filter.ts';
import { encodeProtoinfo, type Protoinfo, TCP_FLAG } from './protoinfo.ts';
import { encodeSeqAdjust, encodeSynproxy } from './sequence.ts';
import { encodeTranslation } from './translation.ts';
import { encodeTuple } from './tuple.ts';

/** Body of a dump of what passes a filter; an empty filter dumps everything. */
export function encodeDump(filter: KernelFilter = {}): Uint8Array {
  const out = bodyOf(filter.family === undefined ? AF_UNSPEC : addressFamily(filter.family));
  encodeFilter(out, filter);
  return out.finish();
}

/**
 * Body of a CT_DELETE without an exact tuple: it deletes every flow that passes the filter, and with an empty filter all flows.
 * nfgenmsg.version is 1, since with 0 the kernel ignores the family. A kernel also ignores attributes it does not know: send only what was
 * tried on this kernel.
 */
export function encodeFlush(filter: KernelFilter): Uint8Array {
  const out = bodyOf(filter.family === undefined ? AF_UNSPEC : addressFamily(filter.family), 1);
  encodeFilter(out, filter);
  return out.finish();
}

function encodeFilter(out: AttributeWriter, filter: KernelFilter): void {
  const orig = encodePartialTuple(out, CTA_TUPLE_ORIG, {
    src: filter.src,
    dst: filter.dst,
    proto: filter.proto,
    sport: filter.sport,
    dport: filter.dport,
  });
  const isReplyAsked = [filter.rsrc, filter.rdst, filter.rsport, filter.rdport].some((value) => value !== undefined);
  const reply = isReplyAsked
    ? encodePartialTuple(out, CTA_TUPLE_REPLY, {
        src: filter.rsrc,
        dst: filter.rdst,
        proto: filter.proto,
        sport: filter.rsport,
        dport: filter.rdport,
      })
    : 0;
  if (orig !== 0 || reply !== 0) {
    out.nested(CTA_FILTER, () => {
      out.hostU32(CTA_FILTER_ORIG_FLAGS, orig);
      out.hostU32(CTA_FILTER_REPLY_FLAGS, reply);
    });
  }
  if (filter.mark) {
    out.u32(CTA_MARK, filter.mark.value & filter.mark.mask); // the kernel compares with the unmasked value
    out.u32(CTA_MARK_MASK, filter.mark.mask);
  }
  if (filter.status) {
    out.u32(CTA_STATUS, filter.status.value & filter.status.mask);
    out.u32(CTA_STATUS_MASK, filter.status.mask);
  }
  if (filter.zone !== undefined) out.u16(CTA_ZONE, filter.zone);
}

/** Writes the given parts of a tuple, and returns the flags that name them. */
function encodePartialTuple(
  out: AttributeWriter,
  type: number,
  { src, dst, proto, sport, dport }: { src?: number; dst?: number; proto?: number; sport?: number; dport?: number },
): number {
  const flags =
    (src === undefined ? 0 : CTA_FILTER_F.IP_SRC) |
    (dst === undefined ? 0 : CTA_FILTER_F.IP_DST) |
    (proto === undefined ? 0 : CTA_FILTER_F.PROTO_NUM) |
    (sport === undefined ? 0 : CTA_FILTER_F.PROTO_SRC_PORT) |
    (dport === undefined ? 0 : CTA_FILTER_F.PROTO_DST_PORT);
  if (flags === 0) return 0;
  out.nested(type, () => {
    if (src !== undefined || dst !== undefined) {
      out.nested(CTA_TUPLE_IP, () => {
        if (src !== undefined) out.u32(CTA_IP_V4_SRC, src);
        if (dst !== undefined) out.u32(CTA_IP_V4_DST, dst);
      });
    }
    if (proto === undefined) return;
    out.nested(CTA_TUPLE_PROTO, () => {
      out.u8(CTA_PROTO_NUM, proto);
      if (sport !== undefined) out.u16(CTA_PROTO_SRC_PORT, sport);
      if (dport !== undefined) out.u16(CTA_PROTO_DST_PORT, dport);
    });
  });
  return flags;
}

/**
 * Body of a CT_GET of one entry by original tuple and zone. The kernel also finds an entry whose reply tuple this is: compare the result.
 */
export function encodeLookup(key: Pick<FlowKey, 'family' | 'proto' | 'orig' | 'zone'>): Uint8Array {
  const out = bodyOf(addressFamily(key.family));
  encodeTuple(out, CTA_TUPLE_ORIG, { proto: key.proto, tuple: key.orig });
  if (key.zone !== 0) out.u16(CTA_ZONE, key.zone);
  return out.finish();
}

/**
 * Body of a CT_DELETE of exactly one entry. A DELETE without a full tuple is a flush, of both families while nfgenmsg.version is 0, and an
 * attribute that an older kernel does not know restricts nothing; so tuple and id are always present, and the id spares a reused tuple.
 */
export function encodeDelete(key: FlowKey): Uint8Array {
  const out = bodyOf(addressFamily(key.family));
  encodeTuple(out, CTA_TUPLE_ORIG, { proto: key.proto, tuple: key.orig });
  if (key.zone !== 0) out.u16(CTA_ZONE, key.zone);
  out.u32(CTA_ID, key.id);
  return out.finish();
}

/**
 * Body of a CT_NEW, sent without NLM_F_CREATE, that makes an entry end after `seconds` whatever traffic it has. `status`: its current bits;
 * a missing one would have to be cleared, which fails with EBUSY. The kernel sets the timeout before the status and refuses to change that
 * of a fixed entry (EPERM), so both must be in one message.
 */
export function encodeExpire(key: FlowKey, status: number, seconds: number): Uint8Array {
  const out = bodyOf(addressFamily(key.family));
  encodeTuple(out, CTA_TUPLE_ORIG, { proto: key.proto, tuple: key.orig });
  if (key.zone !== 0) out.u16(CTA_ZONE, key.zone);
  out.u32(CTA_TIMEOUT, seconds);
  out.u32(CTA_STATUS, status | IPS.FIXED_TIMEOUT);
  return out.finish();
}

/** What an entry is created from: the kernel chooses the id, and resets counters and start time. */
export type NewEntry = Pick<
  Flow,
  'family' | 'proto' | 'orig' | 'reply' | 'zone' | 'status' | 'mark' | 'state' | 'timeoutSeconds' | 'helper' | 'master' | 'tracker'
> & { labels?: Uint8Array };

/** Status bits that the kernel does not let a request change (EBUSY), or that only CTA_NAT_* sets. */
const NOT_SETTABLE = IPS.EXPECTED | IPS.DYING | IPS.SRC_NAT | IPS.DST_NAT | IPS.SRC_NAT_DONE | IPS.DST_NAT_DONE;

/**
 * Body of a CT_NEW that creates an entry. A translated flow is described by the plain inverse of its original tuple and by CTA_NAT_*; the
 * kernel also accepts the translated reply tuple itself, which looks the same in a listing but does not translate.
 */
export function encodeCreate(flow: NewEntry): Uint8Array {
  const out = bodyOf(addressFamily(flow.family));
  const { proto, orig, reply } = flow;
  const isTranslated = (flow.status & (IPS.SRC_NAT | IPS.DST_NAT)) !== 0;
  encodeTuple(out, CTA_TUPLE_ORIG, { proto, tuple: orig });
  encodeTuple(out, CTA_TUPLE_REPLY, {
    proto,
    tuple: isTranslated ? { ...invert(proto, orig), ...(reply.zone !== undefined && { zone: reply.zone }) } : reply,
  });
  if (flow.zone !== 0) out.u16(CTA_ZONE, flow.zone);
  out.u32(CTA_STATUS, (flow.status & ~NOT_SETTABLE) | IPS.CONFIRMED);
  out.u32(CTA_TIMEOUT, flow.timeoutSeconds ?? 0);
  if (flow.mark !== 0) out.u32(CTA_MARK, flow.mark);
  if (flow.helper !== undefined) out.nested(CTA_HELP, () => out.text(CTA_HELP_NAME, flow.helper!));
  if (flow.labels) out.bytes(CTA_LABELS, flow.labels);
  if (flow.master) encodeTuple(out, CTA_TUPLE_MASTER, { proto: flow.master.proto, tuple: flow.master.orig });
  if (flow.status & IPS.SRC_NAT)
    encodeTranslation(out, CTA_NAT_SRC, { address: reply.dst, port: reply.dport ?? reply.icmp?.id ?? reply.dstKey });
  if (flow.status & IPS.DST_NAT) encodeTranslation(out, CTA_NAT_DST, { address: reply.src, port: reply.sport ?? reply.srcKey });
  encodeProtoinfo(out, proto, trackedAs(flow), 0xff);
  const { seqAdjust, synproxy } = flow.tracker ?? {};
  if (seqAdjust) {
    encodeSeqAdjust(out, CTA_SEQ_ADJ_ORIG, seqAdjust.orig);
    encodeSeqAdjust(out, CTA_SEQ_ADJ_REPLY, seqAdjust.reply);
  }
  if (synproxy) encodeSynproxy(out, synproxy);
  return out.finish();
}

/** The reply tuple of an untranslated flow. ICMP: the answer's type; ports, keys and addresses swap sides. */
export function invert(proto: number, { src, dst, sport, dport, srcKey, dstKey, icmp }: Tuple): Tuple {
  const answers: Record<number, number> =
    proto === PROTOCOLS.icmp ? { 0: 8, 8: 0, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17 } : { 128: 129, 129: 128 };
  return {
    src: dst,
    dst: src,
    ...(sport !== undefined && { dport: sport }),
    ...(dport !== undefined && { sport: dport }),
    ...(srcKey !== undefined && { dstKey: srcKey }),
    ...(dstKey !== undefined && { srcKey: dstKey }),
    ...(icmp && { icmp: { ...icmp, type: answers[icmp.type] ?? icmp.type } }),
  };
}

/**
 * A created TCP entry knows no sequence numbers: its tracker learns them from the first packet of each side, and scales windows as before.
 * BE_LIBERAL stays set: acknowledgements may cover data from before the gap, which the new entry never saw, and without the flag five of
 * eleven interrupted transfers hung for good on a gateway that drops invalid packets (6.18).
 */
function trackedAs({ proto, state, tracker }: NewEntry): Protoinfo {
  if (proto === PROTOCOLS.tcp) {
    const flags = tracker?.windowScale ? TCP_FLAG.BE_LIBERAL | TCP_FLAG.WINDOW_SCALE | TCP_FLAG.SACK_PERM : TCP_FLAG.BE_LIBERAL;
    return { state, tcpFlags: { orig: flags, reply: flags }, windowScale: tracker?.windowScale };
  }
  return { state, sctpTags: tracker?.sctpTags ?? { orig: 1, reply: 1 }, dccp: tracker?.dccp };
}

/** A body begins with nfgenmsg: family, version, resource id. */
export function bodyOf(family: number, version = 0): AttributeWriter {
  const out = new AttributeWriter();
  out.raw(Uint8Array.of(family, version, 0, 0));
  return out;
}

export function addressFamily(family: 4 | 6): number {
  return family === 4 ? AF_INET : AF_INET6;
}
