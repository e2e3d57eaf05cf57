import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { NLA_F_NESTED } from '../../netlink/constants.ts';
import { origShape, SHAPE, type Columns } from './columns.ts';
import {
  AF_INET,
  AF_INET6,
  CTA_ID,
  CTA_IP_V4_DST,
  CTA_IP_V4_SRC,
  CTA_IP_V6_DST,
  CTA_IP_V6_SRC,
  CTA_PROTO_DST_PORT,
  CTA_PROTO_ICMPV6_CODE,
  CTA_PROTO_ICMPV6_ID,
  CTA_PROTO_ICMPV6_TYPE,
  CTA_PROTO_ICMP_CODE,
  CTA_PROTO_ICMP_ID,
  CTA_PROTO_ICMP_TYPE,
  CTA_PROTO_NUM,
  CTA_PROTO_SRC_PORT,
  CTA_TUPLE_IP,
  CTA_TUPLE_ORIG,
  CTA_TUPLE_PROTO,
  CTA_TUPLE_ZONE,
  CTA_ZONE,
} from '../wire/constants.ts';
import { headerWord, wordOfByte, wordOfTwo, type Block } from './block.ts';

/** A number in an attribute: a header and a word. */
const U8 = 5;
const U16 = 6;
const U32 = 8;
const IPV6_BYTES = 20;

/**
 * Writes the body of encodeDelete for a row, byte for byte, straight from its columns, in words: all attributes begin on one. `start` is in
 * bytes, on a word. Answers its length in bytes.
 */
export function writeRowDelete(columns: Columns, row: number, { words, view }: Pick<Block, 'words' | 'view'>, start: number): number {
  const { family, proto, origSrc, origDst, sport, dport, shape, zone, id } = columns.common;
  const isV4 = family[row] === 4;
  const body = start >> 2;
  words[body] = wordOfByte(isV4 ? AF_INET : AF_INET6);
  const tuple = body + 1;
  const addresses = tuple + 1;
  let at: number;
  if (isV4) {
    words[addresses + 1] = headerWord(U32, CTA_IP_V4_SRC);
    view.setInt32((addresses + 2) << 2, origSrc[row]!);
    words[addresses + 3] = headerWord(U32, CTA_IP_V4_DST);
    view.setInt32((addresses + 4) << 2, origDst[row]!);
    at = addresses + 5;
  } else {
    words[addresses + 1] = headerWord(IPV6_BYTES, CTA_IP_V6_SRC);
    columns.addresses6.copy(origSrc[row]!, words, addresses + 2);
    words[addresses + 6] = headerWord(IPV6_BYTES, CTA_IP_V6_DST);
    columns.addresses6.copy(origDst[row]!, words, addresses + 7);
    at = addresses + 11;
  }
  words[addresses] = headerWord((at - addresses) << 2, CTA_TUPLE_IP | NLA_F_NESTED);
  const layer4 = at;
  words[layer4 + 1] = headerWord(U8, CTA_PROTO_NUM);
  words[layer4 + 2] = wordOfByte(proto[row]!);
  at = layer4 + 3;
  const [first, second] = [sport[row]!, dport[row]!];
  switch (origShape(shape[row]!)) {
    case SHAPE.ports:
    case SHAPE.keys:
      words[at] = headerWord(U16, CTA_PROTO_SRC_PORT);
      words[at + 1] = wordOfTwo(first);
      words[at + 2] = headerWord(U16, CTA_PROTO_DST_PORT);
      words[at + 3] = wordOfTwo(second);
      at += 4;
      break;
    case SHAPE.icmp: {
      const isV6 = proto[row] === PROTOCOLS.icmpv6;
      words[at] = headerWord(U16, isV6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID);
      words[at + 1] = wordOfTwo(first);
      words[at + 2] = headerWord(U8, isV6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE);
      words[at + 3] = wordOfByte(second >> 8);
      words[at + 4] = headerWord(U8, isV6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE);
      words[at + 5] = wordOfByte(second & 0xff);
      at += 6;
    }
  }
  words[layer4] = headerWord((at - layer4) << 2, CTA_TUPLE_PROTO | NLA_F_NESTED);
  const ownZone = columns.rare.origZone?.[row] ?? -1;
  if (ownZone >= 0) {
    words[at++] = headerWord(U16, CTA_TUPLE_ZONE);
    words[at++] = wordOfTwo(ownZone);
  }
  words[tuple] = headerWord((at - tuple) << 2, CTA_TUPLE_ORIG | NLA_F_NESTED);
  if (zone[row] !== 0) {
    words[at++] = headerWord(U16, CTA_ZONE);
    words[at++] = wordOfTwo(zone[row]!);
  }
  words[at] = headerWord(U32, CTA_ID);
  view.setInt32((at + 1) << 2, id[row]!);
  return (at + 2 - body) << 2;
}
