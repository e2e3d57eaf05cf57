import { Impact_Fate as Fate, Method, type Impact_Prediction as Prediction } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { PROTOCOLS } from '../../proto/model/protocol.ts';
import { IPS } from '../../proto/model/status.ts';
import type { Passage, Prospect } from '../conntrack/prospect.ts';
import { speakers, type Speakers } from './speakers.ts';

/**
 * What becomes of a flow for the side that initiated it: it continues by itself, it gets an error, it waits for a timeout, or it is
 * unknown.
 */
export type Outlook = readonly [Fate, why: string];

const OVER = new Set(['TIME_WAIT', 'CLOSE', 'LAST_ACK']);
const BEGINNING = new Set(['SYN_SENT', 'SYN_SENT2', 'SYN_RECV']);
const PINGS = new Set<number>([PROTOCOLS.icmp, PROTOCOLS.icmpv6]);
const DATAGRAMS = new Set<number>([PROTOCOLS.udp, PROTOCOLS.udplite]);
const TUNNELS = new Set<number>([PROTOCOLS.gre, PROTOCOLS.esp, PROTOCOLS.ah, PROTOCOLS.ipip, PROTOCOLS.ipv6]);
/** A flow silent for longer than this may stay silent while a reset waits for its next packet. */
const ACTIVE_SECONDS = 10;

/**
 * Predicts what becomes of a flow that is ended by this method, given what its next packets would meet. Checked against real clients and
 * servers by test/field/predictions.test.ts.
 */
export function predict(flow: Flow, prospect: Prospect | undefined, method: Method, nowMs: number): Outlook {
  const who: Speakers = PINGS.has(flow.proto) ? 'client' : speakers(flow, nowMs);
  if (method === Method.METHOD_BLOCK) return predictBlock(flow, who);
  const outlook = predictDelete(flow, prospect, who);
  return method === Method.METHOD_RESET && flow.proto === PROTOCOLS.tcp ? predictReset(flow, outlook, who) : outlook;
}

/** A block refuses every packet for its time: TCP with a reset, the rest with an ICMP message. Only the sender learns of it. */
function predictBlock(flow: Flow, who: Speakers): Outlook {
  if (flow.proto === PROTOCOLS.tcp && flow.state !== undefined && OVER.has(flow.state))
    return [Fate.FATE_BREAKS, 'It has ended or is ending, and can reconnect only after the block.'];
  if (who === 'stream') return UNDER_WAY;
  if (who === 'server') return [Fate.FATE_HANGS, 'The far side is refused with its next packet; the initiator only listens, and waits.'];
  if (flow.proto === PROTOCOLS.tcp)
    return [Fate.FATE_BREAKS, 'Its next packet is answered with a reset, and so is every new attempt until the block ends.'];
  return [Fate.FATE_BREAKS, 'Its packets are refused with an ICMP message until the block ends.'];
}

/** A reset answers whoever sends next; the other side gets one when it sends something itself. */
function predictReset(flow: Flow, afterDelete: Outlook, who: Speakers): Outlook {
  if (who === 'stream') return UNDER_WAY;
  if (flow.state !== undefined && OVER.has(flow.state)) return afterDelete;
  const toldFirst: Outlook =
    who === 'server'
      ? [Fate.FATE_HANGS, 'The far side gets the reset with its next packet; the initiator only listens, and waits.']
      : [Fate.FATE_BREAKS, 'Its next packet is answered with a reset.'];
  const { atMost = Infinity } = flow.idleSeconds === undefined ? (flow.idleBounds ?? {}) : { atMost: flow.idleSeconds };
  if (atMost <= ACTIVE_SECONDS || toldFirst[0] === afterDelete[0]) return toldFirst;
  return [Fate.FATE_UNKNOWN, 'It has been silent: it gets a reset if it sends within the time, and is deleted otherwise.'];
}

