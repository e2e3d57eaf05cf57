import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { IPS } from '../../../proto/model/status.ts';

/** Full timeouts in seconds, by protocol and state from the sysctl's name: `tcp_established`, `udp`, `udp_stream`. */
export type Timeouts = Readonly<Record<string, number>>;

/** The kernel's defaults (net/netfilter/nf_conntrack_proto_*.c), for tables in memory. */
export const DEFAULT_TIMEOUTS: Timeouts = {
  tcp_syn_sent: 120,
  tcp_syn_recv: 60,
  tcp_established: 432_000,
  tcp_fin_wait: 120,
  tcp_close_wait: 60,
  tcp_last_ack: 30,
  tcp_time_wait: 120,
  tcp_close: 10,
  tcp_unacknowledged: 300,
  tcp_max_retrans: 300,
  udp: 30,
  udp_stream: 120,
  icmp: 30,
  icmpv6: 30,
  gre: 30,
  gre_stream: 180,
  generic: 600,
  sctp_closed: 10,
  sctp_cookie_wait: 3,
  sctp_cookie_echoed: 3,
  sctp_established: 210,
  sctp_shutdown_sent: 3,
  sctp_shutdown_recd: 3,
  sctp_shutdown_ack_sent: 3,
  sctp_heartbeat_sent: 30,
};

/** A flag of the TCP tracker: data was sent that nobody has acknowledged (include/uapi/linux/netfilter/nf_conntrack_tcp.h). */
const IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED = 0x10;

/**
 * Set on a UDP flow that clashed with another: it has the timeouts of a stream, and never becomes ASSURED. The bit has two names
 * (nf_conntrack_common.h).
 */
const NAT_CLASH = IPS.UNTRACKED;

/** The timeouts among the files of /proc/sys/net/netfilter. The set depends on the kernel: 6.18 has none for DCCP. */
export function parseTimeouts(files: Iterable<readonly [name: string, content: string]>): Timeouts {
  const timeouts: Record<string, number> = {};
  for (const [name, content] of files) {
    const parts = /^nf_conntrack_(tcp|udp|icmp|icmpv6|gre|sctp|dccp|generic)_timeout(?:_(\w+))?$/.exec(name);
    const seconds = Number(content.trim());
    if (parts && content.trim() !== '' && Number.isFinite(seconds))
      timeouts[parts[2] === undefined ? parts[1]! : `${parts[1]}_${parts[2]}`] = seconds;
  }
  return timeouts;
}

/** The facts about an entry that determine its timeout. `tcpFlags`: those of both directions combined. */
export interface TimeoutFacts {
  proto: number;
  state: string | undefined;
  status: number;
  tcpFlags: number;
}

/**
 * The timeouts, in seconds, that an entry's last packet may have set, as the kernel's trackers choose
 * (net/netfilter/nf_conntrack_proto_*.c); some of their inputs are not visible in an entry. Empty if it cannot be told: SYN_SENT2,
 * UDP-Lite, a fixed or offloaded flow, one that clashed.
 */
export function fullTimeouts({ proto, state, status, tcpFlags }: TimeoutFacts, timeouts: Timeouts): number[] {
  if (status & (IPS.FIXED_TIMEOUT | IPS.OFFLOAD | IPS.HW_OFFLOAD | NAT_CLASH)) return [];
  switch (proto) {
    case PROTOCOLS.tcp: {
      const full = stateTimeout('tcp', state, timeouts);
      // Unacknowledged data, or a connection picked up in its middle, gets the shorter timeout until the other side answers.
      const isUnacknowledged = tcpFlags & IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED || (state === 'ESTABLISHED' && !(status & IPS.SEEN_REPLY));
      const [limit, retransmitted] = [timeouts.tcp_unacknowledged, timeouts.tcp_max_retrans];
      // After three retransmissions, or with a closed window, another timeout applies, which no entry shows.
      const hidden = full !== undefined && retransmitted !== undefined && retransmitted < full ? [retransmitted] : [];
      return [...known(full !== undefined && isUnacknowledged && limit !== undefined ? Math.min(full, limit) : full), ...hidden];
    }
    // UDP becomes a stream, and ASSURED, when replied and still active after two seconds; GRE with the first reply.
    case PROTOCOLS.udp:
      return known(status & IPS.ASSURED ? timeouts.udp_stream : timeouts.udp);
    // What PPTP's helper expects has a timeout of its own (nf_conntrack_pptp.c).
    case PROTOCOLS.gre:
      return status & IPS.EXPECTED ? [] : known(status & IPS.SEEN_REPLY ? timeouts.gre_stream : timeouts.gre);
    case PROTOCOLS.icmp:
      return known(timeouts.icmp);
    case PROTOCOLS.icmpv6:
      return known(timeouts.icmpv6);
    case PROTOCOLS.sctp:
      return known(stateTimeout('sctp', state, timeouts));
    case PROTOCOLS.dccp:
      return known(stateTimeout('dccp', state, timeouts));
    case PROTOCOLS.udplite:
      return [];
    default:
      return known(timeouts.generic);
  }
}

function known(seconds: number | undefined): number[] {
  return seconds === undefined ? [] : [seconds];
}

function stateTimeout(prefix: string, state: string | undefined, timeouts: Timeouts): number | undefined {
  return state === undefined ? undefined : timeouts[`${prefix}_${state.toLowerCase()}`];
}
