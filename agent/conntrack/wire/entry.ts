import type { Both, Counters, Family, SeqAdjust, Synproxy, Tracker, Tuple } from '../../../proto/model/flow.ts';
import { AttributeReader, DecodeError } from '../../netlink/attributes.ts';
import {
  AF_INET,
  AF_INET6,
  COUNTERS_NAMES,
  CTA_COUNTERS_BYTES,
  CTA_COUNTERS_ORIG,
  CTA_COUNTERS_PACKETS,
  CTA_COUNTERS_REPLY,
  CTA_HELP,
  CTA_HELP_INFO,
  CTA_HELP_NAME,
  CTA_ID,
  CTA_LABELS,
  CTA_MARK,
  CTA_PROTOINFO,
  CTA_SECCTX,
  CTA_SECCTX_NAME,
  CTA_SEQ_ADJ_ORIG,
  CTA_SEQ_ADJ_REPLY,
  CTA_STATUS,
  CTA_SYNPROXY,
  CTA_TIMEOUT,
  CTA_TIMESTAMP,
  CTA_TIMESTAMP_START,
  CTA_TIMESTAMP_STOP,
  CTA_TUPLE_MASTER,
  CTA_TUPLE_ORIG,
  CTA_TUPLE_REPLY,
  CTA_ZONE,
  ENTRY_NAMES,
  NFGENMSG_LENGTH,
  PROTOINFO_NAMES,
  SEQADJ_NAMES,
  SYNPROXY_NAMES,
  TUPLE_NAMES,
} from './constants.ts';
import { decodeProtoinfo, type Protoinfo } from './protoinfo.ts';
import { decodeSeqAdjust, decodeSynproxy } from './sequence.ts';
import { decodeTuple, type ProtoTuple } from './tuple.ts';

/** One entry as the kernel reports it. Absent means not reported, except for mark and zone, whose absence means 0. */
export interface Entry extends Protoinfo {
  family: Family;
  proto: number;
  orig: Tuple;
  reply: Tuple;
  id: number;
  zone: number;
  status: number;
  mark: number;
  /** Absent for an offloaded flow: the kernel omits CTA_TIMEOUT. */
  timeoutSeconds?: number;
  /** Absent if nf_conntrack_acct was off when the flow began. */
  origCounters?: Counters;
  replyCounters?: Counters;
  /** Nanoseconds of the real-time clock; absent if nf_conntrack_timestamp was off when the flow began. */
  startedAtNs?: bigint;
  /** Only in destroy events. */
  stoppedAtNs?: bigint;
  /** The bits of the labels extension in the kernel's longs. */
  labels?: Uint8Array;
  helper?: string;
  /** Data that a user space helper keeps with the entry. */
  helperInfo?: Uint8Array;
  seqAdjust?: Partial<Both<SeqAdjust>>;
  synproxy?: Synproxy;
  /** From SELinux. */
  securityContext?: string;
  /** The original tuple of the flow that expected this one; the kernel does not report its id. */
  master?: ProtoTuple;
}

/** Decodes the body of a CT_NEW message (nfgenmsg and attributes). Unknown attributes are skipped. Throws DecodeError. */
export function decodeEntry(body: Uint8Array): Entry {
  const family = familyOf(body, 0, body.length);
  let orig: ProtoTuple | undefined;
  let reply: ProtoTuple | undefined;
  const entry: Omit<Entry, 'family' | 'proto' | 'orig' | 'reply' | 'id'> & { id?: number } = { zone: 0, status: 0, mark: 0 };
  const attributes = new AttributeReader(body, ENTRY_NAMES, NFGENMSG_LENGTH);
  while (attributes.next()) {
    switch (attributes.type) {
      case CTA_TUPLE_ORIG:
        orig = decodeTuple(attributes.nested(TUPLE_NAMES), family, attributes.place);
        break;
      case CTA_TUPLE_REPLY:
        reply = decodeTuple(attributes.nested(TUPLE_NAMES), family, attributes.place);
        break;
      case CTA_TUPLE_MASTER:
        entry.master = decodeTuple(attributes.nested(TUPLE_NAMES), family, attributes.place);
        break;
      case CTA_STATUS:
        entry.status = attributes.u32();
        break;
      case CTA_PROTOINFO:
        Object.assign(entry, decodeProtoinfo(attributes.nested(PROTOINFO_NAMES)));
        break;
      case CTA_TIMEOUT:
        entry.timeoutSeconds = attributes.u32();
        break;
      case CTA_MARK:
        entry.mark = attributes.u32();
        break;
      case CTA_COUNTERS_ORIG:
        entry.origCounters = decodeCounters(attributes.nested(COUNTERS_NAMES), attributes.place);
        break;
      case CTA_COUNTERS_REPLY:
        entry.replyCounters = decodeCounters(attributes.nested(COUNTERS_NAMES), attributes.place);
        break;
      case CTA_ID:
        entry.id = attributes.u32();
        break;
      case CTA_ZONE:
        entry.zone = attributes.u16();
        break;
      case CTA_TIMESTAMP:
        decodeTimes(attributes.nested(), entry);
        break;
      case CTA_LABELS:
        entry.labels = attributes.bytes().slice();
        break;
      case CTA_HELP:
        decodeHelp(attributes.nested(), entry);
        break;
      case CTA_SEQ_ADJ_ORIG:
        entry.seqAdjust = { ...entry.seqAdjust, orig: decodeSeqAdjust(attributes.nested(SEQADJ_NAMES), attributes.place) };
        break;
      case CTA_SEQ_ADJ_REPLY:
        entry.seqAdjust = { ...entry.seqAdjust, reply: decodeSeqAdjust(attributes.nested(SEQADJ_NAMES), attributes.place) };
        break;
      case CTA_SYNPROXY:
        entry.synproxy = decodeSynproxy(attributes.nested(SYNPROXY_NAMES), attributes.place);
        break;
      case CTA_SECCTX:
        entry.securityContext = decodeSecurity(attributes.nested());
        break;
    }
  }
  if (!orig || !reply || entry.id === undefined) throw new DecodeError('', 'an entry needs both tuples and an id');
  return { ...entry, id: entry.id, family, proto: orig.proto, orig: orig.tuple, reply: reply.tuple };
}

