import type { Gateway } from '../../proto/http/fleet.ts';
import type { FlowRow } from '../../proto/http/flows.ts';
import { protocolNumber } from '../../proto/model/protocol.ts';
import { serviceOf } from '../../proto/model/services.ts';
import type { StaleReason } from '../../proto/model/stale.ts';
import { lasting } from './format.ts';
import { wanFault } from '../../proto/model/wan-fault.ts';
import { faultClause } from './wan-words.ts';

/** What a flow is, what its state means and what deleting it would do, in words. `tone` is red if the flow keeps something broken. */
export interface Explanation {
  title: string;
  text: string;
  tone: '' | 'amber' | 'red';
}

/** TCP states in words (in the order of nf_conntrack_proto_tcp.c), each with what happens next by itself. */
const TCP: Record<string, string> = {
  SYN_SENT: 'The client asked for a connection and the server has not answered. Check the route back, or whether something filters it.',
  SYN_SENT2: 'Both sides asked for a connection at the same time.',
  SYN_RECV: 'The server answered; the client has not confirmed yet.',
  FIN_WAIT: 'One side is done sending. The entry goes by itself once the other is too.',
  CLOSE_WAIT: 'The far side closed; the near side has not yet.',
  LAST_ACK: 'Both sides closed; the last confirmation is missing.',
  TIME_WAIT: 'Closed properly. The entry only waits for late packets and goes by itself; deleting it frees its place and breaks nothing.',
  CLOSE: 'Reset by one side. The entry goes by itself.',
};

/** Why a flow is stuck (proto/model/stale.ts). */
export const STALE_WORDS: Record<StaleReason, string> = {
  'address-gone': 'it is translated to an address that this gateway no longer has',
  'route-moved': 'its packets leave by another way, with the address of its old WAN',
  'wan-down': 'its mark still leads to a WAN that is down or silent',
  untranslated: 'it began before the rule that translates such flows, and leaves with its inner address',
  'forward-changed': 'its port forward is no longer there, or leads elsewhere now',
};

/** Explains one flow; `gateway` tells whether its WAN is up, absent if unknown. */
export function explain(flow: FlowRow, gateway: Gateway | undefined): Explanation {
  const number = protocolNumber(flow.proto);
  const service = number === undefined ? undefined : serviceOf(number, flow.orig.dport);
  const what = `${service ? service.toUpperCase() : flow.proto.toUpperCase()} flow`;
  if (flow.protectedBy)
    return {
      title: `${what}, protected`,
      tone: '',
      text: `No plan can hold this flow: ${flow.protectedBy}. The guard is on the gateway itself.`,
    };
  const wan = gateway?.wans.find(({ name }) => name.toLowerCase() === flow.wan?.toLowerCase());
  if (flow.stale && flow.stale !== 'no') {
    return {
      title: `${what}, stale`,
      tone: 'red',
      text: `It is stuck: ${STALE_WORDS[flow.stale]}. While the client keeps sending, the entry is renewed and never times out, and no answer comes back. Ended, its next packet makes a new entry by the routes and rules that hold now.`,
    };
  }
  const isUnreplied = flow.status.includes('unreplied');
  // The gateway has checked how a new flow would be routed and translated.
  const isAlike = flow.stale === 'no';
  const fault = wan && wanFault(wan);
  if (fault !== undefined && isAlike)
    return {
      title: `${what} on a dead WAN`,
      tone: 'amber',
      text: `It is bound to ${wan!.name}, ${faultClause(fault)}. A new flow would be treated as it is: deleting it does not help.`,
    };
  if (fault !== undefined) {
    return {
      title: `${what} on a dead WAN`,
      tone: 'red',
      text: `It is bound to ${wan!.name}, ${faultClause(fault)}. While the client keeps sending, the entry is renewed and never times out, and every packet still leaves by ${wan!.name}. Deleted, the next packet makes a new entry by a WAN that works.`,
    };
  }
  if (flow.status.includes('offload'))
    return {
      title: `${what}, offloaded`,
      tone: '',
      text: 'The kernel’s fast path forwards it, so its counters and its timeout stand still here. It carries traffic as long as it is listed.',
    };
  if (flow.state === 'ESTABLISHED')
    return {
      title: `${what}, established`,
      tone: '',
      text: `Both sides talk${idle(flow)}. Deleting it ends what it carries unless both ends notice and start again; leave it alone if it works.`,
    };
  if (flow.state && TCP[flow.state])
    return { title: `${what}, ${flow.state.toLowerCase().replaceAll('_', '-')}`, tone: isUnreplied ? 'amber' : '', text: TCP[flow.state]! };
  if (isUnreplied && isAlike)
    return {
      title: `${what}, no reply`,
      tone: 'amber',
      text: 'Nothing ever came back. A new flow would be treated as it is: deleting it does not help. Check the route back, and whether something filters it.',
    };
  if (isUnreplied)
    return {
      title: `${what}, no reply`,
      tone: 'amber',
      text: 'Nothing ever came back. If the client keeps sending, each packet renews the entry and it keeps its old path; check the route back, then delete it so that the next packet starts afresh.',
    };
  return {
    title: `${what}, answered`,
    tone: '',
    text: `Packets went both ways${idle(flow)}. It ends by itself when neither side sends for its whole timeout.`,
  };
}

function idle({ idleSeconds, idleBounds }: FlowRow): string {
  if (idleBounds && idleBounds.atLeast > 0) return `; the last packet was ${lasting(idleBounds.atLeast)} ago or more`;
  return idleSeconds === undefined ? '' : idleSeconds < 2 ? ', just now' : `; the last packet was ${lasting(idleSeconds)} ago`;
}
