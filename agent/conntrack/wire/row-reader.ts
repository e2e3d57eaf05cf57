import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { AttributeReader, DecodeError } from '../../netlink/attributes.ts';
import { HOST_IS_LITTLE_ENDIAN, NLA_TYPE_MASK, align4 } from '../../netlink/constants.ts';
import { SHAPE, type Columns } from '../columns.ts';
import * as k from './constants.ts';
import { decodeEntry } from './entry.ts';
import { decodeTuple } from './tuple.ts';

/** The protocol's numbers as constants of this module: V8 folds those into its code, and reads imported ones from memory for each attribute. */
const {
  AF_INET, AF_INET6, CTA_COUNTERS_BYTES, CTA_COUNTERS_ORIG, CTA_COUNTERS_PACKETS, CTA_COUNTERS_REPLY, CTA_HELP, CTA_HELP_NAME, CTA_ID, CTA_IP_V4_DST,
  CTA_IP_V4_SRC, CTA_IP_V6_DST, CTA_IP_V6_SRC, CTA_LABELS, CTA_MARK, CTA_PROTOINFO, CTA_PROTOINFO_SCTP, CTA_PROTOINFO_STATE, CTA_PROTOINFO_TCP,
  CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, CTA_PROTOINFO_TCP_FLAGS_REPLY, CTA_PROTO_DST_PORT, CTA_PROTO_ICMPV6_CODE, CTA_PROTO_ICMPV6_ID, CTA_PROTO_ICMPV6_TYPE,
  CTA_PROTO_ICMP_CODE, CTA_PROTO_ICMP_ID, CTA_PROTO_ICMP_TYPE, CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_STATUS, CTA_TIMEOUT, CTA_TIMESTAMP,
  CTA_TIMESTAMP_START, CTA_TUPLE_IP, CTA_TUPLE_MASTER, CTA_TUPLE_ORIG, CTA_TUPLE_PROTO, CTA_TUPLE_REPLY, CTA_TUPLE_ZONE, CTA_ZONE, NFGENMSG_LENGTH,
} = k;
const IS_LITTLE_ENDIAN = HOST_IS_LITTLE_ENDIAN;
const TYPE_MASK = NLA_TYPE_MASK;
const GRE = PROTOCOLS.gre;
const { none, ports, keys, icmp } = SHAPE;

/** A block of messages, as bytes and as words of the host; words are what attributes are read by. */
export class Block {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;

  /** Copies bytes that do not begin on a word. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    this.words = new Int32Array(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length >> 2);
  }
}

/** Where length and type stand in the first word of an attribute. */
const LENGTH_SHIFT = IS_LITTLE_ENDIAN ? 0 : 16;
const TYPE_SHIFT = IS_LITTLE_ENDIAN ? 16 : 0;

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
 * Appends entries to columns as a walk meets them: 200 ns an entry, no object and no closure for any. Says the same as decodeEntry (a property
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
    common.state[row] = common.tcpFlags[row] = 0;
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
    columns.count = row + 1;
    return true;
  }

  #readTuple(side: Side, start: number, end: number): boolean {
    const { words } = this.#block;
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

  #readAddresses(side: Side, start: number, end: number): boolean {
    const { words, bytes } = this.#block;
    const [source, destination, wanted] = this.#isV4 ? V4 : V6;
    let seen = 0;
    for (let at = start; at < end;) {
      const header = at + 4 <= end ? words[at >> 2]! : 0;
      const length = (header >>> LENGTH_SHIFT) & 0xffff;
      if (length < 4 || length > end - at) return false;
      const type = (header >>> TYPE_SHIFT) & TYPE_MASK;
      if (type === source || type === destination) {
        if (length !== wanted) return false;
        const address = this.#isV4 ? network(words[(at + 4) >> 2]!) : this.#columns.addresses6.intern(bytes, at + 4);
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
    const { state, tcpFlags } = this.#columns.common;
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
    for (let at = start; at < end;) {
      const header = at + 4 <= end ? words[at >> 2]! : 0;
      const length = (header >>> LENGTH_SHIFT) & 0xffff;
      if (length < 4 || length > end - at) return false;
      const type = (header >>> TYPE_SHIFT) & TYPE_MASK;
      if (type === CTA_COUNTERS_PACKETS || type === CTA_COUNTERS_BYTES) {
        if (length !== 12) return false;
        const value = (network(words[(at + 4) >> 2]!) >>> 0) * 0x1_0000_0000 + (network(words[(at + 8) >> 2]!) >>> 0);
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
    for (let at = start; at < end;) {
      const header = at + 4 <= end ? words[at >> 2]! : 0;
      const length = (header >>> LENGTH_SHIFT) & 0xffff;
      if (length < 4 || length > end - at) return false;
      if (((header >>> TYPE_SHIFT) & TYPE_MASK) === CTA_TIMESTAMP_START) {
        if (length !== 12) return false;
        // 2^32 ns are 4294 ms and 967,296 ns: so no step leaves 53 bits, and nothing is rounded.
        const high = network(words[(at + 4) >> 2]!) >>> 0;
        this.#columns.common.startedAtMs[row] = high * 4294 + Math.floor((high * 967_296 + (network(words[(at + 8) >> 2]!) >>> 0)) / 1_000_000);
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

/** A word of the host in network order, with a sign: V8 keeps 32 bits with a sign in a register, and makes an object of 32 without. Columns of unsigned numbers take either. */
function network(word: number): number {
  return IS_LITTLE_ENDIAN ? (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24) : word;
}

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
