import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { DecodeError, hostU16 } from '../../netlink/attributes.ts';
import { NLA_TYPE_MASK, align4 } from '../../netlink/constants.ts';
import {
  CTA_COUNTERS_BYTES, CTA_COUNTERS_ORIG, CTA_COUNTERS_PACKETS, CTA_COUNTERS_REPLY, CTA_HELP, CTA_HELP_NAME, CTA_ID, CTA_IP_V4_DST, CTA_IP_V4_SRC, CTA_IP_V6_DST, CTA_IP_V6_SRC, CTA_LABELS, CTA_MARK, CTA_PROTOINFO, CTA_PROTOINFO_STATE,
  CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, CTA_PROTOINFO_TCP_FLAGS_REPLY, CTA_PROTO_DST_PORT, CTA_PROTO_ICMPV6_CODE, CTA_PROTO_ICMPV6_ID, CTA_PROTO_ICMPV6_TYPE, CTA_PROTO_ICMP_CODE, CTA_PROTO_ICMP_ID, CTA_PROTO_ICMP_TYPE, CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_STATUS, CTA_TIMEOUT,
  CTA_TIMESTAMP, CTA_TIMESTAMP_START, CTA_TUPLE_IP, CTA_TUPLE_MASTER, CTA_TUPLE_ORIG, CTA_TUPLE_PROTO, CTA_TUPLE_REPLY, CTA_TUPLE_ZONE, CTA_ZONE, NFGENMSG_LENGTH, PROTOINFO_NAMES,
} from './constants.ts';
import { familyOf } from './entry.ts';

/** One direction inside a RawEntry. Addresses are offsets into the entry's bytes; -1 stands for absent. */
export class RawTuple {
  /** Where the whole attribute's content lies. */
  start = 0;
  end = 0;
  src = -1;
  dst = -1;
  proto = -1;
  sport = -1;
  dport = -1;
  srcKey = -1;
  dstKey = -1;
  icmpType = -1;
  icmpCode = -1;
  icmpId = -1;
  zone = -1;
}

/**
 * The attributes that a walk looks at, read from one message without making objects: one RawEntry serves a whole walk.
 * Says the same as decodeEntry (a property test holds them together); -1 stands for absent, offsets point into `bytes`.
 */
export class RawEntry {
  bytes: Uint8Array = new Uint8Array();
  /** The body (nfgenmsg and attributes) in `bytes`. */
  start = 0;
  end = 0;
  family: 4 | 6 = 4;
  proto = 0;
  readonly orig = new RawTuple();
  readonly reply = new RawTuple();
  id = 0;
  status = 0;
  mark = 0;
  zone = 0;
  timeout = -1;
  /** Number of the state and the CTA_PROTOINFO_* it came in. */
  state = -1;
  stateKind = 0;
  tcpFlags = 0;
  #origCounters = -1;
  #replyCounters = -1;
  #origCountersEnd = 0;
  #replyCountersEnd = 0;
  #started = -1;
  labels = -1;
  labelsLength = 0;
  /** Where the content of CTA_TUPLE_MASTER lies. */
  master = -1;
  masterEnd = 0;
  #helper = -1;
  #helperLength = 0;

