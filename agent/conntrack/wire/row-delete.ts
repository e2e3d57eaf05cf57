import { NLA_F_NESTED } from '../../netlink/constants.ts';
import { setHostU16 } from '../../netlink/attributes.ts';
import { origShape, SHAPE, type Columns } from '../columns.ts';
import {
  AF_INET, AF_INET6, CTA_ID, CTA_IP_V4_DST, CTA_IP_V4_SRC, CTA_IP_V6_DST, CTA_IP_V6_SRC, CTA_PROTO_DST_PORT, CTA_PROTO_ICMPV6_CODE, CTA_PROTO_ICMPV6_ID, CTA_PROTO_ICMPV6_TYPE,
  CTA_PROTO_ICMP_CODE, CTA_PROTO_ICMP_ID, CTA_PROTO_ICMP_TYPE, CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_TUPLE_IP, CTA_TUPLE_ORIG, CTA_TUPLE_PROTO, CTA_TUPLE_ZONE, CTA_ZONE,
} from './constants.ts';
import { PROTOCOLS } from '../../../proto/model/protocol.ts';

/** Writes the body of encodeDelete for a row, byte for byte, straight from its columns: half a million a second. Answers its length. */
export function writeRowDelete(columns: Columns, row: number, out: Uint8Array, start: number): number {
  const { family, proto, origSrc, origDst, sport, dport, shape, zone, id } = columns.common;
  const isV4 = family[row] === 4;
  out[start] = isV4 ? AF_INET : AF_INET6;
  out.fill(0, start + 1, start + 4);
  const tuple = start + 4;
  const addresses = tuple + 4;
  let at = writeAddress(columns, out, addresses + 4, isV4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, isV4, origSrc[row]!);
  at = writeAddress(columns, out, at, isV4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, isV4, origDst[row]!);
  header(out, addresses, at - addresses, CTA_TUPLE_IP | NLA_F_NESTED);
  const layer4 = at;
  at = writeU8(out, layer4 + 4, CTA_PROTO_NUM, proto[row]!);
  const [first, second] = [sport[row]!, dport[row]!];
  switch (origShape(shape[row]!)) {
    case SHAPE.ports:
    case SHAPE.keys:
      at = writeU16(out, at, CTA_PROTO_SRC_PORT, first);
      at = writeU16(out, at, CTA_PROTO_DST_PORT, second);
      break;
    case SHAPE.icmp: {
      const isV6 = proto[row] === PROTOCOLS.icmpv6;
      at = writeU16(out, at, isV6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, first);
      at = writeU8(out, at, isV6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, second >> 8);
      at = writeU8(out, at, isV6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, second & 0xff);
    }
  }
  header(out, layer4, at - layer4, CTA_TUPLE_PROTO | NLA_F_NESTED);
  const ownZone = columns.rare.origZone?.[row] ?? -1;
  if (ownZone >= 0) at = writeU16(out, at, CTA_TUPLE_ZONE, ownZone);
  header(out, tuple, at - tuple, CTA_TUPLE_ORIG | NLA_F_NESTED);
  if (zone[row] !== 0) at = writeU16(out, at, CTA_ZONE, zone[row]!);
  return writeU32(out, at, CTA_ID, id[row]!) - start;
}

function writeAddress({ addresses6 }: Columns, out: Uint8Array, at: number, type: number, isV4: boolean, address: number): number {
  if (isV4) return writeU32(out, at, type, address);
  header(out, at, 20, type);
  out.set(addresses6.bytesOf(address), at + 4);
  return at + 20;
}

function writeU8(out: Uint8Array, at: number, type: number, value: number): number {
  header(out, at, 5, type);
  out[at + 4] = value;
  out[at + 5] = out[at + 6] = out[at + 7] = 0;
  return at + 8;
}

function writeU16(out: Uint8Array, at: number, type: number, value: number): number {
  header(out, at, 6, type);
  out[at + 4] = value >>> 8;
  out[at + 5] = value;
  out[at + 6] = out[at + 7] = 0;
  return at + 8;
}

function writeU32(out: Uint8Array, at: number, type: number, value: number): number {
  header(out, at, 8, type);
  out[at + 4] = value >>> 24;
  out[at + 5] = value >>> 16;
  out[at + 6] = value >>> 8;
  out[at + 7] = value;
  return at + 8;
}

function header(out: Uint8Array, at: number, length: number, type: number): void {
  setHostU16(out, at, length);
  setHostU16(out, at + 2, type);
}
