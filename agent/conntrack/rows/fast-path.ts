import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { NLA_F_NESTED } from '../../netlink/constants.ts';
import { NO_TIMEOUT, SHAPE, type Columns } from './columns.ts';
import * as k from '../wire/constants.ts';
import { type Block, headerWord, milliseconds, u64 } from './block.ts';

/**
 * A dump lists the attributes of each entry in a fixed order, and nearly all flows of a gateway are IPv4 or IPv6 with ports. So each of
 * their attributes has a fixed layout, down to nested headers, and starts at a word that is known from the ones before it.
 */
const nestWord = (length: number, type: number): number => headerWord(length, type | NLA_F_NESTED);
const GRE = PROTOCOLS.gre;
const { ports: PORTS, keys: KEYS } = SHAPE;
const BOTH_PORTS = PORTS | (PORTS << 4);
const BOTH_KEYS = KEYS | (KEYS << 4);

const TUPLE_WORDS_4 = 13;
const ORIG_4 = nestWord(52, k.CTA_TUPLE_ORIG);
const REPLY_4 = nestWord(52, k.CTA_TUPLE_REPLY);
const IPV4 = nestWord(20, k.CTA_TUPLE_IP);
const IPV4_SRC = headerWord(8, k.CTA_IP_V4_SRC);
const IPV4_DST = headerWord(8, k.CTA_IP_V4_DST);
const TUPLE_WORDS_6 = 19;
const ORIG_6 = nestWord(76, k.CTA_TUPLE_ORIG);
const REPLY_6 = nestWord(76, k.CTA_TUPLE_REPLY);
const IPV6 = nestWord(44, k.CTA_TUPLE_IP);
const IPV6_SRC = headerWord(20, k.CTA_IP_V6_SRC);
const IPV6_DST = headerWord(20, k.CTA_IP_V6_DST);
const WITH_PORTS = nestWord(28, k.CTA_TUPLE_PROTO);
const PROTO_NUM = headerWord(5, k.CTA_PROTO_NUM);
const SRC_PORT = headerWord(6, k.CTA_PROTO_SRC_PORT);
const DST_PORT = headerWord(6, k.CTA_PROTO_DST_PORT);
const STATUS = headerWord(8, k.CTA_STATUS);
const MARK = headerWord(8, k.CTA_MARK);
const ID = headerWord(8, k.CTA_ID);
const USE = headerWord(8, k.CTA_USE);
const TIMEOUT = headerWord(8, k.CTA_TIMEOUT);
const PROTOINFO = nestWord(48, k.CTA_PROTOINFO);
const PROTOINFO_WORDS = 12;
const TCP_INFO = nestWord(44, k.CTA_PROTOINFO_TCP);
const TCP_STATE = headerWord(5, k.CTA_PROTOINFO_STATE);
const TCP_SCALE_ORIGINAL = headerWord(5, k.CTA_PROTOINFO_TCP_WSCALE_ORIGINAL);
const TCP_SCALE_REPLY = headerWord(5, k.CTA_PROTOINFO_TCP_WSCALE_REPLY);
const TCP_FLAGS_ORIGINAL = headerWord(6, k.CTA_PROTOINFO_TCP_FLAGS_ORIGINAL);
const TCP_FLAGS_REPLY = headerWord(6, k.CTA_PROTOINFO_TCP_FLAGS_REPLY);
const TCP = k.CTA_PROTOINFO_TCP << 8;
const COUNTERS_ORIG = nestWord(28, k.CTA_COUNTERS_ORIG);
const COUNTERS_REPLY = nestWord(28, k.CTA_COUNTERS_REPLY);
const COUNTERS_WORDS = 7;
const PACKETS = headerWord(12, k.CTA_COUNTERS_PACKETS);
const BYTES = headerWord(12, k.CTA_COUNTERS_BYTES);
const TIMESTAMP = nestWord(16, k.CTA_TIMESTAMP);
const TIMESTAMP_WORDS = 4;
const START = headerWord(12, k.CTA_TIMESTAMP_START);
const SYNPROXY_WORDS = 7;
const SYNPROXY = nestWord(28, k.CTA_SYNPROXY);

/**
 * Reads the beginning of an entry into a row, as far as it has the usual layout, from word `w` of a block up to word `end`, exclusive.
 * Returns the word it reached; `w` itself if the entry does not begin with both tuples and soon the id, and then the row is not valid. If
 * it got further, every column that is not rare has its value, or the value for absent.
 */
