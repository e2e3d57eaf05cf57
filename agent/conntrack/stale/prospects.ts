import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { IPS } from '../../../proto/model/status.ts';
import { TCP_FLAGS, type Answer, type Hook, type Packet } from '../../firewall/rules/packet.ts';
import type { Range, SourceNat, Verdict } from '../../firewall/rules/rules.ts';
import type { AskedRules } from './asked-rules.ts';
import type { Columns } from '../rows/columns.ts';
import type { Surroundings } from './surroundings.ts';
import { FlowView, type Beginning, type Row } from './flow-view.ts';
import type { Routes } from './routes.ts';
import { Paths } from './paths.ts';
import type { Passage, Prospect } from '../prospect.ts';
import { kindsOfRows } from './row-kinds.ts';
import { virtualOf, waysOut, type Evidence } from './stale-rows.ts';
import type { Way } from './stale.ts';

const HOOKS: readonly Hook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

/** net.netfilter.nf_conntrack_tcp_loose: TCP connections are picked up in mid-stream; undefined if it cannot be read. */
export interface TcpFacts {
  isLoose: boolean | undefined;
}

/** What would happen to the next packets of flows: the distinct outcomes, and for each row the index of its outcome. */
export interface Prospects {
  prospects: Prospect[];
  ofRows: Float64Array;
}

/**
 * Determines for rows what would happen to the next packets of their flows if they had no entry. Rows that routes and rules treat alike are
 * evaluated once.
 */
export function prospectsOf(columns: Columns, rows: Uint32Array, surroundings: Surroundings, evidence: Evidence, tcp: TcpFacts): Prospects {
  const { wans: names } = surroundings;
  const { asked } = evidence;
  const own = names.names.map((name) => evidence.wans.find((wan) => wan.name === name)!);
  const paths = new Paths(columns, evidence.routes, waysOut(own));
  const view = new FlowView({
    columns,
    paths,
    routes: evidence.routes,
    asked,
    wans: own,
    virtual: virtualOf(evidence),
    addressWans: names.ofAddresses(columns),
    addressSides: names.sidesOfAddresses(columns),
  });
  const passages = new Passages({
    view,
    paths,
    asked,
    routes: evidence.routes,
    deviceOf: (wan) => own[wan]?.interface,
    isLoose: tcp.isLoose,
  });
  const prospects: Prospect[] = [];
  const different = new Map<string, number>();
  const { kinds, firsts } = kindsOfRows(columns, evidence, { hooks: HOOKS, rows, isBack: true });
  const ofKinds = firsts.map((row) => {
    const found = passages.of(row);
    const text = JSON.stringify(found);
    const number = different.get(text) ?? prospects.push(found) - 1;
    different.set(text, number);
    return number;
  });
  return { prospects, ofRows: Float64Array.from(kinds, (kind) => ofKinds[kind]!) };
}

interface PassageOptions {
  view: FlowView;
  paths: Paths;
  asked: AskedRules;
  routes: Routes;
  deviceOf: (wan: number) => string | undefined;
  isLoose: boolean | undefined;
}

/** Follows the next packet of either side: the rules before routing, the route, the rules after it, and translation. */
class Passages {
  readonly #options: PassageOptions;

  constructor(options: PassageOptions) {
    this.#options = options;
  }

