import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import type { KnownTimeoutKey } from '../../../proto/model/policy/settings.ts';

/** CTA_TIMEOUT_TCP_*, _UDP_*, … (nfnetlink_cttimeout.h): the states of a timeout policy, as the timeouts of the gateway are called. */
const STATES: Readonly<Record<number, Readonly<Record<number, KnownTimeoutKey>>>> = {
  [PROTOCOLS.tcp]: {
    1: 'tcp.synSent',
    2: 'tcp.synRecv',
    3: 'tcp.established',
    4: 'tcp.finWait',
    5: 'tcp.closeWait',
    6: 'tcp.lastAck',
    7: 'tcp.timeWait',
    8: 'tcp.close',
    10: 'tcp.maxRetrans',
    11: 'tcp.unacknowledged',
  },
  [PROTOCOLS.udp]: { 1: 'udp.unreplied', 2: 'udp.replied' },
};

/** Seconds by the names of timeouts; states that have none of their own are left out. */
export function timeoutsOf(proto: number, timeouts: Readonly<Record<number, number>>): Record<string, number> {
  const named = STATES[proto] ?? {};
  return Object.fromEntries(
    Object.entries(timeouts).flatMap(([state, seconds]): [string, number][] => {
      const name = named[Number(state)];
      return name ? [[name, seconds]] : [];
    }),
  );
}
