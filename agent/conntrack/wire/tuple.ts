import { formatAddress, parseAddress } from '../../../proto/model/address.ts';
import type { Family, Icmp, Tuple } from '../../../proto/model/flow.ts';
import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { type AttributeReader, type AttributeWriter, DecodeError } from '../../netlink/attributes.ts';
import {
  CTA_IP_V4_DST, CTA_IP_V4_SRC, CTA_IP_V6_DST, CTA_IP_V6_SRC, CTA_PROTO_DST_PORT, CTA_PROTO_ICMPV6_CODE, CTA_PROTO_ICMPV6_ID, CTA_PROTO_ICMPV6_TYPE, CTA_PROTO_ICMP_CODE,
  CTA_PROTO_ICMP_ID, CTA_PROTO_ICMP_TYPE, CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_TUPLE_IP, CTA_TUPLE_PROTO, CTA_TUPLE_ZONE, IP_NAMES, PROTO_NAMES,
} from './constants.ts';

/** A tuple and the protocol that it says, which both directions share. */
export interface ProtoTuple { proto: number; tuple: Tuple }

/** Decodes a CTA_TUPLE_* of an entry of a family. Throws DecodeError where an address, the protocol or a length is wrong. */
export function decodeTuple(attributes: AttributeReader, family: Family, place: string): ProtoTuple {
  let proto: number | undefined;
  let addresses: Pick<Tuple, 'src' | 'dst'> | undefined;
  let layer4: Partial<Tuple> = {};
  let zone: number | undefined;
  for (const attribute of attributes) {
    switch (attribute.type) {
      case CTA_TUPLE_IP: addresses = decodeAddresses(attribute.nested(IP_NAMES), family, attribute.place); break;
      case CTA_TUPLE_PROTO: ({ proto, ...layer4 } = decodeLayer4(attribute.nested(PROTO_NAMES))); break;
      case CTA_TUPLE_ZONE: zone = attribute.u16(); break;
    }
  }
  if (!addresses) throw new DecodeError(place, 'no addresses');
  if (proto === undefined) throw new DecodeError(place, 'no protocol');
  return { proto, tuple: { ...addresses, ...layer4, ...(zone !== undefined && { zone }) } };
}

/** Writes a CTA_TUPLE_*; the counterpart of decodeTuple. */
export function encodeTuple(out: AttributeWriter, type: number, { proto, tuple }: ProtoTuple): void {
  out.nested(type, () => {
    out.nested(CTA_TUPLE_IP, () => encodeAddresses(out, tuple));
    out.nested(CTA_TUPLE_PROTO, () => encodeLayer4(out, proto, tuple));
    if (tuple.zone !== undefined) out.u16(CTA_TUPLE_ZONE, tuple.zone);
  });
}

function decodeAddresses(attributes: AttributeReader, family: Family, place: string): Pick<Tuple, 'src' | 'dst'> {
  const [source, destination, width] = family === 4 ? [CTA_IP_V4_SRC, CTA_IP_V4_DST, 4] : [CTA_IP_V6_SRC, CTA_IP_V6_DST, 16];
  let src: string | undefined;
  let dst: string | undefined;
  for (const attribute of attributes) {
    if (attribute.type === source) src = formatAddress(attribute.exactly(width));
    else if (attribute.type === destination) dst = formatAddress(attribute.exactly(width));
  }
  if (src === undefined || dst === undefined) throw new DecodeError(place, `a tuple needs both IPv${family} addresses`);
  return { src, dst };
}

function encodeAddresses(out: AttributeWriter, tuple: Tuple): void {
  const src = addressBytes(tuple.src);
  const dst = addressBytes(tuple.dst);
  out.bytes(src.length === 4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, src);
  out.bytes(dst.length === 4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, dst);
}

/** GRE keys travel as ports. Protocols that the kernel has no tracker for (ESP, AH, UDP-Lite on some kernels) have a number and nothing else. */
function decodeLayer4(attributes: AttributeReader): Partial<Tuple> & { proto?: number } {
  let proto: number | undefined;
  let source: number | undefined;
  let destination: number | undefined;
  const icmp: Partial<Icmp> = {};
  for (const attribute of attributes) {
    switch (attribute.type) {
      case CTA_PROTO_NUM: proto = attribute.u8(); break;
      case CTA_PROTO_SRC_PORT: source = attribute.u16(); break;
      case CTA_PROTO_DST_PORT: destination = attribute.u16(); break;
      case CTA_PROTO_ICMP_ID:
      case CTA_PROTO_ICMPV6_ID: icmp.id = attribute.u16(); break;
      case CTA_PROTO_ICMP_TYPE:
      case CTA_PROTO_ICMPV6_TYPE: icmp.type = attribute.u8(); break;
      case CTA_PROTO_ICMP_CODE:
      case CTA_PROTO_ICMPV6_CODE: icmp.code = attribute.u8(); break;
    }
  }
  const { type, code, id } = icmp;
  if (type !== undefined && code !== undefined && id !== undefined) return { proto, icmp: { type, code, id } };
  if (source === undefined || destination === undefined) return { proto };
  return proto === PROTOCOLS.gre ? { proto, srcKey: source, dstKey: destination } : { proto, sport: source, dport: destination };
}

function encodeLayer4(out: AttributeWriter, proto: number, { sport, dport, srcKey, dstKey, icmp }: Tuple): void {
  out.u8(CTA_PROTO_NUM, proto);
  const source = proto === PROTOCOLS.gre ? srcKey : sport;
  const destination = proto === PROTOCOLS.gre ? dstKey : dport;
  if (source !== undefined) out.u16(CTA_PROTO_SRC_PORT, source);
  if (destination !== undefined) out.u16(CTA_PROTO_DST_PORT, destination);
  if (!icmp) return;
  const isV6 = proto === PROTOCOLS.icmpv6;
  out.u16(isV6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, icmp.id);
  out.u8(isV6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, icmp.type);
  out.u8(isV6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, icmp.code);
}

/** The bytes of an address in text. Throws TypeError if it is none. */
export function addressBytes(text: string): Uint8Array {
  const bytes = parseAddress(text);
  if (!bytes) throw new TypeError(`${text} is not an address`);
  return bytes;
}
