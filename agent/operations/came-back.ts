import type { CameBack, CameBack_Missed as Missed } from '../../proto/gen/ctfleet/v1/wan_event.ts';
import { formatAddress, parseAddress, parsePrefix } from '../../proto/model/address.ts';
import { allOf, anyOf, EVERYTHING, type FlowFilter } from '../../proto/model/filter/filter.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { protocolName } from '../../proto/model/protocol.ts';
import { IPS } from '../../proto/model/status.ts';
import { FLOW_KINDS, type FlowKind, type FlowKinds } from '../../proto/model/wan-event.ts';
import { kindOf, noFlows } from '../conntrack/flow-kinds.ts';
import type { ConntrackTable, FlowContext } from '../conntrack/table.ts';

/** Most ended flows that are looked for: calls first. */
const MAX_FLOWS = 5000;
const MAX_MISSED = 20;
/** Most addresses by which the table is asked for them; of more, the networks that they are in, ever wider. */
const MAX_ADDRESSES = 200;
const WIDTHS = [
  { 4: 32, 6: 128 },
  { 4: 24, 6: 64 },
  { 4: 16, 6: 48 },
] as const;

/** Flows of one host to one service, whatever port they came from: a program that tries again may take another. */
interface Conversation {
  kind: FlowKind;
  proto: number;
  src: string;
  dst: string;
  dport?: number;
  /** How many were ended. */
  ended: number;
  /** Those entries, so that one that is still there is not taken for one that came back. */
  entries: Set<string>;
}

interface Seen {
  back: number;
  answered: number;
  byWan: Map<string, number>;
}

/**
 * Flows that were ended, and whether their hosts have flows to the same place again, with answers: looked at from the table, for whoever
 * ended them says nothing about that.
 */
export class EndedFlows {
  readonly #conversations = new Map<string, Conversation>();
  #notWatched = 0;
  #watched = 0;
  #cameBack: CameBack;

  constructor(atMs: number) {
    this.#cameBack = cameBackOf({ sinceMs: atMs, watchedAtMs: atMs, isFinal: false });
  }

  /** As last looked at. */
  get cameBack(): CameBack {
    return this.#cameBack;
  }

