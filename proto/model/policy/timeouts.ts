/** A timeout of the kernel's: its file below /proc/sys/net/netfilter, its value in Linux 6.18 in seconds, and words for people. */
export interface TimeoutSetting {
  setting: string;
  defaultSeconds: number;
  help: string;
}

const NO_CLOSING =
  'There is no packet that closes such a flow: its entry stays for the whole time after the last packet, and a long time lets idle ' +
  'entries pile up.';
const HALF_OPEN = 'A long time helps a SYN flood to fill the table, a short one cuts off slow or distant peers.';

/** Timeouts by their key in a document, `tcp.established` for `timeouts: { tcp: { established: … } }`. A kernel has only some of them. */
export const TIMEOUTS = {
  'tcp.synSent': {
    setting: 'nf_conntrack_tcp_timeout_syn_sent',
    defaultSeconds: 120,
    help: `A SYN that nothing has replied to. ${HALF_OPEN}`,
  },
  'tcp.synRecv': {
    setting: 'nf_conntrack_tcp_timeout_syn_recv',
    defaultSeconds: 60,
    help: `A SYN was answered, and the handshake is not finished. ${HALF_OPEN}`,
  },
  'tcp.established': {
    setting: 'nf_conntrack_tcp_timeout_established',
    defaultSeconds: 432_000,
    help:
      'An open connection without packets. Programs that keep idle connections alive send something every two hours by default; ' +
      'below that, quiet SSH and database sessions hang.',
  },
  'tcp.finWait': {
    setting: 'nf_conntrack_tcp_timeout_fin_wait',
    defaultSeconds: 120,
    help: 'One side has closed; the other may still send. Too short a time cuts downloads off whose client has closed its half.',
  },
  'tcp.closeWait': {
    setting: 'nf_conntrack_tcp_timeout_close_wait',
    defaultSeconds: 60,
    help: 'The other side has acknowledged the close and has not closed itself.',
  },
  'tcp.lastAck': {
    setting: 'nf_conntrack_tcp_timeout_last_ack',
    defaultSeconds: 30,
    help: 'Both sides have closed, and the last acknowledgement is missing.',
  },
  'tcp.timeWait': {
    setting: 'nf_conntrack_tcp_timeout_time_wait',
    defaultSeconds: 120,
    help:
      'Closed. The entry waits for late packets; busy gateways with short connections have most of their entries here, and 30 s ' +
      'frees them sooner.',
  },
  'tcp.close': {
    setting: 'nf_conntrack_tcp_timeout_close',
    defaultSeconds: 10,
    help: 'Ended by a reset.',
  },
  'tcp.maxRetrans': {
    setting: 'nf_conntrack_tcp_timeout_max_retrans',
    defaultSeconds: 300,
    help: 'The same packet was sent again and again without an answer: the peer is probably gone.',
  },
  'tcp.unacknowledged': {
    setting: 'nf_conntrack_tcp_timeout_unacknowledged',
    defaultSeconds: 300,
    help: 'An open connection with data that was not acknowledged.',
  },
  'udp.unreplied': {
    setting: 'nf_conntrack_udp_timeout',
    defaultSeconds: 30,
    help: `Until there was an answer, and for one question with one answer. ${NO_CLOSING}`,
  },
  'udp.replied': {
    setting: 'nf_conntrack_udp_timeout_stream',
    defaultSeconds: 120,
    help:
      'Both sides have sent for more than two seconds: calls, tunnels, games. Below the keep-alive of phones (often 30 to 60 s), ' +
      `incoming calls stop. ${NO_CLOSING}`,
  },
  icmp: {
    setting: 'nf_conntrack_icmp_timeout',
    defaultSeconds: 30,
    help: `Ping over IPv4. ${NO_CLOSING}`,
  },
  icmpv6: {
    setting: 'nf_conntrack_icmpv6_timeout',
    defaultSeconds: 30,
    help: `Ping over IPv6. ${NO_CLOSING}`,
  },
  generic: {
    setting: 'nf_conntrack_generic_timeout',
    defaultSeconds: 600,
    help: `Every protocol without a timeout of its own, such as ESP. ${NO_CLOSING}`,
  },
  'gre.unreplied': {
    setting: 'nf_conntrack_gre_timeout',
    defaultSeconds: 30,
    help: `A GRE tunnel, or the data of PPTP, before packets have gone both ways. ${NO_CLOSING}`,
  },
  'gre.replied': {
    setting: 'nf_conntrack_gre_timeout_stream',
    defaultSeconds: 180,
    help: 'Afterwards. It must be longer than the keep-alive of the tunnel.',
  },
  'sctp.closed': {
    setting: 'nf_conntrack_sctp_timeout_closed',
    defaultSeconds: 10,
    help: 'An association that was ended.',
  },
  'sctp.cookieWait': {
    setting: 'nf_conntrack_sctp_timeout_cookie_wait',
    defaultSeconds: 3,
    help: 'INIT was sent.',
  },
  'sctp.cookieEchoed': {
    setting: 'nf_conntrack_sctp_timeout_cookie_echoed',
    defaultSeconds: 3,
    help: 'The cookie was sent back, and is not acknowledged.',
  },
  'sctp.established': {
    setting: 'nf_conntrack_sctp_timeout_established',
    defaultSeconds: 210,
    help:
      'An open association. Heartbeats come every 30 s by default, so that this many minutes of silence mean that it is gone. ' +
      'Kernels before 6.1 wait five days.',
  },
  'sctp.shutdownSent': {
    setting: 'nf_conntrack_sctp_timeout_shutdown_sent',
    defaultSeconds: 3,
    help: 'One side ends the association.',
  },
  'sctp.shutdownRecd': {
    setting: 'nf_conntrack_sctp_timeout_shutdown_recd',
    defaultSeconds: 3,
    help: 'The other side has seen that.',
  },
  'sctp.shutdownAckSent': {
    setting: 'nf_conntrack_sctp_timeout_shutdown_ack_sent',
    defaultSeconds: 3,
    help: 'Both sides have ended, and the last acknowledgement is missing.',
  },
  'sctp.heartbeatSent': {
    setting: 'nf_conntrack_sctp_timeout_heartbeat_sent',
    defaultSeconds: 30,
    help: 'A heartbeat on a path whose beginning was not seen, as after a failover.',
  },
  'sctp.heartbeatAcked': {
    setting: 'nf_conntrack_sctp_timeout_heartbeat_acked',
    defaultSeconds: 210,
    help: 'Such a path after an answer. Kernels from 6.2 on count it as established.',
  },
  'dccp.request': {
    setting: 'nf_conntrack_dccp_timeout_request',
    defaultSeconds: 240,
    help: 'A request without an answer. Kernels from 6.16 on do not track DCCP.',
  },
  'dccp.respond': {
    setting: 'nf_conntrack_dccp_timeout_respond',
    defaultSeconds: 480,
    help: 'A request was answered.',
  },
  'dccp.partOpen': {
    setting: 'nf_conntrack_dccp_timeout_partopen',
    defaultSeconds: 480,
    help: 'The answer was acknowledged.',
  },
  'dccp.open': {
    setting: 'nf_conntrack_dccp_timeout_open',
    defaultSeconds: 43_200,
    help: 'An open connection without packets.',
  },
  'dccp.closeReq': {
    setting: 'nf_conntrack_dccp_timeout_closereq',
    defaultSeconds: 64,
    help: 'The server asked to close.',
  },
  'dccp.closing': {
    setting: 'nf_conntrack_dccp_timeout_closing',
    defaultSeconds: 64,
    help: 'One side closes.',
  },
  'dccp.timeWait': {
    setting: 'nf_conntrack_dccp_timeout_timewait',
    defaultSeconds: 240,
    help: 'Closed; waits for late packets.',
  },
  'udplite.unreplied': {
    setting: 'nf_conntrack_udplite_timeout',
    defaultSeconds: 30,
    help: `As udp.unreplied, on kernels that time UDP-Lite by itself. ${NO_CLOSING}`,
  },
  'udplite.replied': {
    setting: 'nf_conntrack_udplite_timeout_stream',
    defaultSeconds: 180,
    help: `As udp.replied, on kernels that time UDP-Lite by itself. ${NO_CLOSING}`,
  },
  frag6: {
    setting: 'nf_conntrack_frag6_timeout',
    defaultSeconds: 60,
    help: 'How long fragments of an IPv6 packet wait for the others before they are dropped.',
  },
} as const satisfies Record<string, TimeoutSetting>;
