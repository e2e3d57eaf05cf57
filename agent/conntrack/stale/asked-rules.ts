import type { Answer, Hook, Packet } from '../../firewall/rules/packet.ts';
import type { DestinationNat, Field, Marks, Reads, Rules, SourceNat, Verdict } from '../../firewall/rules/rules.ts';
import { networkU32 } from '../../netlink/attributes.ts';
import type { Routes } from './routes.ts';
import { Partition, portPieces } from './partition.ts';

/**
 * An evaluation takes up to half a millisecond; anything beyond this limit in one query is unknown until the next, which starts with the
 * answers of this one.
 */
const MAX_EVALUATIONS = 5_000;
const MAX_ANSWERS = 100_000;
const TOO_MANY: Answer<never> = { isKnown: false, why: `the rules distinguish more than ${MAX_EVALUATIONS} kinds of packet` };
/** The hooks whose chains decide about routes and translation. */
export const HOOKS = ['prerouting', 'output', 'postrouting'] as const;
const UNREAD: Answer<never> = { isKnown: false, why: 'the rules could not be read' };

/**
 * A gateway's rules, evaluated once for each kind of packet: packets that a hook does not distinguish are of one kind. Valid for many
 * queries, as long as the rules do not change.
 */
export class AskedRules {
  readonly #rules: Rules | undefined;
  readonly #kinds = new Map<Hook, KindsOfHook>();
  /** By type of query, then by kind of packet. */
  readonly #answers = new Map<string, Map<number, Answer<unknown>>>();
  #count = 0;
  #evaluations = 0;
  #routes: Partition | undefined;

  /** @param rules undefined if they could not be read: then nothing about them is known */
  constructor(rules: Rules | undefined) {
    this.#rules = rules;
  }

  /** Starts a query. Forgets answers that depend on routes, since those may have changed. */
  begin(routes: Pick<Routes, 'destinations'>): this {
    this.#evaluations = 0;
    this.#routes = routes.destinations;
    const hangOnRoutes = HOOKS.some((hook) => this.reads(hook)?.fields.has('routes'));
    if (hangOnRoutes || this.#count > MAX_ANSWERS) {
      this.#answers.clear();
      this.#kinds.clear();
      this.#count = 0;
    }
    return this;
  }

  /** Bits of the packet's mark after the chains of a hook, and the entry's mark if the flow begins. Incoming packets have no mark. */
  marks(hook: 'prerouting' | 'output', packet: Packet, bits: number): Answer<Marks> {
    // Marks that no rule reads pass unchanged: those of a new flow are 0, hence a query of their own.
    return this.#ask(hook, `${hook} marks ${bits} ${packet.ct.state === 'new'}`, packet, (rules) => rules.marks(hook, packet, bits));
  }

  destination(hook: 'prerouting' | 'output', packet: Packet): Answer<DestinationNat> {
    return this.#ask(hook, `${hook} destination`, packet, (rules) => rules.destination(hook, packet));
  }

  source(packet: Packet): Answer<SourceNat> {
    return this.#ask('postrouting', 'source', packet, (rules) => rules.source(packet));
  }

  /** What the filter chains of a hook do with a packet. */
  verdict(hook: Hook, packet: Packet): Answer<Verdict> {
    return this.#ask(hook, `${hook} verdict`, packet, (rules) => rules.verdict(hook, packet));
  }

  /** What a hook reads; undefined if the rules could not be read. */
  reads(hook: Hook): Reads | undefined {
    return this.#rules && this.#kindsOf(this.#rules, hook).reads;
  }

