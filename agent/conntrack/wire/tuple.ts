import { formatAddress, parseAddress } from '../../../proto/model/address.ts';
import type { Family, Icmp, Tuple } from '../../../proto/model/flow.ts';
import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { type AttributeReader, type AttributeWriter, DecodeError } from '../../netlink/attributes.ts';
import {
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
  CTA_TUPLE_PROTO,
  CTA_TUPLE_ZONE,
  IP_NAMES,
  PROTO_NAMES,
} from './constants.ts';

/** A tuple and its protocol, which both directions share. */
export interface ProtoTuple {
  proto: number;
  tuple: Tuple;
}

/** Decodes a CTA_TUPLE_* of an entry of a family. Throws DecodeError if an address, the protocol or a length is wrong. */
export function decodeTuple(attributes: AttributeReader, family: Family, place: string): ProtoTuple {
  let proto: number | undefined;
  const tuple: Tuple = { src: '', dst: '' };
  while (attributes.next()) {
    switch (attributes.type) {
      case CTA_TUPLE_IP:
        decodeAddresses(attributes.nested(IP_NAMES), family, tuple);
        break;
      case CTA_TUPLE_PROTO:
        proto = decodeLayer4(attributes.nested(PROTO_NAMES), tuple);
        break;
      case CTA_TUPLE_ZONE:
        tuple.zone = attributes.u16();
        break;
    }
  }
  if (tuple.src === '' || tuple.dst === '') throw new DecodeError(place, `a tuple needs both IPv${family} addresses`);
  if (proto === undefined) throw new DecodeError(place, 'a tuple needs a protocol');
  return { proto, tuple };
}

/** Writes a CTA_TUPLE_*; the counterpart of decodeTuple. */
export function encodeTuple(out: AttributeWriter, type: number, { proto, tuple }: ProtoTuple): void {
  out.nested(type, () => {
    out.nested(CTA_TUPLE_IP, () => encodeAddresses(out, tuple));
    out.nested(CTA_TUPLE_PROTO, () => encodeLayer4(out, proto, tuple));
    if (tuple.zone !== undefined) out.u16(CTA_TUPLE_ZONE, tuple.zone);
  });
}

function decodeAddresses(attributes: AttributeReader, family: Family, tuple: Tuple): void {
  const [source, destination, width] = family === 4 ? [CTA_IP_V4_SRC, CTA_IP_V4_DST, 4] : [CTA_IP_V6_SRC, CTA_IP_V6_DST, 16];
  while (attributes.next()) {
    if (attributes.type === source) tuple.src = formatAddress(attributes.bytes(width));
    else if (attributes.type === destination) tuple.dst = formatAddress(attributes.bytes(width));
  }
}

function encodeAddresses(out: AttributeWriter, tuple: Tuple): void {
  const src = addressBytes(tuple.src);
  const dst = addressBytes(tuple.dst);
  out.bytes(src.length === 4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, src);
  out.bytes(dst.length === 4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, dst);
}

/** GRE keys are carried as ports. Protocols without a kernel tracker (ESP, AH, UDP-Lite on some kernels) have a number and nothing else. */
function decodeLayer4(attributes: AttributeReader, tuple: Tuple): number | undefined {
  let proto: number | undefined;
  let source: number | undefined;
  let destination: number | undefined;
  const icmp: Partial<Icmp> = {};
  while (attributes.next()) {
    switch (attributes.type) {
      case CTA_PROTO_NUM:
        proto = attributes.u8();
        break;
      case CTA_PROTO_SRC_PORT:
        source = attributes.u16();
        break;
      case CTA_PROTO_DST_PORT:
        destination = attributes.u16();
        break;
      case CTA_PROTO_ICMP_ID:
      case CTA_PROTO_ICMPV6_ID:
        icmp.id = attributes.u16();
        break;
      case CTA_PROTO_ICMP_TYPE:
      case CTA_PROTO_ICMPV6_TYPE:
        icmp.type = attributes.u8();
        break;
      case CTA_PROTO_ICMP_CODE:
      case CTA_PROTO_ICMPV6_CODE:
        icmp.code = attributes.u8();
        break;
    }
  }
  const { type, code, id } = icmp;
  if (type !== undefined && code !== undefined && id !== undefined) tuple.icmp = { type, code, id };
  else if (source === undefined || destination === undefined) return proto;
  else if (proto === PROTOCOLS.gre) [tuple.srcKey, tuple.dstKey] = [source, destination];
  else [tuple.sport, tuple.dport] = [source, destination];
  return proto;
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

/** The bytes of an address given as text. Throws TypeError if it is not an address. */
export function addressBytes(text: string): Uint8Array {
  const bytes = dottedBytes(text) ?? parseAddress(text);
  if (!bytes) throw new TypeError(`${text} is not an address`);
  return bytes;
}

/**
 * Hand-written parser of canonical IPv4 text: a flush of a hundred thousand flows has two hundred thousand addresses. Undefined for
 * anything else.
 */
function dottedBytes(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  let [index, value, digits] = [0, 0, 0];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 48 && code <= 57 && digits < 3) {
      value = value * 10 + code - 48;
      digits++;
    } else if (code === 46 && digits > 0 && index < 3) {
      if (value > 255) return undefined;
      bytes[index++] = value;
      value = digits = 0;
    } else {
      return undefined;
    }
  }
  if (index !== 3 || digits === 0 || value > 255) return undefined;
  bytes[3] = value;
  return bytes;
}