  /** Reads the body of a CT_NEW message that lies from `start` to `end`. Throws DecodeError. */
  read(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.family = familyOf(bytes, start, end);
    this.orig.src = this.reply.src = -1;
    this.status = this.mark = this.zone = this.tcpFlags = 0;
    this.timeout = this.state = this.#origCounters = this.#replyCounters = this.#started = this.labels = this.master = this.#helper = -1;
    let hasId = false;
    let at = start + NFGENMSG_LENGTH;
    while (at < end) {
      const length = attributeLength(bytes, at, end);
      const value = at + 4;
      const size = length - 4;
      switch (hostU16(bytes, at + 2) & NLA_TYPE_MASK) {
        case CTA_TUPLE_ORIG: this.#readTuple(this.orig, value, value + size); break;
        case CTA_TUPLE_REPLY: this.#readTuple(this.reply, value, value + size); break;
        case CTA_STATUS: this.status = networkU32(bytes, exactly(value, size, 4)); break;
        case CTA_PROTOINFO: this.#readProtoinfo(value, value + size); break;
        case CTA_TIMEOUT: this.timeout = networkU32(bytes, exactly(value, size, 4)); break;
        case CTA_MARK: this.mark = networkU32(bytes, exactly(value, size, 4)); break;
        case CTA_COUNTERS_ORIG: this.#origCounters = value; this.#origCountersEnd = value + size; break;
        case CTA_COUNTERS_REPLY: this.#replyCounters = value; this.#replyCountersEnd = value + size; break;
        case CTA_ID: this.id = networkU32(bytes, exactly(value, size, 4)); hasId = true; break;
        case CTA_ZONE: this.zone = networkU16(bytes, exactly(value, size, 2)); break;
        case CTA_TIMESTAMP: {
          const found = find(bytes, value, value + size, CTA_TIMESTAMP_START);
          if (found >= 0) this.#started = exactly(found, hostU16(bytes, found - 4) - 4, 8);
          break;
        }
        case CTA_TUPLE_MASTER: this.master = value; this.masterEnd = value + size; break;
        case CTA_LABELS: this.labels = value; this.labelsLength = size; break;
        case CTA_HELP: {
          const found = find(bytes, value, value + size, CTA_HELP_NAME);
          if (found < 0) break;
          this.#helper = found;
          this.#helperLength = hostU16(bytes, found - 4) - 4;
          break;
        }
      }
      at += align4(length);
    }
    if (this.orig.src < 0 || this.reply.src < 0 || !hasId) throw new DecodeError('', 'an entry needs both tuples and an id');
    this.proto = this.orig.proto;
  }

