import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { IPS } from '../../../proto/model/status.ts';
import { AttributeReader, DecodeError } from '../../netlink/attributes.ts';
import { NLA_TYPE_MASK, align4 } from '../../netlink/constants.ts';
import { NO_TIMEOUT, SHAPE, type Columns } from './columns.ts';
import * as k from '../wire/constants.ts';
import { decodeEntry, rareTrackerOf } from '../wire/entry.ts';
import { decodeTuple } from '../wire/tuple.ts';
import { readUsualEntry } from './fast-path.ts';
import { Block, firstHalf, milliseconds, secondHalf, u64 } from './block.ts';

/** The protocol's numbers as module constants: V8 folds those into the code, but reads imported ones from memory for each attribute. */
const {
  AF_INET,
  AF_INET6,
  CTA_COUNTERS_BYTES,
  CTA_COUNTERS_ORIG,
  CTA_COUNTERS_PACKETS,
  CTA_COUNTERS_REPLY,
  CTA_HELP,
  CTA_HELP_NAME,
  CTA_ID,
  CTA_IP_V4_DST,
  CTA_IP_V4_SRC,
  CTA_IP_V6_DST,
  CTA_IP_V6_SRC,
  CTA_LABELS,
  CTA_MARK,
  CTA_PROTOINFO,
  CTA_PROTOINFO_SCTP,
  CTA_PROTOINFO_STATE,
  CTA_PROTOINFO_TCP,
  CTA_PROTOINFO_TCP_FLAGS_ORIGINAL,
  CTA_PROTOINFO_TCP_FLAGS_REPLY,
  CTA_PROTOINFO_TCP_WSCALE_ORIGINAL,
  CTA_PROTOINFO_TCP_WSCALE_REPLY,
  CTA_PROTO_DST_PORT,
  CTA_PROTO_ICMPV6_CODE,
  CTA_PROTO_ICMPV6_ID,
  CTA_PROTO_ICMPV6_TYPE,
  CTA_PROTO_ICMP_CODE,
  CTA_PROTO_ICMP_ID,
  CTA_PROTO_ICMP_TYPE,
  CTA_PROTO_NUM,
  CTA_PROTO_SRC_PORT,
  CTA_STATUS,
  CTA_TIMEOUT,
  CTA_TIMESTAMP,
  CTA_TIMESTAMP_START,
  CTA_TUPLE_IP,
  CTA_TUPLE_MASTER,
  CTA_TUPLE_ORIG,
  CTA_TUPLE_PROTO,
  CTA_TUPLE_REPLY,
  CTA_TUPLE_ZONE,
  CTA_ZONE,
  NFGENMSG_LENGTH,
} = k;
const TYPE_MASK = NLA_TYPE_MASK;
const GRE = PROTOCOLS.gre;
const SCTP = PROTOCOLS.sctp;
const DCCP = PROTOCOLS.dccp;
const { SEQ_ADJUST } = IPS;
const { none, ports, keys, icmp } = SHAPE;

/** One direction while it is being read; -1 means absent. */
class Side {
  src = 0;
  dst = 0;
  proto = -1;
  first = -1;
  second = -1;
  icmpType = -1;
  icmpCode = -1;
  icmpId = -1;
  zone = -1;
  shape: number = none;
}

/**
 * Appends entries to columns during a walk: about 160 ns an entry, without an object or closure per entry. Agrees with decodeEntry (ensured
 * by a property test), which also has the error messages for malformed entries.
 */
