import type { AttributeNames } from '../../netlink/attributes.ts';

// include/uapi/linux/netfilter/nfnetlink.h
const NFNL_SUBSYS_CTNETLINK = 1;
export const NFGENMSG_LENGTH = 4;
export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** Multicast groups of events. */
export const NFNLGRP_CONNTRACK_NEW = 1;
export const NFNLGRP_CONNTRACK_UPDATE = 2;
export const NFNLGRP_CONNTRACK_DESTROY = 3;

// include/uapi/linux/netfilter/nfnetlink_conntrack.h
export const CT_NEW = NFNL_SUBSYS_CTNETLINK << 8;
export const CT_GET = CT_NEW | 1;
export const CT_DELETE = CT_NEW | 2;
export const CT_GET_STATS_CPU = CT_NEW | 4;

const NFNL_SUBSYS_CTNETLINK_EXP = 2;
export const EXP_NEW = NFNL_SUBSYS_CTNETLINK_EXP << 8;
export const EXP_GET = EXP_NEW | 1;
export const EXP_DELETE = EXP_NEW | 2;

export const CTA_TUPLE_ORIG = 1;
export const CTA_TUPLE_REPLY = 2;
export const CTA_STATUS = 3;
export const CTA_PROTOINFO = 4;
export const CTA_HELP = 5;
export const CTA_NAT_SRC = 6;
export const CTA_TIMEOUT = 7;
export const CTA_MARK = 8;
export const CTA_COUNTERS_ORIG = 9;
export const CTA_COUNTERS_REPLY = 10;
export const CTA_USE = 11;
export const CTA_ID = 12;
export const CTA_NAT_DST = 13;
export const CTA_TUPLE_MASTER = 14;
export const CTA_SEQ_ADJ_ORIG = 15;
export const CTA_SEQ_ADJ_REPLY = 16;
export const CTA_ZONE = 18;
export const CTA_SECCTX = 19;
export const CTA_TIMESTAMP = 20;
export const CTA_MARK_MASK = 21;
export const CTA_LABELS = 22;
export const CTA_SYNPROXY = 24;
export const CTA_FILTER = 25;
export const CTA_STATUS_MASK = 26;

export const CTA_FILTER_ORIG_FLAGS = 1;
export const CTA_FILTER_REPLY_FLAGS = 2;

/** Bits of CTA_FILTER_*_FLAGS, by part of the tuple compared (net/netfilter/nf_conntrack_netlink.c); in the host's order. */
export const CTA_FILTER_F = { IP_SRC: 1 << 0, IP_DST: 1 << 1, PROTO_NUM: 1 << 3, PROTO_SRC_PORT: 1 << 4, PROTO_DST_PORT: 1 << 5 } as const;

export const CTA_TUPLE_IP = 1;
export const CTA_TUPLE_PROTO = 2;
export const CTA_TUPLE_ZONE = 3;

export const CTA_IP_V4_SRC = 1;
export const CTA_IP_V4_DST = 2;
export const CTA_IP_V6_SRC = 3;
export const CTA_IP_V6_DST = 4;

export const CTA_PROTO_NUM = 1;
export const CTA_PROTO_SRC_PORT = 2;
export const CTA_PROTO_DST_PORT = 3;
export const CTA_PROTO_ICMP_ID = 4;
export const CTA_PROTO_ICMP_TYPE = 5;
export const CTA_PROTO_ICMP_CODE = 6;
export const CTA_PROTO_ICMPV6_ID = 7;
export const CTA_PROTO_ICMPV6_TYPE = 8;
export const CTA_PROTO_ICMPV6_CODE = 9;

export const CTA_PROTOINFO_TCP = 1;
export const CTA_PROTOINFO_DCCP = 2;
export const CTA_PROTOINFO_SCTP = 3;