  #ask<T>(hook: Hook, what: string, packet: Packet, evaluate: (rules: Rules) => Answer<T>): Answer<T> {
    if (!this.#rules) return UNREAD;
    const kind = this.#kindsOf(this.#rules, hook).of(packet);
    let answers = this.#answers.get(what);
    if (!answers) this.#answers.set(what, (answers = new Map()));
    let answer = answers.get(kind);
    if (!answer) {
      if (++this.#evaluations > MAX_EVALUATIONS) return TOO_MANY;
      this.#count++;
      answers.set(kind, (answer = evaluate(this.#rules)));
    }
    return answer as Answer<T>;
  }

  #kindsOf(rules: Rules, hook: Hook): KindsOfHook {
    let kinds = this.#kinds.get(hook);
    if (!kinds) this.#kinds.set(hook, (kinds = new KindsOfHook(rules.reads(hook), this.#routes)));
    return kinds;
  }
}

/** Classifies packets as finely as the rules of one hook do. */
class KindsOfHook {
  readonly reads: Reads;
  readonly #parts: ((packet: Packet) => string | number)[];
  /** Several queries in a row are about one packet. */
  #last: { packet: Packet; kind: number } | undefined;
  readonly #numbers = new Map<string, number>();

  /** @param routes partition of addresses for rules that consult routes; undefined: every address by itself */
  constructor(reads: Reads, routes: Partition | undefined) {
    this.reads = reads;
    const {
      destinations: { areWhole },
    } = reads;
    const [sources, destinations] = [new Partition(reads.sources.prefixes), new Partition(reads.destinations.prefixes)];
    const [sport, dport] = [portPieces(reads.sports), portPieces(reads.dports)];
    const parts: Partial<Record<Field, (packet: Packet) => string | number>> = {
      in: (packet) => String(packet.in),
      out: (packet) => String(packet.out),
      src: ({ src }) => (reads.sources.areWhole ? src.join('.') : pieceOf(sources, src)),
      dst: ({ dst }) => (reads.destinations.areWhole ? dst.join('.') : pieceOf(destinations, dst)),
      proto: ({ proto }) => proto,
      sport: (packet) => (packet.sport === undefined ? -1 : sport[packet.sport]!),
      dport: (packet) => (packet.dport === undefined ? -1 : dport[packet.dport]!),
      icmp: ({ icmpType, icmpCode }) => `${icmpType}.${icmpCode}`,
      tcpFlags: ({ tcpFlags }) => String(tcpFlags),
      mark: ({ mark }) => (mark === undefined ? 'unknown' : mark & reads.mark),
      state: ({ ct }) => ct.state,
      direction: ({ ct }) => ct.direction,
      ctMark: ({ ct }) => (ct.mark === undefined ? 'unknown' : ct.mark & reads.ctMark),
      status: ({ ct }) => String(ct.status),
      // Before routing, where packets that follow existing entries are evaluated.
      translation: ({ ct }) => {
        const ends = ct.direction === 'original' ? ct.reply : ct.original;
        if (ct.state === 'new' || !ends?.src) return '';
        return `${areWhole ? ends.src.join('.') : pieceOf(destinations, ends.src)} ${ends.sport === undefined ? -1 : dport[ends.sport]}`;
      },
      routes: ({ src, dst }) => (routes ? `${pieceOf(routes, src)} ${pieceOf(routes, dst)}` : `${src.join('.')} ${dst.join('.')}`),
      original: ({ ct }) => textOf(ct.original),
      reply: ({ ct }) => textOf(ct.reply),
      helper: ({ ct }) => String(ct.helper),
      zone: ({ ct }) => String(ct.zone),
    };
    this.#parts = [({ family }) => family, ...[...reads.fields].flatMap((field) => parts[field] ?? [])];
  }

  /** The same number for packets that the hook does not distinguish. */
  of(packet: Packet): number {
    if (this.#last?.packet === packet) return this.#last.kind;
    let key = '';
    for (const part of this.#parts) key += ` ${part(packet)}`;
    let kind = this.#numbers.get(key);
    if (kind === undefined) this.#numbers.set(key, (kind = this.#numbers.size));
    this.#last = { packet, kind };
    return kind;
  }
}

function pieceOf(partition: Partition, address: Uint8Array): number {
  return address.length === 4 ? partition.of4(networkU32(address, 0)) : partition.of6(address);
}

function textOf(ends: Packet['ct']['original']): string {
  return ends ? `${ends.src?.join('.')} ${ends.dst?.join('.')} ${ends.sport} ${ends.dport}` : '';
}