  of(index: number): Prospect {
    const beginning = this.#options.view.beginning(index);
    if (beginning.first.proto === PROTOCOLS.tcp && this.#options.isLoose === undefined) return { client: UNREADABLE, server: UNREADABLE };
    return { client: this.#client(beginning), server: this.#server(beginning) };
  }

  /** In the direction in which the flow began. */
  #client(beginning: Beginning): Passage {
    const { view, paths, asked } = this.#options;
    const { row, arrival, hook, known } = beginning;
    const first = this.#inState(beginning.first);
    const before = hook === 'prerouting' ? this.#stop('prerouting', first) : undefined;
    if (before) return before;
    const isTracked = first.ct.state === 'new';
    const target = isTracked ? asked.destination(hook, first) : NO_TARGET;
    if (!target.isKnown) return unknown(target.why);
    const isOther = view.isTargetOther(target.value, row);
    if (isOther && target.value.kind !== 'none') return { kind: 'diverted' };
    const to = isOther ? row.dst : row.replySrc;
    const arrived: Packet = isOther
      ? first
      : {
          ...first,
          dst: row.reply.src!,
          dport: row.reply.sport,
          ct: {
            ...first.ct,
            status: (row.isForwarded ? IPS.DST_NAT : 0) | IPS.DST_NAT_DONE,
            reply: { src: row.reply.src, dst: row.original.src, sport: row.reply.sport, dport: row.original.sport },
          },
        };
    if (paths.isHere(to)) return this.#stop('input', { ...arrived, out: null }) ?? { kind: isOther ? 'gateway' : 'through' };
    const passed = this.#forwarded(view.wayOf(arrival.sender, hook, first, to, known), hook, first, arrived);
    if ('kind' in passed) return passed;
    // Without a port forward the packet goes to the address itself, where another service may be.
    if (isOther) return { kind: 'diverted' };
    if (!isTracked) return row.isTranslated || row.isForwarded ? UNTRANSLATED : { kind: 'through' };
    return this.#sourceOf(passed.leaving, passed.out, {
      address: row.replyDst,
      port: row.reply.dport,
      isOwn: !row.isTranslated,
      before: row.original.sport,
    });
  }

  /** In the other direction: the packet is addressed as the other side knows it, for a translated flow to an address of the gateway. */
  #server(beginning: Beginning): Passage {
    const { view, paths, asked, routes, deviceOf } = this.#options;
    const { row, known } = beginning;
    const isHere = paths.isHere(row.replySrc);
    const hook = isHere ? ('output' as const) : ('prerouting' as const);
    const link = isHere ? undefined : view.linkOf(row.replySrc);
    // The other side answers to the WAN that has the address, whatever way leads there now.
    const device = isHere
      ? null
      : ((known !== undefined && row.isTranslated ? deviceOf(known) : undefined) ?? (link === undefined ? undefined : routes.nameOf(link)));
    const sender = isHere ? paths.gateway(row.replySrc) : link === undefined ? undefined : paths.client(row.replySrc, link);
    const first = this.#inState({
      ...beginning.first,
      in: device,
      out: undefined,
      src: row.reply.src!,
      dst: row.reply.dst!,
      sport: row.reply.sport,
      dport: row.reply.dport,
      ct: {
        ...beginning.first.ct,
        original: row.reply,
        reply: { src: row.reply.dst, dst: row.reply.src, sport: row.reply.dport, dport: row.reply.sport },
      },
    });
    const before = hook === 'prerouting' ? this.#stop('prerouting', first) : undefined;
    if (before) return before;
    const isTracked = first.ct.state === 'new';
    const target = isTracked ? asked.destination(hook, first) : NO_TARGET;
    if (!target.isKnown) return unknown(target.why);
    if (target.value.kind !== 'none') return { kind: 'diverted' };
    if (paths.isHere(row.replyDst))
      return this.#stop('input', { ...first, out: null }) ?? { kind: row.isTranslated ? 'gateway' : 'through' };
    const passed = this.#forwarded(view.wayOf(sender, hook, first, row.replyDst, known), hook, first, first);
    if ('kind' in passed) return passed;
    if (row.isTranslated) return { kind: 'diverted' };
    if (!isTracked) return row.isForwarded ? UNTRANSLATED : { kind: 'through' };
    return this.#sourceOf(passed.leaving, passed.out, {
      address: row.dst,
      port: row.original.dport,
      isOwn: !row.isForwarded,
      before: row.reply.sport,
    });
  }

  /** A strict gateway does not accept TCP in mid-stream. */
  #inState(packet: Packet): Packet {
    const isMidstream = packet.proto === PROTOCOLS.tcp && packet.tcpFlags === TCP_FLAGS.ACK;
    return isMidstream && this.#options.isLoose === false ? { ...packet, ct: { ...packet.ct, state: 'invalid' } } : packet;
  }

  /** Through the forward or output chains, up to source translation. */
  #forwarded(way: Way, hook: 'prerouting' | 'output', first: Packet, arrived: Packet): Passage | { out: string; leaving: Packet } {
    if (way.kind !== 'wan' && way.kind !== 'elsewhere') {
      return way.kind === 'nowhere'
        ? { kind: 'refused', rule: 'the routes: none matches' }
        : unknown('several ways lead there, or its route cannot be looked up');
    }
    const { mark, ctMark } = this.#options.view.marksOf(hook, first);
    const { out } = way;
    const routed: Packet = { ...arrived, out, mark, ct: { ...arrived.ct, mark: ctMark } };
    const stop = this.#stop(hook === 'output' ? 'output' : 'forward', routed) ?? this.#stop('postrouting', routed);
    return stop ?? { out, leaving: routed };
  }

  #stop(hook: Hook, packet: Packet): Passage | undefined {
    return toPassage(this.#options.asked.verdict(hook, packet));
  }

  /** Whether a packet leaves with the address and port that the other side knows. */
  #sourceOf(leaving: Packet, out: string, wanted: Wanted): Passage {
    const answer = this.#options.asked.source(leaving);
    if (!answer.isKnown) return unknown(answer.why);
    const nat = answer.value;
    const isAddress = this.#hasAddress(nat, out, wanted);
    if (!isAddress) return { kind: 'altered' };
    if (wanted.port === undefined) return { kind: 'through' };
    if (nat.kind !== 'none' && nat.isRandom && !(nat.ports && nat.ports.from === nat.ports.to)) return { kind: 'altered' };
    if (nat.kind === 'none' || !nat.ports) {
      // The port it prefers was taken when it began: now it gets another one, or that.
      return wanted.port === wanted.before ? { kind: 'through' } : { kind: 'altered' };
    }
    if (nat.ports.from === nat.ports.to) return nat.ports.from === wanted.port ? { kind: 'through' } : { kind: 'altered' };
    return unknown(`${nat.rule}: which port of the range it gets is not known`);
  }

  #hasAddress(nat: SourceNat, out: string, { address, isOwn }: Wanted): boolean {
    const { paths, routes } = this.#options;
    switch (nat.kind) {
      case 'none':
        return isOwn;
      case 'masquerade':
        return routes.addressesOf(out).some((one) => Buffer.compare(one, paths.bytesOf(address)) === 0);
      case 'to':
        return nat.addresses ? isWithin(paths.bytesOf(address), nat.addresses) : isOwn;
    }
  }
}