/** The state is the first attribute of each CTA_PROTOINFO_*. */
export const CTA_PROTOINFO_STATE = 1;
export const CTA_PROTOINFO_TCP_WSCALE_ORIGINAL = 2;
export const CTA_PROTOINFO_TCP_WSCALE_REPLY = 3;
export const CTA_PROTOINFO_TCP_FLAGS_ORIGINAL = 4;
export const CTA_PROTOINFO_TCP_FLAGS_REPLY = 5;
export const CTA_PROTOINFO_DCCP_ROLE = 2;
export const CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ = 3;
export const CTA_PROTOINFO_SCTP_VTAG_ORIGINAL = 2;
export const CTA_PROTOINFO_SCTP_VTAG_REPLY = 3;

export const CTA_COUNTERS_PACKETS = 1;
export const CTA_COUNTERS_BYTES = 2;
export const CTA_TIMESTAMP_START = 1;
export const CTA_TIMESTAMP_STOP = 2;
export const CTA_HELP_NAME = 1;
export const CTA_HELP_INFO = 2;
export const CTA_SECCTX_NAME = 1;

export const CTA_SEQADJ_CORRECTION_POS = 1;
export const CTA_SEQADJ_OFFSET_BEFORE = 2;
export const CTA_SEQADJ_OFFSET_AFTER = 3;
export const CTA_SYNPROXY_ISN = 1;
export const CTA_SYNPROXY_ITS = 2;
export const CTA_SYNPROXY_TSOFF = 3;

export const CTA_NAT_V4_MINIP = 1;
export const CTA_NAT_V4_MAXIP = 2;
export const CTA_NAT_PROTO = 3;
export const CTA_NAT_V6_MINIP = 4;
export const CTA_NAT_V6_MAXIP = 5;
export const CTA_PROTONAT_PORT_MIN = 1;
export const CTA_PROTONAT_PORT_MAX = 2;

export const CTA_EXPECT_MASTER = 1;
export const CTA_EXPECT_TUPLE = 2;
export const CTA_EXPECT_MASK = 3;
export const CTA_EXPECT_TIMEOUT = 4;
export const CTA_EXPECT_ID = 5;
export const CTA_EXPECT_HELP_NAME = 6;
export const CTA_EXPECT_ZONE = 7;
export const CTA_EXPECT_FLAGS = 8;
export const CTA_EXPECT_CLASS = 9;
export const CTA_EXPECT_NAT = 10;
export const CTA_EXPECT_FN = 11;
export const CTA_EXPECT_NAT_DIR = 1;
export const CTA_EXPECT_NAT_TUPLE = 2;