export class RowReader {
  readonly #columns: Columns;
  readonly #orig = new Side();
  readonly #reply = new Side();
  #block: Block = new Block(new Uint8Array());
  #isV4 = true;

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  /** Appends the entry whose CT_NEW body lies from `start`, word-aligned, to `end`. Throws DecodeError; the row then does not count. */
  append(block: Block, start: number, end: number): void {
    if (this.#read(block, start, end)) return;
    decodeEntry(block.bytes.subarray(start, end));
    throw new DecodeError('', 'an entry cannot be read');
  }

  /** False if the entry is malformed. */
  #read(block: Block, start: number, end: number): boolean {
    const columns = this.#columns;
    const row = columns.makeRoom();
    const attributes = start + NFGENMSG_LENGTH;
    const family = attributes > end ? 0 : block.bytes[start]!;
    if (family !== AF_INET && family !== AF_INET6) return false;
    this.#block = block;
    this.#isV4 = family === AF_INET;
    const first = attributes >> 2;
    const usual = readUsualEntry(columns, row, block, first, end >> 2, this.#isV4);
    const isBegun = usual !== first;
    const isDone = isBegun && usual << 2 === end;
    if (!isDone && !this.#readAttributes(row, usual << 2, end, isBegun)) return false;
    const { proto, status } = columns.common;
    if (status[row]! & SEQ_ADJUST || proto[row] === SCTP || proto[row] === DCCP) {
      const tracker = rareTrackerOf(decodeEntry(block.bytes.subarray(start, end)));
      if (tracker) columns.trackers.set(row, tracker);
    }
    columns.count = row + 1;
    return true;
  }

  /** Reads the rest of an entry. `isBegun`: the columns that are not rare are set, and both tuples and the id were read. */
  #readAttributes(row: number, start: number, end: number, isBegun: boolean): boolean {
    const columns = this.#columns;
    const { common } = columns;
    const { words, view, bytes } = this.#block;
    const orig = this.#orig;
    const reply = this.#reply;
    orig.proto = reply.proto = -1;
    let hasId = isBegun;
    if (!isBegun) {
      common.status[row] = common.mark[row] = common.zone[row] = common.state[row] = common.tcpFlags[row] = common.windowScale[row] = 0;
      common.timeout[row] = NO_TIMEOUT;
      common.startedAtMs[row] = Number.NaN;
    }
    for (let at = start; at < end;) {
      const header = at + 4 <= end ? words[at >> 2]! : 0;
      const length = firstHalf(header);
      if (length < 4 || length > end - at) return false;
      const value = at + 4;
      const stop = at + length;
      switch (secondHalf(header) & TYPE_MASK) {
        case CTA_TUPLE_ORIG:
          if (!this.#readTuple(orig, value, stop)) return false;
          break;
        case CTA_TUPLE_REPLY:
          if (!this.#readTuple(reply, value, stop)) return false;
          break;
        case CTA_STATUS:
          if (length !== 8) return false;
          common.status[row] = view.getInt32(value);
          break;
        case CTA_TIMEOUT:
          if (length !== 8) return false;
          common.timeout[row] = view.getInt32(value);
          break;
        case CTA_MARK:
          if (length !== 8) return false;
          common.mark[row] = view.getInt32(value);
          break;
        case CTA_ID:
          if (length !== 8) return false;
          common.id[row] = view.getInt32(value);
          hasId = true;
          break;
        case CTA_ZONE:
          if (length !== 6) return false;
          common.zone[row] = view.getUint16(value);
          break;
        case CTA_PROTOINFO:
          if (!this.#readProtoinfo(row, value, stop)) return false;
          break;
        case CTA_COUNTERS_ORIG:
          if (!this.#readCounters(row, value, stop, true)) return false;
          break;
        case CTA_COUNTERS_REPLY:
          if (!this.#readCounters(row, value, stop, false)) return false;
          break;
        case CTA_TIMESTAMP:
          if (!this.#readTimestamp(row, value, stop)) return false;
          break;
        case CTA_LABELS:
          columns.setLabels(row, bytes.subarray(value, stop));
          break;
        case CTA_HELP:
          this.#readHelper(row, value, stop);
          break;
        case CTA_TUPLE_MASTER: {
          columns.masters.set(
            row,
            decodeTuple(new AttributeReader(bytes, k.TUPLE_NAMES, value, stop), this.#isV4 ? 4 : 6, 'CTA_TUPLE_MASTER'),
          );
          break;
        }
      }
      at += align4(length);
    }
    if (!hasId || (!isBegun && (orig.proto < 0 || reply.proto < 0))) return false;
    if (orig.proto >= 0) {
      common.family[row] = this.#isV4 ? 4 : 6;
      common.proto[row] = orig.proto;
      common.origSrc[row] = orig.src;
      common.origDst[row] = orig.dst;
      common.sport[row] = orig.first;
      common.dport[row] = orig.second;
      common.shape[row] = (common.shape[row]! & 0xf0) | orig.shape;
      if (orig.zone >= 0) columns.ensure('origZone')[row] = orig.zone;
    }
    if (reply.proto >= 0) {
      common.replySrc[row] = reply.src;
      common.replyDst[row] = reply.dst;
      common.rsport[row] = reply.first;
      common.rdport[row] = reply.second;
      common.shape[row] = (common.shape[row]! & 0x0f) | (reply.shape << 4);
      if (reply.zone >= 0) columns.ensure('replyZone')[row] = reply.zone;
    }
    return true;
  }

  #readTuple(side: Side, start: number, end: number): boolean {
    const { words, view } = this.#block;
    side.proto = side.first = side.second = side.icmpType = side.icmpCode = side.icmpId = side.zone = -1;
    let hasAddresses = false;
    for (let at = start; at < end;) {
      const header = at + 4 <= end ? words[at >> 2]! : 0;
      const length = firstHalf(header);
      if (length < 4 || length > end - at) return false;
      const type = secondHalf(header) & TYPE_MASK;
      if (type === CTA_TUPLE_IP) {
        if (!this.#readAddresses(side, at + 4, at + length)) return false;
        hasAddresses = true;
      } else if (type === CTA_TUPLE_PROTO) {
        if (!this.#readLayer4(side, at + 4, at + length)) return false;
      } else if (type === CTA_TUPLE_ZONE) {
        if (length !== 6) return false;
        side.zone = view.getUint16(at + 4);
      }
      at += align4(length);
    }
    settleLayer4(side);
    return hasAddresses && side.proto >= 0;
  }

  #readAddresses(side: Side, start: number, end: number): boolean {
    const { words, view } = this.#block;
    const [source, destination, wanted] = this.#isV4 ? V4 : V6;
    let seen = 0;
    for (let at = start; at < end;) {
      const header = at + 4 <= end ? words[at >> 2]! : 0;
      const length = firstHalf(header);
      if (length < 4 || length > end - at) return false;
      const type = secondHalf(header) & TYPE_MASK;
      if (type === source || type === destination) {
        if (length !== wanted) return false;
        const address = this.#isV4 ? view.getInt32(at + 4) : this.#columns.addresses6.intern(words, (at + 4) >> 2);
        if (type === source) {
          side.src = address;
          seen |= 1;
        } else {
          side.dst = address;
          seen |= 2;
        }
      }
      at += align4(length);
    }
    return seen === 3;
  }

  #readLayer4(side: Side, start: number, end: number): boolean {
    const { words, view, bytes } = this.#block;
    for (let at = start; at < end;) {
      const header = at + 4 <= end ? words[at >> 2]! : 0;
      const length = firstHalf(header);
      if (length < 4 || length > end - at) return false;
      switch (secondHalf(header) & TYPE_MASK) {
        case CTA_PROTO_NUM:
          if (length !== 5) return false;
          side.proto = bytes[at + 4]!;
          break;
        case CTA_PROTO_SRC_PORT:
          if (length !== 6) return false;
          side.first = view.getUint16(at + 4);
          break;
        case CTA_PROTO_DST_PORT:
          if (length !== 6) return false;
          side.second = view.getUint16(at + 4);
          break;
        case CTA_PROTO_ICMP_ID:
        case CTA_PROTO_ICMPV6_ID:
          if (length !== 6) return false;
          side.icmpId = view.getUint16(at + 4);
          break;
        case CTA_PROTO_ICMP_TYPE:
        case CTA_PROTO_ICMPV6_TYPE:
          if (length !== 5) return false;
          side.icmpType = bytes[at + 4]!;
          break;
        case CTA_PROTO_ICMP_CODE:
        case CTA_PROTO_ICMPV6_CODE:
          if (length !== 5) return false;
          side.icmpCode = bytes[at + 4]!;
          break;
      }
      at += align4(length);
    }
    return true;
  }

  #readProtoinfo(row: number, start: number, end: number): boolean {
    const { words, bytes } = this.#block;
    const { state, tcpFlags, windowScale } = this.#columns.common;
    for (let at = start; at < end;) {
      const header = at + 4 <= end ? words[at >> 2]! : 0;
      const length = firstHalf(header);
      if (length < 4 || length > end - at) return false;
      const kind = secondHalf(header) & TYPE_MASK;
      const stop = kind >= CTA_PROTOINFO_TCP && kind <= CTA_PROTOINFO_SCTP ? at + length : 0;
      for (let inner = at + 4; inner < stop;) {
        const innerHeader = inner + 4 <= stop ? words[inner >> 2]! : 0;
        const size = firstHalf(innerHeader);
        if (size < 4 || size > stop - inner) return false;
        const type = secondHalf(innerHeader) & TYPE_MASK;
        if (type === CTA_PROTOINFO_STATE) {
          if (size !== 5) return false;
          state[row] = (kind << 8) | bytes[inner + 4]!;
        } else if (kind === CTA_PROTOINFO_TCP && (type === CTA_PROTOINFO_TCP_FLAGS_ORIGINAL || type === CTA_PROTOINFO_TCP_FLAGS_REPLY)) {
          if (size !== 6) return false;
          tcpFlags[row] = tcpFlags[row]! | bytes[inner + 4]!;
        } else if (kind === CTA_PROTOINFO_TCP && (type === CTA_PROTOINFO_TCP_WSCALE_ORIGINAL || type === CTA_PROTOINFO_TCP_WSCALE_REPLY)) {
          if (size !== 5) return false;
          const shift = type === CTA_PROTOINFO_TCP_WSCALE_ORIGINAL ? 0 : 4;
          windowScale[row] = (windowScale[row]! & (0xf0 >> shift)) | ((bytes[inner + 4]! & 0xf) << shift);
        }
        inner += align4(size);
      }
      at += align4(length);
    }
    return true;
  }

  #readCounters(row: number, start: number, end: number, isOrig: boolean): boolean {
    const { words, view } = this.#block;
    const columns = this.#columns;
    let packets = -1;
    let octets = -1;
    for (let at = start; at < end;) {
      const header = at + 4 <= end ? words[at >> 2]! : 0;
      const length = firstHalf(header);
      if (length < 4 || length > end - at) return false;
      const type = secondHalf(header) & TYPE_MASK;
      if (type === CTA_COUNTERS_PACKETS || type === CTA_COUNTERS_BYTES) {
        if (length !== 12) return false;
        const value = u64(view, at + 4);
        if (type === CTA_COUNTERS_PACKETS) packets = value;
        else octets = value;
      }
      at += align4(length);
    }
    if (packets < 0 || octets < 0) return false;
    const { rare } = columns;
    if (isOrig) {
      (rare.origPackets ?? columns.ensure('origPackets'))[row] = packets;
      (rare.origBytes ?? columns.ensure('origBytes'))[row] = octets;
    } else {
      (rare.replyPackets ?? columns.ensure('replyPackets'))[row] = packets;
      (rare.replyBytes ?? columns.ensure('replyBytes'))[row] = octets;
    }
    return true;
  }

  #readTimestamp(row: number, start: number, end: number): boolean {
    const { words, view } = this.#block;
    const { startedAtMs } = this.#columns.common;
    for (let at = start; at < end;) {
      const header = at + 4 <= end ? words[at >> 2]! : 0;
      const length = firstHalf(header);
      if (length < 4 || length > end - at) return false;
      if ((secondHalf(header) & TYPE_MASK) === CTA_TIMESTAMP_START) {
        if (length !== 12) return false;
        startedAtMs[row] = milliseconds(view, at + 4);
      }
      at += align4(length);
    }
    return true;
  }

  #readHelper(row: number, start: number, end: number): void {
    const help = new AttributeReader(this.#block.bytes, k.ENTRY_NAMES, start, end);
    while (help.next()) if (help.type === CTA_HELP_NAME) this.#columns.setHelper(row, help.text());
  }
}

/** Types of the two addresses of a tuple and the length of such an attribute. */
const V4 = [CTA_IP_V4_SRC, CTA_IP_V4_DST, 8] as const;
const V6 = [CTA_IP_V6_SRC, CTA_IP_V6_DST, 20] as const;

/** As decodeTuple: complete ICMP, or else a pair of ports, which GRE uses for its keys; half of either counts as none. */
function settleLayer4(side: Side): void {
  if (side.icmpType >= 0 && side.icmpCode >= 0 && side.icmpId >= 0) {
    side.shape = icmp;
    side.first = side.icmpId;
    side.second = (side.icmpType << 8) | side.icmpCode;
  } else if (side.first >= 0 && side.second >= 0) {
    side.shape = side.proto === GRE ? keys : ports;
  } else {
    side.shape = none;
    side.first = side.second = 0;
  }
}
