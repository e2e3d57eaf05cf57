import { Impact_Fate as Fate, type Impact_Prediction as Prediction } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { PROTOCOLS } from '../../proto/model/protocol.ts';
import { IPS } from '../../proto/model/status.ts';

/** What the gateway's rules do with packets in the middle of a flow that is no longer in the table. */
export interface FilterFacts { isDropping: boolean; invalid: 'passed' | 'dropped' | 'reset'; dropsMidstream: boolean }

/** What of the gateway decides what becomes of a flow whose entry is gone; absent where it could not be read. */
export interface Firewall {
  /** net.netfilter.nf_conntrack_tcp_loose: TCP is picked up in its middle. */
  isLoose?: boolean;
  forward?: FilterFacts;
  input?: FilterFacts;
}

const ENDING = new Set(['FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT', 'CLOSE']);
const BEGINNING = new Set(['SYN_SENT', 'SYN_SENT2', 'SYN_RECV']);
const DATAGRAMS = new Set<number>([PROTOCOLS.udp, PROTOCOLS.udplite]);
const PINGS = new Set<number>([PROTOCOLS.icmp, PROTOCOLS.icmpv6]);
const STATELESS = new Set<number>([PROTOCOLS.gre, PROTOCOLS.esp, PROTOCOLS.ah, PROTOCOLS.ipip, PROTOCOLS.ipv6]);
/** From here on a flow that is in use counts as one where the far end speaks. */
const MOSTLY = 4n;
const ACTIVE_SECONDS = 10;

type Verdict = readonly [Fate, why: string];

/**
 * What will come of a flow that is deleted, as measured with real clients and servers on 6.18 (docs/stale-flows.md). Who speaks first
 * decides for TCP, and that is only guessed from who carried most.
 */
export function predict(flow: Flow, firewall: Firewall): Verdict {
  if (flow.status & IPS.EXPECTED) return [Fate.FATE_UNKNOWN, 'Another flow expected it (FTP, SIP, …); whether it is let in again is up to that one.'];
  if (flow.proto === PROTOCOLS.tcp) return predictTcp(flow, firewall);
  if (DATAGRAMS.has(flow.proto)) {
    return isRemapped(flow)
      ? [Fate.FATE_RECONNECTS, 'UDP goes on with the client’s next packet, perhaps by another external port.']
      : [Fate.FATE_RECONNECTS, 'UDP goes on with the client’s next packet.'];
  }
  if (PINGS.has(flow.proto)) return [Fate.FATE_RECONNECTS, 'The next ping begins a new flow.'];
  if (STATELESS.has(flow.proto)) return [Fate.FATE_RECONNECTS, 'A tunnel goes on with its next packet from inside.'];
  return [Fate.FATE_UNKNOWN, 'What this protocol does was not measured.'];
}

function predictTcp(flow: Flow, { isLoose, forward, input }: Firewall): Verdict {
  if (flow.state !== undefined && ENDING.has(flow.state)) return [Fate.FATE_RECONNECTS, 'It has ended or is ending; nothing is lost.'];
  if (flow.state !== undefined && BEGINNING.has(flow.state)) return [Fate.FATE_RECONNECTS, 'It is only beginning; its next SYN begins it anew.'];
  if (isLoose === false && forward?.invalid === 'reset') {
    return [Fate.FATE_BREAKS, 'The firewall answers what it does not know with a reset, so that both ends begin anew at once.'];
  }
  if (isLoose === false) return [Fate.FATE_HANGS, 'nf_conntrack_tcp_loose is 0: TCP is not picked up in its middle, and its ends wait for a time-out.'];
  if (isLoose === undefined) return [Fate.FATE_UNKNOWN, 'nf_conntrack_tcp_loose cannot be read.'];
  if (!forward) return [Fate.FATE_UNKNOWN, 'The firewall’s rules cannot be read.'];
  if (forward.dropsMidstream) return [Fate.FATE_HANGS, 'The firewall drops TCP that begins without a SYN, and its ends wait for a time-out.'];
  if (isTranslated(flow) && flow.stale !== undefined && flow.stale !== 'no') return [Fate.FATE_BREAKS, 'It goes on from the other WAN’s address; the server does not know that one and resets it.'];
  if (isRemapped(flow)) return [Fate.FATE_BREAKS, 'It may get another external port; the server does not know that one and resets it.'];
  if (isTranslated(flow) && isServerSpeaking(flow) && input?.isDropping === false) {
    return [Fate.FATE_BREAKS, 'The server is likely to speak first; its packet then reaches the gateway itself, which answers with a reset.'];
  }
  return [Fate.FATE_RECONNECTS, 'TCP is picked up by the client’s next packet, by the same external port.'];
}

function isTranslated(flow: Flow): boolean {
  return (flow.status & IPS.SRC_NAT) !== 0;
}

/** Source translation had to change the port. */
function isRemapped(flow: Flow): boolean {
  return isTranslated(flow) && flow.orig.sport !== undefined && flow.orig.sport !== flow.reply.dport;
}

/** Bytes are not known where nothing is counted; then the client is taken to speak. */
function isServerSpeaking({ origCounters, replyCounters, idleSeconds }: Flow): boolean {
  if (!origCounters || !replyCounters || idleSeconds === undefined || idleSeconds > ACTIVE_SECONDS) return false;
  return replyCounters.bytes > MOSTLY * origCounters.bytes;
}

/** Counts flows by what will come of them. */
export class PredictionCounter {
  readonly #firewall: Firewall;
  readonly #counts = new Map<string, Prediction>();

  constructor(firewall: Firewall) {
    this.#firewall = firewall;
  }

  add(flow: Flow): void {
    const [fate, why] = predict(flow, this.#firewall);
    const known = this.#counts.get(why);
    if (known) known.flows++;
    else this.#counts.set(why, { fate, flows: 1, why });
  }

  /** Most flows first. */
  result(): Prediction[] {
    return [...this.#counts.values()].sort((a, b) => b.flows - a.flows);
  }
}