  add(flows: Iterable<Flow>): void {
    const byKind = Map.groupBy(flows, kindOf);
    for (const [kind, flow] of FLOW_KINDS.flatMap((one) => (byKind.get(one) ?? []).map((flow) => [one, flow] as const))) {
      const { proto, orig } = flow;
      if (this.#watched >= MAX_FLOWS) {
        this.#notWatched++;
        continue;
      }
      this.#watched++;
      const key = keyOf(flow);
      const known = this.#conversations.get(key) ?? {
        kind,
        proto,
        src: orig.src,
        dst: orig.dst,
        dport: orig.dport,
        ended: 0,
        entries: new Set(),
      };
      known.ended++;
      known.entries.add(entryOf(flow));
      this.#conversations.set(key, known);
    }
  }

  /** Looks at the table once. Throws what the table throws. */
  async look(table: ConntrackTable, context: FlowContext, at: { atMs: number; isFinal: boolean }): Promise<CameBack> {
    const seen = new Map<string, Seen>();
    for await (const batch of table.collect({ filter: this.#filter(), context })) for (const flow of batch) this.#meet(flow, seen);
    this.#cameBack = this.#sum(seen, at);
    // Nobody looks for them again; only what became of them may have to be told for long.
    if (at.isFinal) this.#conversations.clear();
    return this.#cameBack;
  }

  #filter(): FlowFilter {
    const conversations = [...this.#conversations.values()];
    const sides = (['src', 'dst'] as const).flatMap((field) => within(field, new Set(conversations.map((one) => one[field]))) ?? []);
    return sides.length > 0 ? allOf(sides) : EVERYTHING;
  }

  #meet(flow: Flow, seen: Map<string, Seen>): void {
    const key = keyOf(flow);
    const conversation = this.#conversations.get(key);
    if (!conversation || conversation.entries.has(entryOf(flow))) return;
    const found = seen.get(key) ?? { back: 0, answered: 0, byWan: new Map<string, number>() };
    seen.set(key, found);
    if (found.back >= conversation.ended) return;
    found.back++;
    if (flow.status & IPS.SEEN_REPLY) found.answered++;
    if (flow.wan !== undefined) found.byWan.set(flow.wan, (found.byWan.get(flow.wan) ?? 0) + 1);
  }

  #sum(seen: ReadonlyMap<string, Seen>, { atMs, isFinal }: { atMs: number; isFinal: boolean }): CameBack {
    const [ended, back, answered] = [noFlows(), noFlows(), noFlows()];
    const byWan: Record<string, bigint> = {};
    const missed: Missed[] = [];
    for (const [key, conversation] of this.#conversations) {
      const found = seen.get(key);
      ended[conversation.kind] += conversation.ended;
      back[conversation.kind] += found?.back ?? 0;
      answered[conversation.kind] += found?.answered ?? 0;
      for (const [wan, flows] of found?.byWan ?? []) byWan[wan] = (byWan[wan] ?? 0n) + BigInt(flows);
      if ((found?.answered ?? 0) < conversation.ended) missed.push(missedOf(conversation, (found?.back ?? 0) > (found?.answered ?? 0)));
    }
    missed.sort((a, b) => Number(b.isBack) - Number(a.isBack));
    return cameBackOf({
      sinceMs: Number(this.#cameBack.sinceMs),
      watchedAtMs: atMs,
      isFinal,
      ended,
      back,
      answered,
      byWan,
      missed: missed.slice(0, MAX_MISSED),
      notWatched: this.#notWatched,
    });
  }
}

/** The addresses, or the narrowest networks of which there are few enough; undefined if there is no such width. */
function within(field: 'src' | 'dst', addresses: ReadonlySet<string>): FlowFilter | undefined {
  for (const width of WIDTHS) {
    const prefixes = new Set([...addresses].flatMap((address) => prefixOf(address, width) ?? []));
    if (prefixes.size <= MAX_ADDRESSES)
      return anyOf([...prefixes].map((text) => ({ kind: 'term', field, match: { kind: 'prefix', prefix: parsePrefix(text)! } })));
  }
  return undefined;
}

function prefixOf(text: string, width: (typeof WIDTHS)[number]): string | undefined {
  const bytes = parseAddress(text);
  if (!bytes) return undefined;
  const bits = bytes.length === 4 ? width[4] : width[6];
  return `${formatAddress(bytes.map((byte, at) => (at < bits / 8 ? byte : 0)))}/${bits}`;
}

function missedOf({ proto, src, dst, dport }: Conversation, isBack: boolean): Missed {
  const [from, to] = [src, dst].map((address) => Buffer.from(parseAddress(address) ?? [])) as [Buffer, Buffer];
  return { proto: protocolName(proto), src: from, dst: to, dport: dport ?? 0, isBack };
}

function cameBackOf(facts: {
  sinceMs: number;
  watchedAtMs: number;
  isFinal: boolean;
  ended?: FlowKinds;
  back?: FlowKinds;
  answered?: FlowKinds;
  byWan?: Record<string, bigint>;
  missed?: Missed[];
  notWatched?: number;
}): CameBack {
  const kinds = (counts: FlowKinds = noFlows()) =>
    Object.fromEntries(FLOW_KINDS.map((kind) => [kind, BigInt(counts[kind])])) as Record<FlowKind, bigint>;
  return {
    sinceMs: BigInt(facts.sinceMs),
    watchedAtMs: BigInt(facts.watchedAtMs),
    isFinal: facts.isFinal,
    ended: kinds(facts.ended),
    back: kinds(facts.back),
    answered: kinds(facts.answered),
    byWan: facts.byWan ?? {},
    missed: facts.missed ?? [],
    notWatched: facts.notWatched ?? 0,
  };
}

function keyOf({ proto, orig: { src, dst, dport } }: Flow): string {
  return `${proto} ${src} ${dst} ${dport ?? ''}`;
}

/** A later entry may have the same id; its start then differs, where the kernel keeps it. */
function entryOf({ id, zone, orig, startedAtMs }: Flow): string {
  return `${id} ${zone} ${orig.sport ?? ''} ${startedAtMs ?? ''}`;
}