/**
 * The parts of an entry that only trackers use, except window scales; undefined if there are none. Values for only one side are dropped:
 * the kernel reports both.
 */
export function rareTrackerOf({ seqAdjust, synproxy, sctpTags, dccp }: Entry): Tracker | undefined {
  const tracker: Tracker = {};
  if (seqAdjust?.orig && seqAdjust.reply) tracker.seqAdjust = { orig: seqAdjust.orig, reply: seqAdjust.reply };
  if (synproxy && (synproxy.isn !== 0 || synproxy.its !== 0 || synproxy.timestampOffset !== 0)) tracker.synproxy = synproxy;
  if (sctpTags?.orig !== undefined && sctpTags.reply !== undefined) tracker.sctpTags = { orig: sctpTags.orig, reply: sctpTags.reply };
  if (dccp?.role !== undefined && dccp.handshakeSeq !== undefined) tracker.dccp = { role: dccp.role, handshakeSeq: dccp.handshakeSeq };
  return Object.keys(tracker).length > 0 ? tracker : undefined;
}

/**
 * The family in the nfgenmsg of a body that lies from `start` to `end`. Throws DecodeError if it is too short or the family is neither IPv4
 * nor IPv6.
 */
export function familyOf(bytes: Uint8Array, start: number, end: number): Family {
  if (end - start < NFGENMSG_LENGTH) throw new DecodeError('nfgenmsg', `${end - start} bytes, wanted ${NFGENMSG_LENGTH}`);
  const family = bytes[start];
  if (family === AF_INET) return 4;
  if (family === AF_INET6) return 6;
  throw new DecodeError('nfgenmsg', `family ${family} is neither IPv4 nor IPv6`);
}

function decodeTimes(times: AttributeReader, entry: Pick<Entry, 'startedAtNs' | 'stoppedAtNs'>): void {
  while (times.next()) {
    if (times.type === CTA_TIMESTAMP_START) entry.startedAtNs = times.u64();
    else if (times.type === CTA_TIMESTAMP_STOP) entry.stoppedAtNs = times.u64();
  }
}

function decodeHelp(help: AttributeReader, entry: Pick<Entry, 'helper' | 'helperInfo'>): void {
  while (help.next()) {
    if (help.type === CTA_HELP_NAME) entry.helper = help.text();
    else if (help.type === CTA_HELP_INFO) entry.helperInfo = help.bytes().slice();
  }
}

function decodeSecurity(security: AttributeReader): string | undefined {
  let context: string | undefined;
  while (security.next()) if (security.type === CTA_SECCTX_NAME) context = security.text();
  return context;
}

function decodeCounters(attributes: AttributeReader, place: string): Counters {
  let packets: bigint | undefined;
  let bytes: bigint | undefined;
  while (attributes.next()) {
    if (attributes.type === CTA_COUNTERS_PACKETS) packets = attributes.u64();
    else if (attributes.type === CTA_COUNTERS_BYTES) bytes = attributes.u64();
  }
  if (packets === undefined || bytes === undefined) throw new DecodeError(place, 'counters need packets and bytes');
  return { packets, bytes };
}
