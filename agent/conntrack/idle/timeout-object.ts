import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { AttributeReader, type AttributeNames } from '../../netlink/attributes.ts';
import type { TimeoutObject } from './timeout-history.ts';
import { AF_UNSPEC, NFGENMSG_LENGTH } from '../wire/constants.ts';

// include/uapi/linux/netfilter/nfnetlink.h, nfnetlink_cttimeout.h, nf_tables.h
export const TIMEOUT_GET = (8 << 8) | 1;
export const NFT_GETOBJ = (10 << 8) | 19;
const NFTA_OBJ_TYPE = 3;
const NFTA_OBJ_DATA = 4;
const NFT_OBJECT_CT_TIMEOUT = 7;
const POLICY = { proto: 3, data: 4 };
const OBJECT = { proto: 2, data: 3 };
const NAMES: AttributeNames = { [POLICY.proto]: 'CTA_TIMEOUT_L4PROTO', [POLICY.data]: 'CTA_TIMEOUT_DATA' };
const OBJECT_NAMES: AttributeNames = { [NFTA_OBJ_TYPE]: 'NFTA_OBJ_TYPE', [NFTA_OBJ_DATA]: 'NFTA_OBJ_DATA' };

/**
 * The kernel's names for the timeouts of a protocol, by attribute number, as in the names of sysctls. A protocol that is not listed has one
 * timeout.
 */
const TIMES: Record<number, readonly (string | undefined)[]> = {
  [PROTOCOLS.tcp]: [
    undefined,
    'tcp_syn_sent',
    'tcp_syn_recv',
    'tcp_established',
    'tcp_fin_wait',
    'tcp_close_wait',
    'tcp_last_ack',
    'tcp_time_wait',
    'tcp_close',
    undefined,
    'tcp_max_retrans',
    'tcp_unacknowledged',
  ],
  [PROTOCOLS.udp]: [undefined, 'udp', 'udp_stream'],
  [PROTOCOLS.gre]: [undefined, 'gre', 'gre_stream'],
  [PROTOCOLS.icmp]: [undefined, 'icmp'],
  [PROTOCOLS.icmpv6]: [undefined, 'icmpv6'],
  [PROTOCOLS.sctp]: [
    undefined,
    'sctp_closed',
    'sctp_cookie_wait',
    'sctp_cookie_echoed',
    'sctp_established',
    'sctp_shutdown_sent',
    'sctp_shutdown_recd',
    'sctp_shutdown_ack_sent',
    'sctp_heartbeat_sent',
  ],
};
const OTHERS = [undefined, 'generic'];

/** Body of a TIMEOUT_GET that dumps all policies of nfnetlink_cttimeout. */
export const ALL_POLICIES: Uint8Array = Uint8Array.of(AF_UNSPEC, 0, 0, 0);
/** Body of an NFT_GETOBJ that dumps all `ct timeout` objects: nfgenmsg and the object type. */
export const ALL_OBJECTS: Uint8Array = Uint8Array.of(AF_UNSPEC, 0, 0, 0, ...hostHeader(8, NFTA_OBJ_TYPE), 0, 0, 0, NFT_OBJECT_CT_TIMEOUT);

/** A policy of nfnetlink_cttimeout. Throws DecodeError. */
export function decodePolicy(body: Uint8Array): TimeoutObject | undefined {
  return read(new AttributeReader(body, NAMES, NFGENMSG_LENGTH), POLICY);
}

/** A `ct timeout` object of nf_tables; undefined for an object of another type. Throws DecodeError. */
export function decodeObject(body: Uint8Array): TimeoutObject | undefined {
  const reader = new AttributeReader(body, OBJECT_NAMES, NFGENMSG_LENGTH);
  let found: TimeoutObject | undefined;
  let isTimeout = false;
  while (reader.next()) {
    if (reader.type === NFTA_OBJ_TYPE) isTimeout = reader.u32() === NFT_OBJECT_CT_TIMEOUT;
    else if (reader.type === NFTA_OBJ_DATA) found = read(reader.nested(NAMES), OBJECT);
  }
  return isTimeout ? found : undefined;
}

function read(reader: AttributeReader, at: typeof POLICY): TimeoutObject | undefined {
  let proto: number | undefined;
  let data: AttributeReader | undefined;
  while (reader.next()) {
    if (reader.type === at.proto) proto = reader.u8();
    else if (reader.type === at.data) data = reader.nested();
  }
  if (proto === undefined || !data) return undefined;
  const names = TIMES[proto] ?? OTHERS;
  const timeouts: Record<string, number> = {};
  while (data.next()) {
    const name = names[data.type];
    if (name !== undefined) timeouts[name] = data.u32();
  }
  return { proto, timeouts };
}

/** The header of an attribute, in the host's order. */
function hostHeader(length: number, type: number): Uint8Array {
  return new Uint8Array(Uint16Array.of(length, type).buffer);
}
