import { endianness } from 'node:os';

/**
 * Headers of messages and attributes are in the host's byte order; that of attribute values is up to the protocol (ctnetlink: network
 * order).
 */
export const HOST_IS_LITTLE_ENDIAN = endianness() === 'LE';

// include/uapi/linux/netlink.h
export const NLMSG_HEADER_LENGTH = 16;
export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLMSG_OVERRUN = 4;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_MULTI = 0x2;
export const NLM_F_ACK = 0x4;
/** The dumped objects changed during the dump. */
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_ACK_TLVS = 0x200;
/** NLM_F_ROOT | NLM_F_MATCH */
export const NLM_F_DUMP = 0x300;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

export const NLMSGERR_ATTR_MSG = 1;

export const NLA_HEADER_LENGTH = 4;
export const NLA_F_NESTED = 0x8000;
/** The two upper bits of a type are flags (nested, network order). */
export const NLA_TYPE_MASK = 0x3fff;

export const AF_NETLINK = 16;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
export const NETLINK_NETFILTER = 12;

export const SOL_SOCKET = 1;
export const SO_RCVTIMEO = 20;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SOL_NETLINK = 270;
export const NETLINK_ADD_MEMBERSHIP = 1;
export const NETLINK_CAP_ACK = 10;
export const NETLINK_EXT_ACK = 11;
export const NETLINK_GET_STRICT_CHK = 12;

/** Rounds up to the 4 bytes that messages and attributes are aligned to. */
export function align4(length: number): number {
  return (length + 3) & ~3;
}
