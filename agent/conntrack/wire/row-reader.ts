import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { IPS } from '../../../proto/model/status.ts';
import { AttributeReader, DecodeError } from '../../netlink/attributes.ts';
import { HOST_IS_LITTLE_ENDIAN, NLA_F_NESTED, NLA_TYPE_MASK, align4 } from '../../netlink/constants.ts';
import { SHAPE, type Columns } from '../columns.ts';
import * as k from './constants.ts';
import { decodeEntry, rareTrackerOf } from './entry.ts';
import { decodeTuple } from './tuple.ts';
import { Block, firstByte, firstTwo, headerWord, milliseconds, network, network64 } from './words.ts';

/** The protocol's numbers as constants of this module: V8 folds those into its code, and reads imported ones from memory for each attribute. */
const {
  AF_INET, AF_INET6, CTA_COUNTERS_BYTES, CTA_COUNTERS_ORIG, CTA_COUNTERS_PACKETS, CTA_COUNTERS_REPLY, CTA_HELP, CTA_HELP_NAME, CTA_ID, CTA_IP_V4_DST,
  CTA_IP_V4_SRC, CTA_IP_V6_DST, CTA_IP_V6_SRC, CTA_LABELS, CTA_MARK, CTA_PROTOINFO, CTA_PROTOINFO_SCTP, CTA_PROTOINFO_STATE, CTA_PROTOINFO_TCP,
  CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, CTA_PROTOINFO_TCP_FLAGS_REPLY, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, CTA_PROTOINFO_TCP_WSCALE_REPLY, CTA_PROTO_DST_PORT, CTA_PROTO_ICMPV6_CODE, CTA_PROTO_ICMPV6_ID, CTA_PROTO_ICMPV6_TYPE,
  CTA_PROTO_ICMP_CODE, CTA_PROTO_ICMP_ID, CTA_PROTO_ICMP_TYPE, CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_STATUS, CTA_TIMEOUT, CTA_TIMESTAMP,
  CTA_TIMESTAMP_START, CTA_TUPLE_IP, CTA_TUPLE_MASTER, CTA_TUPLE_ORIG, CTA_TUPLE_PROTO, CTA_TUPLE_REPLY, CTA_TUPLE_ZONE, CTA_ZONE, NFGENMSG_LENGTH,
} = k;
const IS_LITTLE_ENDIAN = HOST_IS_LITTLE_ENDIAN;
const TYPE_MASK = NLA_TYPE_MASK;
const GRE = PROTOCOLS.gre;
const SCTP = PROTOCOLS.sctp;
const DCCP = PROTOCOLS.dccp;
const { SEQ_ADJUST } = IPS;
const { none, ports, keys, icmp } = SHAPE;

/** Where length and type stand in the first word of an attribute. */
const LENGTH_SHIFT = IS_LITTLE_ENDIAN ? 0 : 16;
const TYPE_SHIFT = IS_LITTLE_ENDIAN ? 16 : 0;

/**
 * The kernel writes attributes in one order, and a gateway's flows are nearly all IPv4 with ports. So their tuples, TCP's state, counters and start have
 * one look each, down to the headers; where these words are met the values are taken from their places, and whatever looks otherwise is walked.
 */
const nestWord = (length: number, type: number): number => headerWord(length, type | NLA_F_NESTED);
const IPV4 = nestWord(20, CTA_TUPLE_IP);
const IPV4_SRC = headerWord(8, CTA_IP_V4_SRC);
const IPV4_DST = headerWord(8, CTA_IP_V4_DST);
const WITH_PORTS = nestWord(28, CTA_TUPLE_PROTO);
const PROTO_NUM = headerWord(5, CTA_PROTO_NUM);
const SRC_PORT = headerWord(6, CTA_PROTO_SRC_PORT);
const DST_PORT = headerWord(6, CTA_PROTO_DST_PORT);
const IPV4_PORTS_BYTES = 48;
const IPV6 = nestWord(44, CTA_TUPLE_IP);
const IPV6_SRC = headerWord(20, CTA_IP_V6_SRC);
const IPV6_DST = headerWord(20, CTA_IP_V6_DST);
const IPV6_PORTS_BYTES = 72;
const TCP_INFO = nestWord(44, CTA_PROTOINFO_TCP);
const TCP_STATE = headerWord(5, CTA_PROTOINFO_STATE);
const TCP_SCALE_ORIGINAL = headerWord(5, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL);
const TCP_SCALE_REPLY = headerWord(5, CTA_PROTOINFO_TCP_WSCALE_REPLY);
const TCP_FLAGS_ORIGINAL = headerWord(6, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL);
const TCP_FLAGS_REPLY = headerWord(6, CTA_PROTOINFO_TCP_FLAGS_REPLY);
const TCP_INFO_BYTES = 44;
const PACKETS = headerWord(12, CTA_COUNTERS_PACKETS);
const BYTES = headerWord(12, CTA_COUNTERS_BYTES);
const COUNTERS_BYTES = 24;
const START = headerWord(12, CTA_TIMESTAMP_START);
const START_BYTES = 12;

