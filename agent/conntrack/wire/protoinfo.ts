import type { Both } from '../../../proto/model/flow.ts';
import type { AttributeReader, AttributeWriter } from '../../netlink/attributes.ts';
import {
  CTA_PROTOINFO,
  CTA_PROTOINFO_DCCP,
  CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ,
  CTA_PROTOINFO_DCCP_ROLE,
  CTA_PROTOINFO_SCTP,
  CTA_PROTOINFO_SCTP_VTAG_ORIGINAL,
  CTA_PROTOINFO_SCTP_VTAG_REPLY,
  CTA_PROTOINFO_STATE,
  CTA_PROTOINFO_TCP,
  CTA_PROTOINFO_TCP_FLAGS_ORIGINAL,
  CTA_PROTOINFO_TCP_FLAGS_REPLY,
  CTA_PROTOINFO_TCP_WSCALE_ORIGINAL,
  CTA_PROTOINFO_TCP_WSCALE_REPLY,
  PROTOINFO_NAMES,
} from './constants.ts';
import { STATE_PROTOCOLS, stateName, stateNumber } from './states.ts';

/** IP_CT_TCP_FLAG_* (include/uapi/linux/netfilter/nf_conntrack_tcp.h). */
export const TCP_FLAG = { WINDOW_SCALE: 0x01, SACK_PERM: 0x02, BE_LIBERAL: 0x08 } as const;

/** The CTA_PROTOINFO of a TCP, SCTP or DCCP flow. */
export interface Protoinfo {
  state?: string;
  /** TCP_FLAG bits, and some transient ones. */
  tcpFlags?: Partial<Both<number>>;
  /** Valid if the flags of both sides have WINDOW_SCALE. */
  windowScale?: Partial<Both<number>>;
  sctpTags?: Partial<Both<number>>;
  dccp?: { role?: number; handshakeSeq?: bigint };
}

/** Decodes a CTA_PROTOINFO; protocols without states are skipped. Throws DecodeError. */
export function decodeProtoinfo(protocols: AttributeReader): Protoinfo {
  const info: Protoinfo = {};
  while (protocols.next()) {
    if (!PROTOINFO_NAMES[protocols.type]) continue;
    const inner = protocols.nested();
    while (inner.next()) {
      if (inner.type === CTA_PROTOINFO_STATE) info.state = stateName(protocols.type, inner.u8());
      else if (protocols.type === CTA_PROTOINFO_TCP) decodeTcp(inner, info);
      else if (protocols.type === CTA_PROTOINFO_SCTP) decodeSctp(inner, info);
      else decodeDccp(inner, info);
    }
  }
  return info;
}

/**
 * Writes a CTA_PROTOINFO; nothing for a protocol without states. `tcpFlagsMask`: the TCP flags that the kernel is to set; 0 in what it
 * reports.
 */
export function encodeProtoinfo(out: AttributeWriter, proto: number, info: Protoinfo, tcpFlagsMask: number): void {
  const kind = STATE_PROTOCOLS.find((one) => one.proto === proto)?.attribute;
  const state = info.state === undefined ? undefined : stateNumber(proto, info.state);
  if (kind === undefined || state === undefined) return;
  out.nested(CTA_PROTOINFO, () =>
    out.nested(kind, () => {
      out.u8(CTA_PROTOINFO_STATE, state);
      if (kind === CTA_PROTOINFO_TCP) encodeTcp(out, info, tcpFlagsMask);
      else if (kind === CTA_PROTOINFO_SCTP) encodeSctp(out, info);
      else if (kind === CTA_PROTOINFO_DCCP) encodeDccp(out, info);
    }),
  );
}

function decodeTcp(inner: AttributeReader, info: Protoinfo): void {
  switch (inner.type) {
    case CTA_PROTOINFO_TCP_WSCALE_ORIGINAL:
      info.windowScale = { ...info.windowScale, orig: inner.u8() };
      break;
    case CTA_PROTOINFO_TCP_WSCALE_REPLY:
      info.windowScale = { ...info.windowScale, reply: inner.u8() };
      break;
    // struct nf_ct_tcp_flags: flags, mask. Repeated attributes are merged.
    case CTA_PROTOINFO_TCP_FLAGS_ORIGINAL:
      info.tcpFlags = { ...info.tcpFlags, orig: (info.tcpFlags?.orig ?? 0) | inner.bytes(2)[0]! };
      break;
    case CTA_PROTOINFO_TCP_FLAGS_REPLY:
      info.tcpFlags = { ...info.tcpFlags, reply: (info.tcpFlags?.reply ?? 0) | inner.bytes(2)[0]! };
      break;
  }
}

function encodeTcp(out: AttributeWriter, { windowScale, tcpFlags }: Protoinfo, mask: number): void {
  if (windowScale?.orig !== undefined) out.u8(CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, windowScale.orig);
  if (windowScale?.reply !== undefined) out.u8(CTA_PROTOINFO_TCP_WSCALE_REPLY, windowScale.reply);
  if (tcpFlags?.orig !== undefined) out.bytes(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, Uint8Array.of(tcpFlags.orig, mask));
  if (tcpFlags?.reply !== undefined) out.bytes(CTA_PROTOINFO_TCP_FLAGS_REPLY, Uint8Array.of(tcpFlags.reply, mask));
}

function decodeSctp(inner: AttributeReader, info: Protoinfo): void {
  if (inner.type === CTA_PROTOINFO_SCTP_VTAG_ORIGINAL) info.sctpTags = { ...info.sctpTags, orig: inner.u32() };
  else if (inner.type === CTA_PROTOINFO_SCTP_VTAG_REPLY) info.sctpTags = { ...info.sctpTags, reply: inner.u32() };
}

function encodeSctp(out: AttributeWriter, { sctpTags }: Protoinfo): void {
  if (sctpTags?.orig !== undefined) out.u32(CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, sctpTags.orig);
  if (sctpTags?.reply !== undefined) out.u32(CTA_PROTOINFO_SCTP_VTAG_REPLY, sctpTags.reply);
}

function decodeDccp(inner: AttributeReader, info: Protoinfo): void {
  if (inner.type === CTA_PROTOINFO_DCCP_ROLE) info.dccp = { ...info.dccp, role: inner.u8() };
  else if (inner.type === CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ) info.dccp = { ...info.dccp, handshakeSeq: inner.u64() };
}

function encodeDccp(out: AttributeWriter, { dccp }: Protoinfo): void {
  if (dccp?.role !== undefined) out.u8(CTA_PROTOINFO_DCCP_ROLE, dccp.role);
  if (dccp?.handshakeSeq !== undefined) out.u64(CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ, dccp.handshakeSeq);
}
