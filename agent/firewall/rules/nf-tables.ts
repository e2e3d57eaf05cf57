// include/uapi/linux/netfilter/nf_tables.h, nfnetlink.h. Numbers in attributes are in network order; what registers hold is as rules have
// it.
export const NFNL_SUBSYS_NFTABLES = 10;
const SUBSYSTEM = NFNL_SUBSYS_NFTABLES << 8;
export const NFT_MSG = {
  NEWTABLE: SUBSYSTEM,
  GETTABLE: SUBSYSTEM | 1,
  DELTABLE: SUBSYSTEM | 2,
  NEWCHAIN: SUBSYSTEM | 3,
  GETCHAIN: SUBSYSTEM | 4,
  DELCHAIN: SUBSYSTEM | 5,
  NEWRULE: SUBSYSTEM | 6,
  GETRULE: SUBSYSTEM | 7,
  DELRULE: SUBSYSTEM | 8,
  NEWSET: SUBSYSTEM | 9,
  GETSET: SUBSYSTEM | 10,
  DELSET: SUBSYSTEM | 11,
  NEWSETELEM: SUBSYSTEM | 12,
  GETSETELEM: SUBSYSTEM | 13,
  DELSETELEM: SUBSYSTEM | 14,
  NEWGEN: SUBSYSTEM | 15,
  GETGEN: SUBSYSTEM | 16,
  NEWOBJ: SUBSYSTEM | 18,
  GETOBJ: SUBSYSTEM | 19,
  DELOBJ: SUBSYSTEM | 20,
  DELFLOWTABLE: SUBSYSTEM | 24,
} as const;

/** What a transaction begins and ends with. */
export const NFNL_MSG_BATCH = { BEGIN: 0x10, END: 0x11 } as const;

/** NFTA_GEN_*: of NEWGEN, with which the notifications of a transaction end. */
export const GENERATION = { ID: 1, PROC_PID: 2, PROC_NAME: 3 } as const;
/** Multicast group of all changes of nf_tables. */
export const NFNLGRP_NFTABLES = 7;

export const TABLE = { NAME: 1, FLAGS: 2 } as const;
export const TABLE_DORMANT = 1;
/** NFTA_LIST_ELEM: the only attribute of lists. */
export const LIST_ELEMENT = 1;
/** NF_ACCEPT */
export const POLICY_ACCEPT = 1;
export const FLOWTABLE = { TABLE: 1, NAME: 2 } as const;
export const CHAIN = { TABLE: 1, NAME: 3, HOOK: 4, POLICY: 5, TYPE: 7 } as const;
export const HOOK = { NUMBER: 1, PRIORITY: 2, DEVICE: 3, DEVICES: 4 } as const;
export const RULE = { TABLE: 1, CHAIN: 2, HANDLE: 3, EXPRESSIONS: 4, USERDATA: 7 } as const;
export const SET = {
  TABLE: 1,
  NAME: 2,
  FLAGS: 3,
  KEY_TYPE: 4,
  KEY_LENGTH: 5,
  DATA_TYPE: 6,
  DESCRIPTION: 9,
  ID: 10,
  USERDATA: 13,
  OBJECT_TYPE: 15,
  EXPRESSION: 17,
  EXPRESSIONS: 18,
} as const;
/** The name of a set that only one rule refers to: the kernel puts a number into it. */
export const ANONYMOUS_SET = '__set%d';
export const SET_FLAG = {
  ANONYMOUS: 0x1,
  CONSTANT: 0x2,
  INTERVAL: 0x4,
  MAP: 0x8,
  TIMEOUT: 0x10,
  EVAL: 0x20,
  OBJECT: 0x40,
  CONCAT: 0x80,
} as const;
/** What nft writes into the user data of a set. */
export const SET_USERDATA = { KEY_BYTE_ORDER: 0 } as const;
export const SET_DESCRIPTION = { SIZE: 1, CONCAT: 2 } as const;
export const ELEMENTS = { TABLE: 1, SET: 2, ELEMENTS: 3, SET_ID: 4 } as const;
export const ELEMENT = {
  KEY: 1,
  DATA: 2,
  FLAGS: 3,
  EXPIRATION: 5,
  USERDATA: 6,
  EXPRESSION: 7,
  OBJECT: 9,
  KEY_END: 10,
  EXPRESSIONS: 11,
} as const;
export const ELEMENT_FLAG = { INTERVAL_END: 1, CATCH_ALL: 2 } as const;
export const DATA = { VALUE: 1, VERDICT: 2 } as const;
export const VERDICT_ATTRIBUTE = { CODE: 1, CHAIN: 2 } as const;
export const EXPRESSION = { NAME: 1, DATA: 2 } as const;
export const DYNSET = { EXPRESSION: 7, EXPRESSIONS: 10 } as const;
export const OBJREF = { TYPE: 1, NAME: 2, SET: 4 } as const;
export const OBJECT_ATTRIBUTE = { TABLE: 1, NAME: 2, TYPE: 3, DATA: 4 } as const;
/** NFTA_CT_HELPER_*; NFTA_CT_TIMEOUT_*, whose data are CTA_TIMEOUT_* of the protocol. */
export const HELPER_OBJECT = { NAME: 1, L3PROTO: 2, L4PROTO: 3 } as const;
export const TIMEOUT_OBJECT = { L3PROTO: 1, L4PROTO: 2, DATA: 3 } as const;
/** NFT_OBJECT_*: those that rules refer to, and that match always. */
export const OBJECT = { UNKNOWN: 0, COUNTER: 1, QUOTA: 2, HELPER: 3, LIMIT: 4, TIMEOUT: 7, SECMARK: 8, EXPECTATION: 9 } as const;
/** NFTA_CONNLIMIT_*, and NFT_CONNLIMIT_F_INV. */
export const CONNLIMIT = { COUNT: 1, FLAGS: 2, INVERTED: 1 } as const;
/** What nft writes into the user data of a rule: type, length, bytes. */
export const USERDATA_COMMENT = 0;

