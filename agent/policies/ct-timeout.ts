import type { Timeouts } from '../../proto/model/policy/document.ts';
import { timeoutEntries } from '../../proto/model/policy/settings.ts';
import { contentHash } from './content-hash.ts';
import { POLICY_TABLE, type CtTimeout } from './policy-table.ts';

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

/**
 * The command that makes an object, for `nft -f`: nft 1.0.6 reads JSON of such an object and forgets its times. Numbers and words of ours
 * are all that is in it.
 */
export function addTimeoutCommand({ name, proto, seconds }: CtTimeout): string {
  const policy = Object.entries(seconds)
    .map(([state, value]) => `${state} : ${value}`)
    .join(', ');
  const { family, table } = POLICY_TABLE;
  return `add ct timeout ${family} ${table} ${name} { protocol ${proto}; l3proto ${family}; policy = { ${policy} }; }\n`;
}

/** The command that removes it once nothing refers to it: of JSON with such a command, nft 1.0.6 dies. */
export function deleteTimeoutCommand(name: string): string {
  return `delete ct timeout ${POLICY_TABLE.family} ${POLICY_TABLE.table} ${name}\n`;
}
