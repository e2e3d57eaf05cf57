import type { ExpectationView } from '../../proto/http/expectations.ts';
import { formatAddress, parseAddress } from '../../proto/model/address.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { destinationPort, sourcePort, type ListedExpectation } from '../../proto/model/expectation.ts';
import type { Family, Tuple } from '../../proto/model/flow.ts';
import { hasPorts, protocolName, protocolNumber, PROTOCOLS } from '../../proto/model/protocol.ts';
import { textFrom } from '../platform/untrusted.ts';

type Side = ExpectationView['src'];

const BITS = { 4: 32, 6: 128 } as const;
const MAX_NAME = 16;

/** As the API shows it: what may arrive, as far as the mask says something about it. */
export function toExpectationView({ id, family, proto, orig, mask, master, ...rest }: ListedExpectation): ExpectationView {
  const { helper, zone, timeoutSeconds, isPermanent } = rest;
  return {
    id,
    proto: protocolName(proto),
    src: maskedSide(family, orig.src, mask.src, sourcePort(mask) ? sourcePort(orig) : undefined),
    dst: maskedSide(family, orig.dst, mask.dst, destinationPort(mask) ? destinationPort(orig) : undefined),
    master: {
      proto: protocolName(master.proto),
      src: side(master.orig.src, sourcePort(master.orig)),
      dst: side(master.orig.dst, destinationPort(master.orig)),
    },
    ...(helper !== undefined && { helper: textFrom(helper, MAX_NAME) }),
    ...(zone !== 0 && { zone }),
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    isPermanent,
  };
}

/** The expectation that was shown so. Throws INVALID_REQUEST if its addresses are of two families, or a prefix is longer than they are. */
export function fromExpectationView(view: ExpectationView, index: number): ListedExpectation {
  const { id, src, dst, master, helper, zone = 0, timeoutSeconds, isPermanent } = view;
  const family = familyOf(src);
  const sides = [src, dst, master.src, master.dst];
  if (sides.some((one) => familyOf(one) !== family || (one.prefix ?? 0) > BITS[family]))
    throw new FleetError('INVALID_REQUEST', `Item ${index} mixes IPv4 and IPv6. Send expectations as they were listed.`);
  const [proto, masterProto] = [protocolNumber(view.proto)!, protocolNumber(master.proto)!];
  return {
    id,
    family,
    proto,
    orig: tupleOf(proto, src, dst),
    mask: tupleOf(proto, maskOf(family, src), maskOf(family, dst)),
    zone,
    master: { family, proto: masterProto, orig: tupleOf(masterProto, master.src, master.dst), zone },
    ...(helper !== undefined && { helper }),
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    isPermanent,
  };
}

/** One line for the audit trail. */
export function expectationLine({ id, proto, src, dst, master, helper }: ExpectationView): string {
  const from = `${proto} ${sideText(src)} to ${sideText(dst)}`;
  const by = `${master.proto} ${sideText(master.src)} to ${sideText(master.dst)}`;
  return `${from}, expected by ${by}${helper === undefined ? '' : ` (${helper})`}, id ${id}`;
}

function sideText({ address, prefix, port }: Side): string {
  const host = prefix === undefined ? address : `${address}/${prefix}`;
  if (port === undefined) return host;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function side(address: string, port: number | undefined): Side {
  return { address, ...(port !== undefined && { port }) };
}

function maskedSide(family: Family, address: string, mask: string, port: number | undefined): Side {
  const bytes = parseAddress(mask) ?? new Uint8Array();
  const prefix = leadingOnes(bytes);
  return { ...side(address, port), ...(prefix < BITS[family] && { prefix }) };
}

function leadingOnes(bytes: Uint8Array): number {
  const at = bytes.findIndex((byte) => byte !== 0xff);
  return at < 0 ? bytes.length * 8 : at * 8 + Math.clz32(~bytes[at]! << 24);
}

function maskOf(family: Family, { prefix = BITS[family], port }: Side): Side {
  const bytes = Uint8Array.from({ length: BITS[family] / 8 }, (_, n) => 0xff & ~(0xff >> Math.min(Math.max(prefix - n * 8, 0), 8)));
  return { address: formatAddress(bytes), port: port === undefined ? 0 : 0xffff };
}

function tupleOf(proto: number, src: Side, dst: Side): Tuple {
  const tuple: Tuple = { src: src.address, dst: dst.address };
  const [from, to] = [src.port ?? 0, dst.port ?? 0];
  if (hasPorts(proto)) return { ...tuple, sport: from, dport: to };
  return proto === PROTOCOLS.gre ? { ...tuple, srcKey: from, dstKey: to } : tuple;
}

function familyOf({ address }: Side): Family {
  return address.includes(':') ? 6 : 4;
}