/** The address and port by which the other side knows the flow; `isOwn`: they are the sender's own, `before`: the port it sends from. */
interface Wanted {
  address: Row['src'];
  port: number | undefined;
  isOwn: boolean;
  before: number | undefined;
}

const NO_TARGET: Answer<{ kind: 'none' }> = { isKnown: true, value: { kind: 'none' } };
const UNREADABLE: Passage = { kind: 'unknown', why: 'nf_conntrack_tcp_loose cannot be read' };
const UNTRANSLATED: Passage = { kind: 'dropped', rule: 'the far side: nf_conntrack_tcp_loose is 0, so that it arrives untranslated' };

function toPassage(answer: Answer<Verdict>): Passage | undefined {
  if (!answer.isKnown) return unknown(answer.why);
  const verdict = answer.value;
  switch (verdict.kind) {
    case 'accepted':
      return undefined;
    case 'dropped':
      return { kind: 'dropped', rule: verdict.rule };
    case 'rejected':
      return { kind: verdict.with === 'reset' ? 'reset' : 'refused', rule: verdict.rule };
  }
}

function unknown(why: string): Passage {
  return { kind: 'unknown', why };
}

function isWithin(address: Uint8Array, { from, to }: Range<Uint8Array>): boolean {
  return address.length === from.length && Buffer.compare(address, from) >= 0 && Buffer.compare(address, to) <= 0;
}
