import type { Counters, Family, Tuple } from '../../../proto/model/flow.ts';
import { AttributeReader, DecodeError } from '../../netlink/attributes.ts';
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
  const family = familyOf(body, 0, body.length);
  let orig: ProtoTuple | undefined;
  let reply: ProtoTuple | undefined;
  const entry: Omit<Entry, 'family' | 'proto' | 'orig' | 'reply' | 'id'> & { id?: number } = { zone: 0, status: 0, mark: 0 };
  const attributes = new AttributeReader(body, ENTRY_NAMES, NFGENMSG_LENGTH);
  while (attributes.next()) {
    switch (attributes.type) {
      case CTA_TUPLE_ORIG: orig = decodeTuple(attributes.nested(TUPLE_NAMES), family, attributes.place); break;
      case CTA_TUPLE_REPLY: reply = decodeTuple(attributes.nested(TUPLE_NAMES), family, attributes.place); break;
      case CTA_TUPLE_MASTER: entry.master = decodeTuple(attributes.nested(TUPLE_NAMES), family, attributes.place); break;
      case CTA_STATUS: entry.status = attributes.u32(); break;
      case CTA_PROTOINFO: Object.assign(entry, decodeProtoinfo(attributes.nested(PROTOINFO_NAMES))); break;
      case CTA_TIMEOUT: entry.timeoutSeconds = attributes.u32(); break;
      case CTA_MARK: entry.mark = attributes.u32(); break;
      case CTA_COUNTERS_ORIG: entry.origCounters = decodeCounters(attributes.nested(COUNTERS_NAMES), attributes.place); break;
      case CTA_COUNTERS_REPLY: entry.replyCounters = decodeCounters(attributes.nested(COUNTERS_NAMES), attributes.place); break;
      case CTA_ID: entry.id = attributes.u32(); break;
      case CTA_ZONE: entry.zone = attributes.u16(); break;
      case CTA_TIMESTAMP: {
        const times = attributes.nested();
        while (times.next()) if (times.type === CTA_TIMESTAMP_START) entry.startedAtNs = times.u64();
        break;
      }
      case CTA_LABELS: entry.labels = attributes.bytes().slice(); break;
      case CTA_HELP: {
        const help = attributes.nested();
        while (help.next()) if (help.type === CTA_HELP_NAME) entry.helper = help.text();
        break;
      }
    }
  }
  if (!orig || !reply || entry.id === undefined) throw new DecodeError('', 'an entry needs both tuples and an id');
  return { ...entry, id: entry.id, family, proto: orig.proto, orig: orig.tuple, reply: reply.tuple };
}

/** The family in the nfgenmsg of a body that lies from `start` to `end`. Throws DecodeError if it is too short or the family is neither IPv4 nor IPv6. */
export function familyOf(bytes: Uint8Array, start: number, end: number): Family {
  if (end - start < NFGENMSG_LENGTH) throw new DecodeError('nfgenmsg', `${end - start} bytes, wanted ${NFGENMSG_LENGTH}`);
  const family = bytes[start];
  if (family === AF_INET) return 4;
  if (family === AF_INET6) return 6;
  throw new DecodeError('nfgenmsg', `family ${family} is neither IPv4 nor IPv6`);
}

function decodeProtoinfo(protocols: AttributeReader): Pick<Entry, 'state' | 'tcpFlags'> {
  const info: Pick<Entry, 'state' | 'tcpFlags'> = {};
  while (protocols.next()) {
    if (!PROTOINFO_NAMES[protocols.type]) continue;
    const inner = protocols.nested();
    while (inner.next()) {
      if (inner.type === CTA_PROTOINFO_STATE) info.state = stateName(protocols.type, inner.u8());
      else if (protocols.type === CTA_PROTOINFO_TCP && (inner.type === CTA_PROTOINFO_TCP_FLAGS_ORIGINAL || inner.type === CTA_PROTOINFO_TCP_FLAGS_REPLY)) {
        info.tcpFlags = (info.tcpFlags ?? 0) | inner.bytes(2)[0]!; // struct nf_ct_tcp_flags: flags, mask
      }
    }
  }
  return info;
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
