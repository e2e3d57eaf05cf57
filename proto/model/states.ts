import { IPS } from './status.ts';

/** State numbers of CTA_PROTOINFO_TCP_STATE, as include/uapi/linux/netfilter/nf_conntrack_tcp.h lists them. */
export const TCP_STATES = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
] as const;

/** CTA_PROTOINFO_SCTP_STATE (nf_conntrack_sctp.h). */
export const SCTP_STATES = [
  'NONE',
  'CLOSED',
  'COOKIE_WAIT',
  'COOKIE_ECHOED',
  'ESTABLISHED',
  'SHUTDOWN_SENT',
  'SHUTDOWN_RECD',
  'SHUTDOWN_ACK_SENT',
  'HEARTBEAT_SENT',
] as const;

/** CTA_PROTOINFO_DCCP_STATE (nf_conntrack_dccp.h; the tracker left the kernel in 6.17). */
export const DCCP_STATES = ['NONE', 'REQUEST', 'RESPOND', 'PARTOPEN', 'OPEN', 'CLOSEREQ', 'CLOSING', 'TIMEWAIT'] as const;

/** Words for `state:` from documents a and b beside the kernel's: each means what an operator means by it. */
export const STATE_ALIASES = ['new', 'related', 'expired'] as const;

/** The word a flow is counted under: the protocol's state, or for protocols without states how far it has come. */
export function stateWord(state: string | undefined, status: number): string {
  return state ?? (status & IPS.ASSURED ? 'assured' : status & IPS.SEEN_REPLY ? 'replied' : 'unreplied');
}