/** One direction while it is read; -1 stands for absent. */
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
 * Appends entries to columns as a walk meets them: 250 ns an entry, no object and no closure for any. Says the same as decodeEntry (a property
 * test holds them together), which also has the words for what is wrong with a malformed one.
 */
export class RowReader {
  readonly #columns: Columns;
  readonly #orig = new Side();
  readonly #reply = new Side();
  #block: Block = new Block(new Uint8Array());
  #isV4 = true;
  #id = -1;

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  /** Appends the entry whose CT_NEW body lies from `start`, on a word, to `end`. Throws DecodeError; the row then does not count. */
  append(block: Block, start: number, end: number): void {
    if (this.#read(block, start, end)) return;
    decodeEntry(block.bytes.subarray(start, end));
    throw new DecodeError('', 'an entry cannot be read');
  }

  /** False where something does not fit. */
  #read(block: Block, start: number, end: number): boolean {
    const columns = this.#columns;
    const row = columns.makeRoom();
    const { common } = columns;
    const { words } = block;
    const family = end - start < NFGENMSG_LENGTH ? 0 : block.bytes[start]!;
    if (family !== AF_INET && family !== AF_INET6) return false;
    this.#block = block;
    this.#isV4 = family === AF_INET;
    this.#id = -1;
    this.#orig.proto = this.#reply.proto = -1;
    let status = 0;
    let mark = 0;
    let timeout = -1; // NO_TIMEOUT, as its column will hold it
    let zone = 0;
    common.state[row] = common.tcpFlags[row] = common.windowScale[row] = 0;
    common.startedAtMs[row] = Number.NaN;
    for (let at = start + NFGENMSG_LENGTH; at < end;) {
      const header = at + 4 <= end ? words[at >> 2]! : 0;
      const length = (header >>> LENGTH_SHIFT) & 0xffff;
      if (length < 4 || length > end - at) return false;
      const value = at + 4;
      const stop = at + length;
      switch ((header >>> TYPE_SHIFT) & TYPE_MASK) {
        case CTA_TUPLE_ORIG: if (!this.#readTuple(this.#orig, value, stop)) return false; break;
        case CTA_TUPLE_REPLY: if (!this.#readTuple(this.#reply, value, stop)) return false; break;
        case CTA_STATUS: if (length !== 8) return false; status = network(words[value >> 2]!); break;
        case CTA_TIMEOUT: if (length !== 8) return false; timeout = network(words[value >> 2]!); break;
        case CTA_MARK: if (length !== 8) return false; mark = network(words[value >> 2]!); break;
        case CTA_ID: if (length !== 8) return false; common.id[row] = network(words[value >> 2]!); this.#id = 0; break;
        case CTA_ZONE: if (length !== 6) return false; zone = this.#u16(value); break;
        case CTA_PROTOINFO: if (!this.#readProtoinfo(row, value, stop)) return false; break;
        case CTA_COUNTERS_ORIG: if (!this.#readCounters(row, value, stop, true)) return false; break;
        case CTA_COUNTERS_REPLY: if (!this.#readCounters(row, value, stop, false)) return false; break;
        case CTA_TIMESTAMP: if (!this.#readTimestamp(row, value, stop)) return false; break;
        case CTA_LABELS: columns.setLabels(row, block.bytes.subarray(value, stop)); break;
        case CTA_HELP: this.#readHelper(row, value, stop); break;
        case CTA_TUPLE_MASTER: {
          columns.masters.set(row, decodeTuple(new AttributeReader(block.bytes, k.TUPLE_NAMES, value, stop), this.#isV4 ? 4 : 6, 'CTA_TUPLE_MASTER'));
          break;
        }
      }
      at += align4(length);
    }
    const orig = this.#orig;
    const reply = this.#reply;
    if (orig.proto < 0 || reply.proto < 0 || this.#id < 0) return false;
    common.family[row] = this.#isV4 ? 4 : 6;
    common.proto[row] = orig.proto;
    common.status[row] = status;
    common.mark[row] = mark;
    common.timeout[row] = timeout;
    common.zone[row] = zone;
    common.origSrc[row] = orig.src;
    common.origDst[row] = orig.dst;
    common.replySrc[row] = reply.src;
    common.replyDst[row] = reply.dst;
    common.sport[row] = orig.first;
    common.dport[row] = orig.second;
    common.rsport[row] = reply.first;
    common.rdport[row] = reply.second;
    common.shape[row] = orig.shape | (reply.shape << 4);
    if (orig.zone >= 0) columns.ensure('origZone')[row] = orig.zone;
    if (reply.zone >= 0) columns.ensure('replyZone')[row] = reply.zone;
    if (status & SEQ_ADJUST || orig.proto === SCTP || orig.proto === DCCP) {
      const tracker = rareTrackerOf(decodeEntry(block.bytes.subarray(start, end)));
      if (tracker) columns.trackers.set(row, tracker);
    }
    columns.count = row + 1;
    return true;
  }

  #readTuple(side: Side, start: number, end: number): boolean {
    const { words } = this.#block;
    if (end - start === (this.#isV4 ? IPV4_PORTS_BYTES : IPV6_PORTS_BYTES) && this.#readUsualTuple(side, start >> 2)) return true;
    side.proto = side.first = side.second = side.icmpType = side.icmpCode = side.icmpId = side.zone = -1;
    let hasAddresses = false;
    for (let at = start; at < end;) {
      const header = at + 4 <= end ? words[at >> 2]! : 0;
      const length = (header >>> LENGTH_SHIFT) & 0xffff;
      if (length < 4 || length > end - at) return false;
      const type = (header >>> TYPE_SHIFT) & TYPE_MASK;
      if (type === CTA_TUPLE_IP) {
        if (!this.#readAddresses(side, at + 4, at + length)) return false;
        hasAddresses = true;
      } else if (type === CTA_TUPLE_PROTO) {
        if (!this.#readLayer4(side, at + 4, at + length)) return false;
      } else if (type === CTA_TUPLE_ZONE) {
        if (length !== 6) return false;
        side.zone = this.#u16(at + 4);
      }
      at += align4(length);
    }
    settleLayer4(side);
    return hasAddresses && side.proto >= 0;
  }

  /** False where a header is not the usual one; nothing is settled then. `w` is the number of the first word. */
  #readUsualTuple(side: Side, w: number): boolean {
    const { words } = this.#block;
    const isV4 = this.#isV4;
    const destination = w + (isV4 ? 3 : 6);
    const layer4 = w + (isV4 ? 5 : 11);
    if (words[w] !== (isV4 ? IPV4 : IPV6) || words[w + 1] !== (isV4 ? IPV4_SRC : IPV6_SRC) || words[destination] !== (isV4 ? IPV4_DST : IPV6_DST)
      || words[layer4] !== WITH_PORTS || words[layer4 + 1] !== PROTO_NUM || words[layer4 + 3] !== SRC_PORT || words[layer4 + 5] !== DST_PORT) return false;
    if (isV4) {
      side.src = network(words[w + 2]!);
      side.dst = network(words[destination + 1]!);
    } else {
      const { addresses6 } = this.#columns;
      side.src = addresses6.intern(words, w + 2);
      side.dst = addresses6.intern(words, destination + 1);
    }
    const proto = firstByte(words[layer4 + 2]!);
    side.proto = proto;
    side.first = firstTwo(words[layer4 + 4]!);
    side.second = firstTwo(words[layer4 + 6]!);
    side.zone = -1;
    side.shape = proto === GRE ? keys : ports;
    return true;
  }

  #readAddresses(side: Side, start: number, end: number): boolean {
    const { words } = this.#block;
    const [source, destination, wanted] = this.#isV4 ? V4 : V6;
    let seen = 0;
    for (let at = start; at < end;) {
      const header = at + 4 <= end ? words[at >> 2]! : 0;
      const length = (header >>> LENGTH_SHIFT) & 0xffff;
      if (length < 4 || length > end - at) return false;
      const type = (header >>> TYPE_SHIFT) & TYPE_MASK;
      if (type === source || type === destination) {
        if (length !== wanted) return false;
        const address = this.#isV4 ? network(words[(at + 4) >> 2]!) : this.#columns.addresses6.intern(words, (at + 4) >> 2);
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
    const { words, bytes } = this.#block;
    for (let at = start; at < end;) {
      const header = at + 4 <= end ? words[at >> 2]! : 0;
      const length = (header >>> LENGTH_SHIFT) & 0xffff;
      if (length < 4 || length > end - at) return false;
      switch ((header >>> TYPE_SHIFT) & TYPE_MASK) {
        case CTA_PROTO_NUM: if (length !== 5) return false; side.proto = bytes[at + 4]!; break;
        case CTA_PROTO_SRC_PORT: if (length !== 6) return false; side.first = this.#u16(at + 4); break;
        case CTA_PROTO_DST_PORT: if (length !== 6) return false; side.second = this.#u16(at + 4); break;
        case CTA_PROTO_ICMP_ID:
        case CTA_PROTO_ICMPV6_ID: if (length !== 6) return false; side.icmpId = this.#u16(at + 4); break;
        case CTA_PROTO_ICMP_TYPE:
        case CTA_PROTO_ICMPV6_TYPE: if (length !== 5) return false; side.icmpType = bytes[at + 4]!; break;
        case CTA_PROTO_ICMP_CODE:
        case CTA_PROTO_ICMPV6_CODE: if (length !== 5) return false; side.icmpCode = bytes[at + 4]!; break;
      }
      at += align4(length);
    }
    return true;
  }

  #readProtoinfo(row: number, start: number, end: number): boolean {
    const { words, bytes } = this.#block;
    const { state, tcpFlags, windowScale } = this.#columns.common;
    const w = start >> 2;
    if (end - start === TCP_INFO_BYTES && words[w] === TCP_INFO && words[w + 1] === TCP_STATE && words[w + 3] === TCP_SCALE_ORIGINAL && words[w + 5] === TCP_SCALE_REPLY
      && words[w + 7] === TCP_FLAGS_ORIGINAL && words[w + 9] === TCP_FLAGS_REPLY) {
      state[row] = (CTA_PROTOINFO_TCP << 8) | firstByte(words[w + 2]!);
      tcpFlags[row] = firstByte(words[w + 8]!) | firstByte(words[w + 10]!);
      windowScale[row] = (firstByte(words[w + 4]!) & 0xf) | ((firstByte(words[w + 6]!) & 0xf) << 4);
      return true;
    }
    for (let at = start; at < end;) {
      const header = at + 4 <= end ? words[at >> 2]! : 0;
      const length = (header >>> LENGTH_SHIFT) & 0xffff;
      if (length < 4 || length > end - at) return false;
      const kind = (header >>> TYPE_SHIFT) & TYPE_MASK;
      const stop = kind >= CTA_PROTOINFO_TCP && kind <= CTA_PROTOINFO_SCTP ? at + length : 0;
      for (let inner = at + 4; inner < stop;) {
        const innerHeader = inner + 4 <= stop ? words[inner >> 2]! : 0;
        const size = (innerHeader >>> LENGTH_SHIFT) & 0xffff;
        if (size < 4 || size > stop - inner) return false;
        const type = (innerHeader >>> TYPE_SHIFT) & TYPE_MASK;
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
    const { words } = this.#block;
    const columns = this.#columns;
    let packets = -1;
    let octets = -1;
    const w = start >> 2;
    const isUsual = end - start === COUNTERS_BYTES && words[w] === PACKETS && words[w + 3] === BYTES;
    if (isUsual) {
      packets = network64(words, w + 1);
      octets = network64(words, w + 4);
    }
    for (let at = isUsual ? end : start; at < end;) {
      const header = at + 4 <= end ? words[at >> 2]! : 0;
      const length = (header >>> LENGTH_SHIFT) & 0xffff;
      if (length < 4 || length > end - at) return false;
      const type = (header >>> TYPE_SHIFT) & TYPE_MASK;
      if (type === CTA_COUNTERS_PACKETS || type === CTA_COUNTERS_BYTES) {
        if (length !== 12) return false;
        const value = network64(words, (at + 4) >> 2);
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
    const { words } = this.#block;
    const { startedAtMs } = this.#columns.common;
    if (end - start === START_BYTES && words[start >> 2] === START) {
      startedAtMs[row] = milliseconds(words, (start + 4) >> 2);
      return true;
    }
    for (let at = start; at < end;) {
      const header = at + 4 <= end ? words[at >> 2]! : 0;
      const length = (header >>> LENGTH_SHIFT) & 0xffff;
      if (length < 4 || length > end - at) return false;
      if (((header >>> TYPE_SHIFT) & TYPE_MASK) === CTA_TIMESTAMP_START) {
        if (length !== 12) return false;
        startedAtMs[row] = milliseconds(words, (at + 4) >> 2);
      }
      at += align4(length);
    }
    return true;
  }

  #readHelper(row: number, start: number, end: number): void {
    const help = new AttributeReader(this.#block.bytes, k.ENTRY_NAMES, start, end);
    while (help.next()) if (help.type === CTA_HELP_NAME) this.#columns.setHelper(row, help.text());
  }

  #u16(at: number): number {
    return (this.#block.bytes[at]! << 8) | this.#block.bytes[at + 1]!;
  }
}

/** Types of the two addresses of a tuple and the length of such an attribute. */
const V4 = [CTA_IP_V4_SRC, CTA_IP_V4_DST, 8] as const;
const V6 = [CTA_IP_V6_SRC, CTA_IP_V6_DST, 20] as const;

/** As decodeTuple: ICMP in whole, or else a pair of ports, which GRE uses for its keys; half of either is none. */
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