export function readUsualEntry(
  { common, rare, addresses6 }: Columns,
  row: number,
  { words, view }: Block,
  w: number,
  end: number,
  isV4: boolean,
): number {
  const reply = w + (isV4 ? TUPLE_WORDS_4 : TUPLE_WORDS_6);
  const status = reply + (isV4 ? TUPLE_WORDS_4 : TUPLE_WORDS_6);
  const mark = words[status] === STATUS ? status + 2 : status;
  const id = words[mark] === MARK ? mark + 2 : mark;
  const timeout = words[id + 2] === USE ? id + 4 : id + 2;
  let at = words[timeout] === TIMEOUT ? timeout + 2 : timeout;
  // Beyond the end are words of a previous block, which may hold anything.
  if (at > end || words[id] !== ID) return w;
  let layer4: number;
  if (isV4) {
    if (words[w] !== ORIG_4 || words[reply] !== REPLY_4 || !isTuple4(words, w) || !isTuple4(words, reply)) return w;
    common.family[row] = 4;
    common.origSrc[row] = view.getInt32((w + 3) << 2);
    common.origDst[row] = view.getInt32((w + 5) << 2);
    common.replySrc[row] = view.getInt32((reply + 3) << 2);
    common.replyDst[row] = view.getInt32((reply + 5) << 2);
    layer4 = 6;
  } else {
    if (words[w] !== ORIG_6 || words[reply] !== REPLY_6 || !isTuple6(words, w) || !isTuple6(words, reply)) return w;
    common.family[row] = 6;
    const src = addresses6.intern(words, w + 3);
    const dst = addresses6.intern(words, w + 8);
    common.origSrc[row] = src;
    common.origDst[row] = dst;
    // Few IPv6 flows are translated, and comparing is cheaper than a lookup.
    common.replySrc[row] = isSameAddress6(words, reply + 3, w + 8) ? dst : addresses6.intern(words, reply + 3);
    common.replyDst[row] = isSameAddress6(words, reply + 8, w + 3) ? src : addresses6.intern(words, reply + 8);
    layer4 = 12;
  }
  if (words[w + layer4 + 2] !== words[reply + layer4 + 2]) return w;
  const proto = view.getUint8((w + layer4 + 2) << 2);
  common.proto[row] = proto;
  common.shape[row] = proto === GRE ? BOTH_KEYS : BOTH_PORTS;
  common.sport[row] = view.getUint16((w + layer4 + 4) << 2);
  common.dport[row] = view.getUint16((w + layer4 + 6) << 2);
  common.rsport[row] = view.getUint16((reply + layer4 + 4) << 2);
  common.rdport[row] = view.getUint16((reply + layer4 + 6) << 2);
  common.status[row] = mark === status ? 0 : view.getInt32((status + 1) << 2);
  common.mark[row] = id === mark ? 0 : view.getInt32((mark + 1) << 2);
  common.id[row] = view.getInt32((id + 1) << 2);
  common.timeout[row] = at === timeout ? NO_TIMEOUT : view.getInt32((timeout + 1) << 2);
  common.zone[row] = 0;
  if (at + PROTOINFO_WORDS <= end && isTcpInfo(words, at)) {
    common.state[row] = TCP | view.getUint8((at + 3) << 2);
    common.windowScale[row] = (view.getUint8((at + 5) << 2) & 0xf) | ((view.getUint8((at + 7) << 2) & 0xf) << 4);
    common.tcpFlags[row] = view.getUint8((at + 9) << 2) | view.getUint8((at + 11) << 2);
    at += PROTOINFO_WORDS;
  } else {
    common.state[row] = common.windowScale[row] = common.tcpFlags[row] = 0;
  }
  const { origPackets, origBytes, replyPackets, replyBytes } = rare;
  // The columns are created elsewhere, for the first entry that has counters.
  if (origPackets && origBytes && replyPackets && replyBytes && at + 2 * COUNTERS_WORDS <= end && areCounters(words, at)) {
    origPackets[row] = u64(view, (at + 2) << 2);
    origBytes[row] = u64(view, (at + 5) << 2);
    replyPackets[row] = u64(view, (at + 9) << 2);
    replyBytes[row] = u64(view, (at + 12) << 2);
    at += 2 * COUNTERS_WORDS;
  }
  if (at + TIMESTAMP_WORDS <= end && words[at] === TIMESTAMP && words[at + 1] === START) {
    common.startedAtMs[row] = milliseconds(view, (at + 2) << 2);
    at += TIMESTAMP_WORDS;
  } else {
    common.startedAtMs[row] = Number.NaN;
  }
  // Every entry created by a program has one, all zeros.
  return at + SYNPROXY_WORDS <= end && words[at] === SYNPROXY ? at + SYNPROXY_WORDS : at;
}

/** `w` is the word index of the tuple's own header. */
function isTuple4(words: Int32Array, w: number): boolean {
  return words[w + 1] === IPV4 && words[w + 2] === IPV4_SRC && words[w + 4] === IPV4_DST && arePorts(words, w + 6);
}

function isTuple6(words: Int32Array, w: number): boolean {
  return words[w + 1] === IPV6 && words[w + 2] === IPV6_SRC && words[w + 7] === IPV6_DST && arePorts(words, w + 12);
}

function isSameAddress6(words: Int32Array, a: number, b: number): boolean {
  return words[a + 3] === words[b + 3] && words[a + 2] === words[b + 2] && words[a + 1] === words[b + 1] && words[a] === words[b];
}

function arePorts(words: Int32Array, w: number): boolean {
  return words[w] === WITH_PORTS && words[w + 1] === PROTO_NUM && words[w + 3] === SRC_PORT && words[w + 5] === DST_PORT;
}

function isTcpInfo(words: Int32Array, w: number): boolean {
  return (
    words[w] === PROTOINFO &&
    words[w + 1] === TCP_INFO &&
    words[w + 2] === TCP_STATE &&
    words[w + 4] === TCP_SCALE_ORIGINAL &&
    words[w + 6] === TCP_SCALE_REPLY &&
    words[w + 8] === TCP_FLAGS_ORIGINAL &&
    words[w + 10] === TCP_FLAGS_REPLY
  );
}

function areCounters(words: Int32Array, w: number): boolean {
  return (
    words[w] === COUNTERS_ORIG &&
    words[w + 1] === PACKETS &&
    words[w + 4] === BYTES &&
    words[w + 7] === COUNTERS_REPLY &&
    words[w + 8] === PACKETS &&
    words[w + 11] === BYTES
  );
}