export const ENTRY_NAMES: AttributeNames = {
  [CTA_TUPLE_ORIG]: 'CTA_TUPLE_ORIG',
  [CTA_TUPLE_REPLY]: 'CTA_TUPLE_REPLY',
  [CTA_STATUS]: 'CTA_STATUS',
  [CTA_PROTOINFO]: 'CTA_PROTOINFO',
  [CTA_HELP]: 'CTA_HELP',
  [CTA_TIMEOUT]: 'CTA_TIMEOUT',
  [CTA_MARK]: 'CTA_MARK',
  [CTA_COUNTERS_ORIG]: 'CTA_COUNTERS_ORIG',
  [CTA_COUNTERS_REPLY]: 'CTA_COUNTERS_REPLY',
  [CTA_ID]: 'CTA_ID',
  [CTA_TUPLE_MASTER]: 'CTA_TUPLE_MASTER',
  [CTA_ZONE]: 'CTA_ZONE',
  [CTA_SEQ_ADJ_ORIG]: 'CTA_SEQ_ADJ_ORIG',
  [CTA_SEQ_ADJ_REPLY]: 'CTA_SEQ_ADJ_REPLY',
  [CTA_SECCTX]: 'CTA_SECCTX',
  [CTA_SYNPROXY]: 'CTA_SYNPROXY',
  [CTA_TIMESTAMP]: 'CTA_TIMESTAMP',
  [CTA_LABELS]: 'CTA_LABELS',
};
export const TUPLE_NAMES: AttributeNames = {
  [CTA_TUPLE_IP]: 'CTA_TUPLE_IP',
  [CTA_TUPLE_PROTO]: 'CTA_TUPLE_PROTO',
  [CTA_TUPLE_ZONE]: 'CTA_TUPLE_ZONE',
};
export const IP_NAMES: AttributeNames = {
  [CTA_IP_V4_SRC]: 'CTA_IP_V4_SRC',
  [CTA_IP_V4_DST]: 'CTA_IP_V4_DST',
  [CTA_IP_V6_SRC]: 'CTA_IP_V6_SRC',
  [CTA_IP_V6_DST]: 'CTA_IP_V6_DST',
};
export const PROTO_NAMES: AttributeNames = {
  [CTA_PROTO_NUM]: 'CTA_PROTO_NUM',
  [CTA_PROTO_SRC_PORT]: 'CTA_PROTO_SRC_PORT',
  [CTA_PROTO_DST_PORT]: 'CTA_PROTO_DST_PORT',
  [CTA_PROTO_ICMP_ID]: 'CTA_PROTO_ICMP_ID',
  [CTA_PROTO_ICMP_TYPE]: 'CTA_PROTO_ICMP_TYPE',
  [CTA_PROTO_ICMP_CODE]: 'CTA_PROTO_ICMP_CODE',
  [CTA_PROTO_ICMPV6_ID]: 'CTA_PROTO_ICMPV6_ID',
  [CTA_PROTO_ICMPV6_TYPE]: 'CTA_PROTO_ICMPV6_TYPE',
  [CTA_PROTO_ICMPV6_CODE]: 'CTA_PROTO_ICMPV6_CODE',
};
export const PROTOINFO_NAMES: AttributeNames = {
  [CTA_PROTOINFO_TCP]: 'CTA_PROTOINFO_TCP',
  [CTA_PROTOINFO_DCCP]: 'CTA_PROTOINFO_DCCP',
  [CTA_PROTOINFO_SCTP]: 'CTA_PROTOINFO_SCTP',
};
export const COUNTERS_NAMES: AttributeNames = {
  [CTA_COUNTERS_PACKETS]: 'CTA_COUNTERS_PACKETS',
  [CTA_COUNTERS_BYTES]: 'CTA_COUNTERS_BYTES',
};
export const SEQADJ_NAMES: AttributeNames = {
  [CTA_SEQADJ_CORRECTION_POS]: 'CTA_SEQADJ_CORRECTION_POS',
  [CTA_SEQADJ_OFFSET_BEFORE]: 'CTA_SEQADJ_OFFSET_BEFORE',
  [CTA_SEQADJ_OFFSET_AFTER]: 'CTA_SEQADJ_OFFSET_AFTER',
};
export const SYNPROXY_NAMES: AttributeNames = {
  [CTA_SYNPROXY_ISN]: 'CTA_SYNPROXY_ISN',
  [CTA_SYNPROXY_ITS]: 'CTA_SYNPROXY_ITS',
  [CTA_SYNPROXY_TSOFF]: 'CTA_SYNPROXY_TSOFF',
};
export const EXPECT_NAMES: AttributeNames = {
  [CTA_EXPECT_MASTER]: 'CTA_EXPECT_MASTER',
  [CTA_EXPECT_TUPLE]: 'CTA_EXPECT_TUPLE',
  [CTA_EXPECT_MASK]: 'CTA_EXPECT_MASK',
  [CTA_EXPECT_TIMEOUT]: 'CTA_EXPECT_TIMEOUT',
  [CTA_EXPECT_ID]: 'CTA_EXPECT_ID',
  [CTA_EXPECT_HELP_NAME]: 'CTA_EXPECT_HELP_NAME',
  [CTA_EXPECT_ZONE]: 'CTA_EXPECT_ZONE',
  [CTA_EXPECT_FLAGS]: 'CTA_EXPECT_FLAGS',
  [CTA_EXPECT_CLASS]: 'CTA_EXPECT_CLASS',
  [CTA_EXPECT_NAT]: 'CTA_EXPECT_NAT',
  [CTA_EXPECT_FN]: 'CTA_EXPECT_FN',
};
export const EXPECT_NAT_NAMES: AttributeNames = {
  [CTA_EXPECT_NAT_DIR]: 'CTA_EXPECT_NAT_DIR',
  [CTA_EXPECT_NAT_TUPLE]: 'CTA_EXPECT_NAT_TUPLE',
};
