import type { Counters, Family, Tuple } from '../../../proto/model/flow.ts';
import { AttributeReader, type Attribute, DecodeError } from '../../netlink/attributes.ts';
import {
  AF_INET, AF_INET6, COUNTERS_NAMES, CTA_COUNTERS_BYTES, CTA_COUNTERS_ORIG, CTA_COUNTERS_PACKETS, CTA_COUNTERS_REPLY, CTA_HELP, CTA_HELP_NAME, CTA_ID, CTA_LABELS, CTA_MARK,
  CTA_PROTOINFO, CTA_PROTOINFO_STATE, CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, CTA_PROTOINFO_TCP_FLAGS_REPLY, CTA_STATUS, CTA_TIMEOUT, CTA_TIMESTAMP,
  CTA_TIMESTAMP_START, CTA_TUPLE_MASTER, CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_ZONE, ENTRY_NAMES, NFGENMSG_LENGTH, PROTOINFO_NAMES, TUPLE_NAMES,
} from './constants.ts';
import { stateName } from './states.ts';
import { decodeTuple, type ProtoTuple } from './tuple.ts';

/** One entry as the kernel tells it. Absent means that the kernel did not say, except mark and zone, whose absence is 0. */
export interface Entry {
  family: Family;
  proto: number;
  orig: Tuple;
  reply: Tuple;
  id: number;
  zone: number;
  status: number;
  mark: number;
  state?: string;
  /** seen[0].flags | seen[1].flags of the TCP tracker. */
  tcpFlags?: number;
  /** Absent for an offloaded flow: the kernel leaves CTA_TIMEOUT out. */
  timeoutSeconds?: number;
  /** Absent where nf_conntrack_acct was off when the flow began. */
  origCounters?: Counters;
  replyCounters?: Counters;
  /** Nanoseconds of the real-time clock; absent where nf_conntrack_timestamp was off when the flow began. */
  startedAtNs?: bigint;
  /** The bits of the labels extension in the kernel's longs. */
  labels?: Uint8Array;
  helper?: string;
  /** The original tuple of the flow that expected this one; the kernel does not tell its id. */
  master?: ProtoTuple;
}

/** Decodes the body of a CT_NEW message (nfgenmsg and attributes). Unknown attributes are skipped. Throws DecodeError. */
export function decodeEntry(body: Uint8Array): Entry {
  const family = familyOf(body);
  let orig: ProtoTuple | undefined;
  let reply: ProtoTuple | undefined;
  const entry: Omit<Entry, 'family' | 'proto' | 'orig' | 'reply' | 'id'> & { id?: number } = { zone: 0, status: 0, mark: 0 };
  for (const attribute of new AttributeReader(body.subarray(NFGENMSG_LENGTH), ENTRY_NAMES)) {
    switch (attribute.type) {
      case CTA_TUPLE_ORIG: orig = decodeTuple(attribute.nested(TUPLE_NAMES), family, attribute.place); break;
      case CTA_TUPLE_REPLY: reply = decodeTuple(attribute.nested(TUPLE_NAMES), family, attribute.place); break;
      case CTA_TUPLE_MASTER: entry.master = decodeTuple(attribute.nested(TUPLE_NAMES), family, attribute.place); break;
      case CTA_STATUS: entry.status = attribute.u32(); break;
      case CTA_PROTOINFO: Object.assign(entry, decodeProtoinfo(attribute)); break;
      case CTA_TIMEOUT: entry.timeoutSeconds = attribute.u32(); break;
      case CTA_MARK: entry.mark = attribute.u32(); break;
      case CTA_COUNTERS_ORIG: entry.origCounters = decodeCounters(attribute); break;
      case CTA_COUNTERS_REPLY: entry.replyCounters = decodeCounters(attribute); break;
      case CTA_ID: entry.id = attribute.u32(); break;
      case CTA_ZONE: entry.zone = attribute.u16(); break;
      case CTA_TIMESTAMP:
        for (const inner of attribute.nested()) if (inner.type === CTA_TIMESTAMP_START) entry.startedAtNs = inner.u64();
        break;
      case CTA_LABELS: entry.labels = attribute.bytes.slice(); break;
      case CTA_HELP:
        for (const inner of attribute.nested()) if (inner.type === CTA_HELP_NAME) entry.helper = inner.text();
        break;
    }
  }
  if (!orig || !reply || entry.id === undefined) throw new DecodeError('', 'an entry needs both tuples and an id');
  return { ...entry, id: entry.id, family, proto: orig.proto, orig: orig.tuple, reply: reply.tuple };
}

/** The family in nfgenmsg. Throws DecodeError if the body is too short or the family is neither IPv4 nor IPv6. */
export function familyOf(body: Uint8Array): Family {
  if (body.length < NFGENMSG_LENGTH) throw new DecodeError('nfgenmsg', `${body.length} bytes, wanted ${NFGENMSG_LENGTH}`);
  if (body[0] === AF_INET) return 4;
  if (body[0] === AF_INET6) return 6;
  throw new DecodeError('nfgenmsg', `family ${body[0]} is neither IPv4 nor IPv6`);
}

function decodeProtoinfo(attribute: Attribute): Pick<Entry, 'state' | 'tcpFlags'> {
  const info: Pick<Entry, 'state' | 'tcpFlags'> = {};
  for (const protocol of attribute.nested(PROTOINFO_NAMES)) {
    if (!PROTOINFO_NAMES[protocol.type]) continue;
    for (const inner of protocol.nested()) {
      if (inner.type === CTA_PROTOINFO_STATE) info.state = stateName(protocol.type, inner.u8());
      else if (protocol.type === CTA_PROTOINFO_TCP && (inner.type === CTA_PROTOINFO_TCP_FLAGS_ORIGINAL || inner.type === CTA_PROTOINFO_TCP_FLAGS_REPLY)) {
        info.tcpFlags = (info.tcpFlags ?? 0) | inner.exactly(2)[0]!; // struct nf_ct_tcp_flags: flags, mask
      }
    }
  }
  return info;
}

function decodeCounters(attribute: Attribute): Counters {
  let packets: bigint | undefined;
  let bytes: bigint | undefined;
  for (const inner of attribute.nested(COUNTERS_NAMES)) {
    if (inner.type === CTA_COUNTERS_PACKETS) packets = inner.u64();
    else if (inner.type === CTA_COUNTERS_BYTES) bytes = inner.u64();
  }
  if (packets === undefined || bytes === undefined) throw new DecodeError(attribute.place, 'counters need packets and bytes');
  return { packets, bytes };
}