  /** Packets and bytes of a direction, exact to 2^53; undefined where the kernel keeps no counters for this entry. */
  hasCounters(direction: 'orig' | 'reply'): boolean {
    return (direction === 'orig' ? this.#origCounters : this.#replyCounters) >= 0;
  }

  counter(direction: 'orig' | 'reply', type: number): number {
    const isOrig = direction === 'orig';
    return this.#counter(isOrig ? this.#origCounters : this.#replyCounters, isOrig ? this.#origCountersEnd : this.#replyCountersEnd, type);
  }

  /** Milliseconds of the real-time clock, undefined if the kernel kept no time. */
  startedAtMs(): number | undefined {
    if (this.#started < 0) return undefined;
    // 2^32 ns are 4294 ms and 967,296 ns: so no step leaves 53 bits, and nothing is rounded.
    const high = networkU32(this.bytes, this.#started);
    return high * 4294 + Math.floor((high * 967_296 + networkU32(this.bytes, this.#started + 4)) / 1_000_000);
  }

  helper(): string | undefined {
    if (this.#helper < 0) return undefined;
    const bytes = this.bytes.subarray(this.#helper, this.#helper + this.#helperLength);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  #readTuple(tuple: RawTuple, start: number, end: number): void {
    const { bytes } = this;
    tuple.start = start;
    tuple.end = end;
    tuple.src = tuple.dst = tuple.proto = tuple.sport = tuple.dport = tuple.zone = -1;
    tuple.srcKey = tuple.dstKey = tuple.icmpType = tuple.icmpCode = tuple.icmpId = -1;
    let at = start;
    while (at < end) {
      const length = attributeLength(bytes, at, end);
      const type = hostU16(bytes, at + 2) & NLA_TYPE_MASK;
      if (type === CTA_TUPLE_IP) this.#readAddresses(tuple, at + 4, at + length);
      else if (type === CTA_TUPLE_PROTO) this.#readLayer4(tuple, at + 4, at + length);
      else if (type === CTA_TUPLE_ZONE) tuple.zone = networkU16(bytes, exactly(at + 4, length - 4, 2));
      at += align4(length);
    }
    if (tuple.src < 0 || tuple.dst < 0 || tuple.proto < 0) throw new DecodeError('', 'a tuple needs both addresses and a protocol');
  }

  #readAddresses(tuple: RawTuple, start: number, end: number): void {
    const { bytes } = this;
    const isV4 = this.family === 4;
    for (let at = start; at < end;) {
      const length = attributeLength(bytes, at, end);
      const type = hostU16(bytes, at + 2) & NLA_TYPE_MASK;
      if (type === (isV4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC)) tuple.src = exactly(at + 4, length - 4, isV4 ? 4 : 16);
      else if (type === (isV4 ? CTA_IP_V4_DST : CTA_IP_V6_DST)) tuple.dst = exactly(at + 4, length - 4, isV4 ? 4 : 16);
      at += align4(length);
    }
  }

  #readLayer4(tuple: RawTuple, start: number, end: number): void {
    const { bytes } = this;
    for (let at = start; at < end;) {
      const length = attributeLength(bytes, at, end);
      switch (hostU16(bytes, at + 2) & NLA_TYPE_MASK) {
        case CTA_PROTO_NUM: tuple.proto = bytes[exactly(at + 4, length - 4, 1)]!; break;
        case CTA_PROTO_SRC_PORT: tuple.sport = networkU16(bytes, exactly(at + 4, length - 4, 2)); break;
        case CTA_PROTO_DST_PORT: tuple.dport = networkU16(bytes, exactly(at + 4, length - 4, 2)); break;
        case CTA_PROTO_ICMP_ID:
        case CTA_PROTO_ICMPV6_ID: tuple.icmpId = networkU16(bytes, exactly(at + 4, length - 4, 2)); break;
        case CTA_PROTO_ICMP_TYPE:
        case CTA_PROTO_ICMPV6_TYPE: tuple.icmpType = bytes[exactly(at + 4, length - 4, 1)]!; break;
        case CTA_PROTO_ICMP_CODE:
        case CTA_PROTO_ICMPV6_CODE: tuple.icmpCode = bytes[exactly(at + 4, length - 4, 1)]!; break;
      }
      at += align4(length);
    }
    // As decodeTuple: ICMP in whole, or else a pair of ports, which GRE uses for its keys; half of either is none.
    const isIcmp = tuple.icmpType >= 0 && tuple.icmpCode >= 0 && tuple.icmpId >= 0;
    const isPair = !isIcmp && tuple.sport >= 0 && tuple.dport >= 0;
    if (isPair && tuple.proto === PROTOCOLS.gre) {
      tuple.srcKey = tuple.sport;
      tuple.dstKey = tuple.dport;
    }
    if (!isPair || tuple.proto === PROTOCOLS.gre) tuple.sport = tuple.dport = -1;
    if (!isIcmp) tuple.icmpType = tuple.icmpCode = tuple.icmpId = -1;
  }

  #readProtoinfo(start: number, end: number): void {
    const { bytes } = this;
    for (let at = start; at < end;) {
      const length = attributeLength(bytes, at, end);
      const kind = hostU16(bytes, at + 2) & NLA_TYPE_MASK;
      const isKnown = PROTOINFO_NAMES[kind] !== undefined;
      for (let inner = at + 4; isKnown && inner < at + length;) {
        const size = attributeLength(bytes, inner, at + length);
        const type = hostU16(bytes, inner + 2) & NLA_TYPE_MASK;
        if (type === CTA_PROTOINFO_STATE) {
          this.state = bytes[exactly(inner + 4, size - 4, 1)]!;
          this.stateKind = kind;
        } else if (kind === CTA_PROTOINFO_TCP && (type === CTA_PROTOINFO_TCP_FLAGS_ORIGINAL || type === CTA_PROTOINFO_TCP_FLAGS_REPLY)) {
          this.tcpFlags |= bytes[exactly(inner + 4, size - 4, 2)]!;
        }
        inner += align4(size);
      }
      at += align4(length);
    }
  }

  #counter(start: number, end: number, type: number): number {
    const found = find(this.bytes, start, end, type);
    if (found < 0) throw new DecodeError('', 'counters need packets and bytes');
    exactly(found, hostU16(this.bytes, found - 4) - 4, 8);
    return networkU32(this.bytes, found) * 0x1_0000_0000 + networkU32(this.bytes, found + 4);
  }
}

export function networkU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** The same bits with a sign: as a key of a Map such a number needs no box, and IPv4 addresses are looked up for each entry. */
export function networkI32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

function networkU16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/** Offset of the content of the last attribute of a type in a nest, -1 if there is none. */
function find(bytes: Uint8Array, start: number, end: number, type: number): number {
  let found = -1;
  for (let at = start; at < end;) {
    const length = attributeLength(bytes, at, end);
    if ((hostU16(bytes, at + 2) & NLA_TYPE_MASK) === type) found = at + 4;
    at += align4(length);
  }
  return found;
}

function attributeLength(bytes: Uint8Array, at: number, end: number): number {
  const length = end - at < 4 ? 0 : hostU16(bytes, at);
  if (length < 4 || length > end - at) throw new DecodeError('', `an attribute does not fit the ${end - at} bytes that are left`);
  return length;
}

function exactly(value: number, size: number, wanted: number): number {
  if (size !== wanted) throw new DecodeError('', `an attribute of ${size} bytes, wanted ${wanted}`);
  return value;
}
