import { formatAddress } from '../../../proto/model/address.ts';
import { type AttributeReader, type AttributeWriter, DecodeError } from '../../netlink/attributes.ts';
import {
  CTA_NAT_PROTO,
  CTA_NAT_V4_MAXIP,
  CTA_NAT_V4_MINIP,
  CTA_NAT_V6_MAXIP,
  CTA_NAT_V6_MINIP,
  CTA_PROTONAT_PORT_MAX,
  CTA_PROTONAT_PORT_MIN,
} from './constants.ts';
import { addressBytes } from './tuple.ts';

/**
 * A translation to exactly one address and, if the protocol has ports, one port; the kernel reads an ICMP id or a GRE key as a port
 * (nf_nat_core.c).
 */
export interface Translation {
  address: string;
  port?: number;
}

/** Decodes a CTA_NAT_SRC or CTA_NAT_DST, which requests carry and dumps do not. Throws DecodeError for a range, or without an address. */
export function decodeTranslation(attributes: AttributeReader, place: string): Translation {
  let [address, port]: [string | undefined, number | undefined] = [undefined, undefined];
  while (attributes.next()) {
    switch (attributes.type) {
      case CTA_NAT_V4_MINIP:
      case CTA_NAT_V4_MAXIP:
      case CTA_NAT_V6_MINIP:
      case CTA_NAT_V6_MAXIP:
        address = same(address, formatAddress(attributes.bytes(attributes.type <= CTA_NAT_V4_MAXIP ? 4 : 16)), attributes.place);
        break;
      case CTA_NAT_PROTO: {
        const ports = attributes.nested();
        while (ports.next())
          if (ports.type === CTA_PROTONAT_PORT_MIN || ports.type === CTA_PROTONAT_PORT_MAX) port = same(port, ports.u16(), ports.place);
      }
    }
  }
  if (address === undefined) throw new DecodeError(place, 'a translation needs an address');
  return { address, port };
}

/** Writes a CTA_NAT_SRC or CTA_NAT_DST; the counterpart of decodeTranslation. */
export function encodeTranslation(out: AttributeWriter, type: number, { address, port }: Translation): void {
  const bytes = addressBytes(address);
  out.nested(type, () => {
    out.bytes(bytes.length === 4 ? CTA_NAT_V4_MINIP : CTA_NAT_V6_MINIP, bytes);
    out.bytes(bytes.length === 4 ? CTA_NAT_V4_MAXIP : CTA_NAT_V6_MAXIP, bytes);
    if (port === undefined) return;
    out.nested(CTA_NAT_PROTO, () => {
      out.u16(CTA_PROTONAT_PORT_MIN, port);
      out.u16(CTA_PROTONAT_PORT_MAX, port);
    });
  });
}

function same<Value>(least: Value | undefined, most: Value, place: string): Value {
  if (least !== undefined && least !== most) throw new DecodeError(place, 'a range, wanted exactly one');
  return most;
}
