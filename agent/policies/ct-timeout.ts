import type { Timeouts } from '../../proto/model/policy/document.ts';
import { timeoutEntries } from '../../proto/model/policy/settings.ts';
import { contentHash } from './content-hash.ts';
import type { CtTimeout } from './policy-table.ts';

/** nft's words for the states of TCP. */
const TCP_STATES: Readonly<Record<string, string>> = {
  'tcp.synSent': 'syn_sent',
  'tcp.synRecv': 'syn_recv',
  'tcp.finWait': 'fin_wait',
  'tcp.closeWait': 'close_wait',
  'tcp.lastAck': 'last_ack',
  'tcp.timeWait': 'time_wait',
  'tcp.close': 'close',
  'tcp.maxRetrans': 'retrans',
  'tcp.unacknowledged': 'unack',
};
/** nft does not list a state that has the value which it takes for usual. */
const USUALLY_ESTABLISHED = 432_000;

/** TCP has the other states of the policy as well; the kernel fills in what is absent when the object is made. */
export function ctTimeout(proto: 'tcp' | 'udp', idleSeconds: number, timeouts: Timeouts): CtTimeout {
  const seconds: Record<string, number> = proto === 'udp' ? { unreplied: idleSeconds, replied: idleSeconds } : { established: idleSeconds };
  if (proto === 'tcp')
    for (const [key, value] of timeoutEntries(timeouts)) if (TCP_STATES[key] !== undefined) seconds[TCP_STATES[key]] = value;
  return { name: `to_${contentHash([proto, seconds])}`, proto, idleSeconds, seconds };
}

/** The idle timeout of a listed object; undefined if it is not one of ours. */
export function idleSecondsOf(proto: 'tcp' | 'udp', seconds: Readonly<Record<string, number>>): number | undefined {
  if (proto === 'tcp') return seconds.established ?? USUALLY_ESTABLISHED;
  const { unreplied, replied } = seconds;
  return unreplied !== undefined && replied !== undefined && unreplied !== replied ? undefined : (unreplied ?? replied);
}

/** CTA_TIMEOUT_TCP_* and CTA_TIMEOUT_UDP_* by nft's words (include/uapi/linux/netfilter/nfnetlink_cttimeout.h). */
export const STATE_NUMBERS: Readonly<Record<CtTimeout['proto'], Readonly<Record<string, number>>>> = {
  tcp: {
    syn_sent: 1,
    syn_recv: 2,
    established: 3,
    fin_wait: 4,
    close_wait: 5,
    last_ack: 6,
    time_wait: 7,
    close: 8,
    retrans: 10,
    unack: 11,
  },
  udp: { unreplied: 1, replied: 2 },
};