function predictDelete(flow: Flow, prospect: Prospect | undefined, who: Speakers): Outlook {
  if (flow.status & IPS.EXPECTED)
    return [Fate.FATE_UNKNOWN, 'Another flow expected it (FTP, SIP, …); that one decides whether it is let in again.'];
  const { proto, state } = flow;
  if (proto === PROTOCOLS.tcp && state !== undefined && OVER.has(state))
    return [Fate.FATE_RECONNECTS, 'It has ended or is ending; nothing is lost.'];
  const isKnown = proto === PROTOCOLS.tcp || DATAGRAMS.has(proto) || PINGS.has(proto) || TUNNELS.has(proto);
  if (!isKnown) return [Fate.FATE_UNKNOWN, 'The behaviour of this protocol was not measured.'];
  if (!prospect) return [Fate.FATE_UNKNOWN, 'The gateway’s rules or routes cannot be read.'];
  const { client, server } = prospect;
  if (proto === PROTOCOLS.tcp && state !== undefined && BEGINNING.has(state)) return beginsAnew(client);
  const way = proto === PROTOCOLS.tcp ? TCP : DATAGRAM;
  if (who === 'client') return way.clientFirst(client);
  if (who === 'stream')
    return agreed(
      way.serverFirst(server, undefined),
      agreed(way.serverFirst(server, client), way.clientFirst(client), UNDER_WAY),
      UNDER_WAY,
    );
  const serverFirst = way.serverFirst(server, who === 'both' ? client : undefined);
  if (who === 'server') return serverFirst;
  return agreed(way.clientFirst(client), serverFirst, [Fate.FATE_UNKNOWN, 'It depends on which side sends first.']);
}

const UNDER_WAY: Outlook = [Fate.FATE_UNKNOWN, 'Its server sends so often that it depends on what its client is sending.'];

/** The outlook if both agree; otherwise that it is unknown. */
function agreed(a: Outlook, b: Outlook, otherwise: Outlook): Outlook {
  if (a[0] === b[0]) return a;
  return [a, b].find(([fate]) => fate === Fate.FATE_UNKNOWN) ?? otherwise;
}

/** For a connection that was not answered yet: the client sends its SYN again, whatever address it is translated to. */
function beginsAnew(client: Passage): Outlook {
  switch (client.kind) {
    case 'through':
    case 'altered':
      return [Fate.FATE_RECONNECTS, 'It is only beginning; its next SYN starts it again.'];
    case 'diverted':
      return [Fate.FATE_UNKNOWN, 'It is only beginning, and today’s rules send its next SYN to another host.'];
    case 'gateway':
      return [Fate.FATE_UNKNOWN, 'It is only beginning, and its next SYN goes to the gateway itself.'];
    case 'dropped':
      return [Fate.FATE_HANGS, `Its next SYN is dropped by ${client.rule}.`];
    case 'reset':
    case 'refused':
      return [Fate.FATE_BREAKS, `Its next SYN is refused by ${client.rule}.`];
    case 'unknown':
      return [Fate.FATE_UNKNOWN, client.why];
  }
}

interface ProtocolWords {
  clientFirst(client: Passage): Outlook;
  /** @param client what its packets meet once it sends; undefined for one that only listens */
  serverFirst(server: Passage, client: Passage | undefined): Outlook;
}

/** A TCP connection unknown to the peer is answered with a reset; ICMP does not end an established one. */
const TCP: ProtocolWords = {
  clientFirst(client) {
    switch (client.kind) {
      case 'through':
        return [Fate.FATE_RECONNECTS, 'TCP is picked up by its next packet, with the same addresses and ports.'];
      case 'altered':
        return [Fate.FATE_BREAKS, 'It would continue from another address or port, which the server does not know and resets.'];
      case 'diverted':
        return [Fate.FATE_BREAKS, 'Today’s rules send its next packet to another server, which resets it.'];
      case 'gateway':
        return [Fate.FATE_BREAKS, 'Its next packet reaches the gateway itself, which answers with a reset.'];
      case 'dropped':
        return [Fate.FATE_HANGS, `Its next packet is dropped by ${client.rule}; it waits for a timeout.`];
      case 'reset':
        return [Fate.FATE_BREAKS, `Its next packet is answered with a reset by ${client.rule}.`];
      case 'refused':
        return [
          Fate.FATE_HANGS,
          `Its next packet is refused by ${client.rule} with an ICMP message, which ends no connection; it waits for a timeout.`,
        ];
      case 'unknown':
        return [Fate.FATE_UNKNOWN, client.why];
    }
  },
  serverFirst(server, client) {
    switch (server.kind) {
      case 'through':
        return [Fate.FATE_RECONNECTS, 'TCP is picked up by the server’s next packet, with the same addresses and ports.'];
      case 'unknown':
        return [Fate.FATE_UNKNOWN, server.why];
      case 'dropped':
      case 'refused':
        if (client) return TCP.clientFirst(client);
        return [
          Fate.FATE_HANGS,
          `The server’s packets are dropped by ${server.rule}, and its client only listens, so nothing opens the path again.`,
        ];
      case 'altered':
        return afterResetOfServer('The client gets the server’s next packet from another address or port, and resets it', client);
      case 'diverted':
      case 'gateway':
        return afterResetOfServer('The server’s next packet reaches the gateway itself, which answers with a reset', client);
      case 'reset':
        return afterResetOfServer(`The server’s next packet is answered with a reset by ${server.rule}`, client);
    }
  },
};