export const CMP = { EQ: 0, NEQ: 1, LT: 2, LTE: 3, GT: 4, GTE: 5 } as const;
export const BITWISE = { MASK_XOR: 0, LSHIFT: 1, RSHIFT: 2, AND: 3, OR: 4, XOR: 5 } as const;
export const PAYLOAD = { LINK: 0, NETWORK: 1, TRANSPORT: 2 } as const;
export const META = {
  LEN: 0,
  PROTOCOL: 1,
  PRIORITY: 2,
  MARK: 3,
  IIF: 4,
  OIF: 5,
  IIFNAME: 6,
  OIFNAME: 7,
  SKUID: 10,
  SKGID: 11,
  NFPROTO: 15,
  L4PROTO: 16,
  PKTTYPE: 19,
  CGROUP: 23,
  SECPATH: 25,
  SDIF: 33,
  SDIFNAME: 34,
} as const;
export const CT = {
  STATE: 0,
  DIRECTION: 1,
  STATUS: 2,
  MARK: 3,
  HELPER: 6,
  L3PROTOCOL: 7,
  SRC: 8,
  DST: 9,
  PROTOCOL: 10,
  PROTO_SRC: 11,
  PROTO_DST: 12,
  ZONE: 17,
  EVENTMASK: 18,
  SRC_IP: 19,
  DST_IP: 20,
  SRC_IP6: 21,
  DST_IP6: 22,
} as const;
export const CT_STATE_BIT = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const;
export const STATUS = { EXPECTED: 1, SEEN_REPLY: 2, ASSURED: 4, CONFIRMED: 8, SRC_NAT: 16, DST_NAT: 32 } as const;
export const FIB_RESULT = { OIF: 1, OIFNAME: 2, TYPE: 3 } as const;
export const FIB_FLAG = { SOURCE: 1, DESTINATION: 2, MARK: 4, IIF: 8, OIF: 16, PRESENT: 32 } as const;
export const RTN = { UNICAST: 1, LOCAL: 2, BROADCAST: 3, ANYCAST: 4, MULTICAST: 5 } as const;
/** NF_NAT_RANGE_*: addresses and ports are given, ports are random (two ways), the host part stays. */
export const NAT_FLAG = { ADDRESSES: 1, PORTS: 2, RANDOM: 4 | 16, NETMAP: 64 } as const;

/** NF_INET_* */
export const INET_HOOK = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
export const INET_INGRESS = 5;
export const NETDEV_INGRESS = 0;
/** Where, among the priorities of a hook, conntrack finds the entry and where it translates: NF_IP_PRI_*. */
export const PRIORITY = { CONNTRACK: -200, NAT_DESTINATION: -100, NAT_SOURCE: 100 } as const;