/** The server has given up; its client learns of it when it sends. */
function afterResetOfServer(what: string, client: Passage | undefined): Outlook {
  if (!client) return [Fate.FATE_HANGS, `${what}; its client only listens, and waits.`];
  switch (client.kind) {
    case 'through':
    case 'altered':
    case 'diverted':
    case 'gateway':
    case 'reset':
      return [Fate.FATE_BREAKS, `${what}; its client gets a reset when it sends.`];
    case 'dropped':
    case 'refused':
      return [Fate.FATE_HANGS, `${what}; what its client sends is dropped by ${client.rule}.`];
    case 'unknown':
      return [Fate.FATE_UNKNOWN, client.why];
  }
}

/** Datagrams, pings and tunnels start again with any packet. */
const DATAGRAM: ProtocolWords = {
  clientFirst(client) {
    switch (client.kind) {
      case 'through':
        return [Fate.FATE_RECONNECTS, 'It continues with its next packet.'];
      case 'altered':
        return [Fate.FATE_RECONNECTS, 'It continues with its next packet, from another external address or port.'];
      case 'diverted':
        return [Fate.FATE_UNKNOWN, 'Today’s rules send its next packet to another host.'];
      case 'gateway':
        return [Fate.FATE_UNKNOWN, 'Its next packet reaches the gateway itself.'];
      case 'dropped':
        return [Fate.FATE_HANGS, `Its next packet is dropped by ${client.rule}.`];
      case 'reset':
      case 'refused':
        return [Fate.FATE_BREAKS, `Its next packet is refused by ${client.rule} with an ICMP message.`];
      case 'unknown':
        return [Fate.FATE_UNKNOWN, client.why];
    }
  },
  serverFirst(server, client) {
    if (server.kind === 'unknown') return [Fate.FATE_UNKNOWN, server.why];
    if (server.kind === 'through') return [Fate.FATE_RECONNECTS, 'It continues with the far side’s next packet.'];
    if (client) return DATAGRAM.clientFirst(client);
    const what =
      'rule' in server
        ? `is stopped by ${server.rule}`
        : server.kind === 'altered'
          ? 'comes from another address or port'
          : 'reaches the gateway itself';
    return [Fate.FATE_HANGS, `What the far side sends ${what}, and the initiator only listens, so nothing opens the path again.`];
  },
};

/** Counts flows by their predicted fate. */
export class PredictionCounter {
  readonly #method: Method;
  readonly #nowMs: number;
  readonly #counts = new Map<string, Prediction>();

  /** @param nowMs milliseconds since 1970 by the machine's clock, like start times */
  constructor(method: Method, nowMs: number) {
    this.#method = method;
    this.#nowMs = nowMs;
  }

  add(flow: Flow, prospect: Prospect | undefined): void {
    const [fate, why] = predict(flow, prospect, this.#method, this.#nowMs);
    const known = this.#counts.get(why);
    if (known) known.flows++;
    else this.#counts.set(why, { fate, flows: 1, why });
  }

  /** Most flows first. */
  result(): Prediction[] {
    return [...this.#counts.values()].sort((a, b) => b.flows - a.flows);
  }
}
