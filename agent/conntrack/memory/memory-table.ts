import { FleetError } from '../../../proto/model/error-codes.ts';
import { evaluateFilter } from '../../../proto/model/filter/evaluate.ts';
import { forEachTerm, type FlowFilter } from '../../../proto/model/filter/filter.ts';
import type { Counters, Flow, FlowKey } from '../../../proto/model/flow.ts';
import { sortValue } from '../../../proto/model/sort.ts';
import { IPS } from '../../../proto/model/status.ts';
import { isSameEntry } from '../identity.ts';
import { labelTexts } from '../proc/labels.ts';
import { restoredEntry, restoreOrder } from '../wire/restored-entry.ts';
import type {
  Breakdown,
  CollectOptions,
  ConntrackTable,
  DeleteOutcome,
  Expectation,
  ExpireOutcome,
  FlowContext,
  FoundFlow,
  FlowIdentity,
  NewExpectation,
  RestoreOutcome,
  SearchAnswer,
  SearchOptions,
  TableCounters,
} from '../table.ts';
import { BreakdownTally, FacetTally, type FlowFacts } from '../query/tally.ts';
import type { Prospect } from '../prospect.ts';
import { idleFrom, possibleTimeouts, toIdle } from '../idle/idle.ts';
import { DEFAULT_TIMEOUTS, fullTimeouts, type TimeoutFacts } from '../proc/timeouts.ts';
import { TopRows } from '../query/top-rows.ts';
import { assertTellable, WanNames } from '../rows/wan-names.ts';
import { invert, type NewEntry } from '../wire/requests.ts';
import { ExpectedFlows } from './expected-flows.ts';
import { idOf, placeOf } from './place.ts';

const COLLECT_BATCH = 500;

/** Makes flows come and go in a table that no packet reaches; called before each query. */
export interface Traffic {
  advance(table: MemoryTable, nowMs: number): void;
}

interface Held {
  flow: Flow;
  full: number | undefined;
  expiresAtMs: number | undefined;
  /** Bytes at the last reading from which a rate was computed. */
  look: { bytes: bigint; atMs: number };
}

/** Minimum time between two readings for rates. */
const LOOK_MS = 1_000;

/** A conntrack table in memory, for simulated gateways: flows age and end as the kernel's do, on the injected clock. */
export class MemoryTable implements ConntrackTable {
  readonly kind = 'memory';
  readonly #now: () => number;
  readonly #max: number;
  readonly #traffic: Traffic | undefined;
  readonly #held = new Map<string, Held>();
  readonly #expected: ExpectedFlows;
  #lastId = 0;
  #inserted = 0;
  #dropped = 0;

  constructor({ now, max = 262_144, traffic }: { now: () => number; max?: number; traffic?: Traffic }) {
    this.#now = now;
    this.#max = max;
    this.#traffic = traffic;
    this.#expected = new ExpectedFlows(now, (key) => this.#held.get(placeOf(key))?.flow.id);
  }

  /** Begins a flow; undefined if its tuple is in use, or the table is full (which counts as a drop, as in the kernel). */
  insert(entry: NewEntry): FlowKey | undefined {
    const nowMs = this.#now();
    const place = placeOf(entry);
    if (this.#held.has(place)) return undefined;
    if (this.#held.size >= this.#max) {
      this.#dropped++;
      return undefined;
    }
    this.#inserted++;
    const id = this.#nextId();
    const { labels, timeoutSeconds, ...rest } = entry;
    const flow: Flow = {
      ...rest,
      id,
      status: entry.status | IPS.CONFIRMED,
      labels: labels ? labelTexts(labels, new Map()) : [],
      startedAtMs: nowMs,
      origCounters: { packets: 0n, bytes: 0n },
      replyCounters: { packets: 0n, bytes: 0n },
    };
    const [full] = fullTimeouts(timeoutFacts(flow), DEFAULT_TIMEOUTS);
    this.#held.set(place, {
      flow,
      full,
      expiresAtMs: timeoutSeconds === undefined ? undefined : nowMs + timeoutSeconds * 1000,
      look: { bytes: 0n, atMs: nowMs },
    });
    return flow;
  }

  /** Adds an expectation; undefined if its master is missing. */
  expect(expectation: NewExpectation): FlowKey | undefined {
    return this.#expected.add(expectation, () => this.#nextId());
  }

  /** Counts packets of a flow and restarts its timeout. False if the flow is gone. */
  carry(key: FlowKey, orig: Counters, reply: Counters): boolean {
    const held = this.#held.get(placeOf(key));
    if (held?.flow.id !== key.id) return false;
    held.flow.origCounters = add(held.flow.origCounters, orig);
    held.flow.replyCounters = add(held.flow.replyCounters, reply);
    if (held.full !== undefined) held.expiresAtMs = this.#now() + held.full * 1000;
    return true;
  }

  get size(): number {
    return this.#held.size;
  }

  async capabilities(): Promise<{ can: string[]; cannot: Record<string, string> }> {
    return {
      can: ['counters', 'list', 'delete', 'expectations', 'accounting', 'timestamps'],
      cannot: { 'set-max': 'This gateway is simulated; its table has no settings.', stale: 'This gateway is simulated; it has no routes.' },
    };
  }

  async counters(): Promise<TableCounters> {
    this.#advance();
    return {
      count: this.#held.size,
      max: this.#max,
      buckets: this.#max,
      cpus: [{ cpu: 0, insert: this.#inserted, drop: this.#dropped, insertFailed: 0, earlyDrop: 0 }],
    };
  }

  async count(): Promise<number> {
    this.#advance();
    return this.#held.size;
  }

  async breakdown(context: FlowContext): Promise<Breakdown> {
    const tally = new BreakdownTally<string>();
    const nowMs = this.#now();
    for (const flow of this.#flows(context)) tally.add(factsOf(flow), flow.orig.src);
    return tally.breakdown(nowMs, (source) => source);
  }

  async search({
    filter,
    context,
    sort = { field: 'id', descending: false },
    limit,
    after,
    withFacets,
    signal,
  }: SearchOptions): Promise<SearchAnswer> {
    if (signal?.aborted) throw new FleetError('CANCELLED', 'This walk of the table was cancelled.');
    assertSupported(filter, context);
    const nowMs = this.#now();
    const top = new TopRows<Flow>({ limit, descending: sort.descending, after });
    const facets = withFacets ? new FacetTally() : undefined;
    let total = 0;
    let tableCount = 0;
    for (const flow of this.#flows(context)) {
      tableCount++;
      if (!evaluateFilter(filter, flow, nowMs)) continue;
      total++;
      facets?.add(factsOf(flow));
      top.offer({ value: sortValue(flow, sort.field), id: flow.id }, () => flow);
    }
    return {
      rows: top.rows().map((flow) => protect(flow, context, nowMs)),
      total,
      tableCount,
      snapshotAtMs: nowMs,
      facets: facets?.facets() ?? [],
      explain: ['read from memory'],
    };
  }

  async *collect({ filter, context, signal, withProspects }: CollectOptions): AsyncGenerator<FoundFlow[], void, void> {
    assertSupported(filter, context);
    const nowMs = this.#now();
    let batch: FoundFlow[] = [];
    for (const flow of Array.from(this.#flows(context))) {
      if (signal?.aborted) return;
      if (!evaluateFilter(filter, flow, nowMs)) continue;
      batch.push({ ...protect(flow, context, nowMs), ...(withProspects && { prospect: UNHINDERED }) });
      if (batch.length < COLLECT_BATCH) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0 && !signal?.aborted) yield batch;
  }

  async delete(keys: FlowIdentity[]): Promise<DeleteOutcome[]> {
    this.#advance();
    return keys.map((key) => {
      const place = placeOf(key);
      const flow = this.#held.get(place)?.flow;
      const isTheSame = flow?.id === key.id && (key.startedAtMs === undefined || flow.startedAtMs === key.startedAtMs);
      return isTheSame && this.#held.delete(place) ? 'deleted' : 'gone';
    });
  }

  async areThere(flows: FlowIdentity[]): Promise<boolean[]> {
    this.#advance();
    return flows.map((flow) => {
      const held = this.#held.get(placeOf(flow))?.flow;
      return held !== undefined && isSameEntry(held, flow);
    });
  }

  async expire(keys: FlowKey[], seconds: number): Promise<ExpireOutcome[]> {
    this.#advance();
    return keys.map((key) => {
      const place = placeOf(key);
      const held = this.#held.get(place);
      if (held?.flow.id !== key.id) return 'gone';
      if (held.flow.status & IPS.FIXED_TIMEOUT) return held.expiresAtMs! <= this.#now() + seconds * 1000 ? 'expiring' : 'failed';
      this.#held.set(place, {
        ...held,
        flow: { ...held.flow, status: held.flow.status | IPS.FIXED_TIMEOUT },
        full: undefined,
        expiresAtMs: this.#now() + seconds * 1000,
      });
      return 'expiring';
    });
  }

  async restore(flows: Flow[]): Promise<RestoreOutcome[]> {
    this.#advance();
    const outcomes: RestoreOutcome[] = [];
    for (const index of restoreOrder(flows)) {
      const entry = restoredEntry(flows[index]!, new Map());
      const master = entry?.master && this.#held.get(placeOf(entry.master))?.flow;
      if (!entry || (entry.master && !master)) outcomes[index] = 'failed';
      else if (this.#held.has(placeOf(entry))) outcomes[index] = 'exists';
      else
        outcomes[index] = this.insert({ ...entry, ...(entry.master && master && { master: { ...entry.master, id: master.id } }) })
          ? 'restored'
          : 'failed';
    }
    return outcomes;
  }

  async lookup(keys: FlowKey[], context: FlowContext): Promise<(Flow | undefined)[]> {
    this.#advance();
    const nowMs = this.#now();
    const wans = new WanNames(context.wans);
    return keys.map((key) => {
      const held = this.#held.get(placeOf(key));
      return held && protect(present(held, nowMs, wans), context, nowMs);
    });
  }

  async expectations(master?: FlowKey): Promise<Expectation[]> {
    this.#advance();
    return this.#expected.list(master);
  }

  async deleteExpectations(keys: FlowKey[]): Promise<DeleteOutcome[]> {
    this.#advance();
    return this.#expected.delete(keys);
  }

  async close(): Promise<void> {
    this.#held.clear();
  }

  #nextId(): number {
    return idOf(++this.#lastId);
  }

  *#flows(context: FlowContext): Generator<Flow> {
    this.#advance();
    const nowMs = this.#now();
    const wans = new WanNames(context.wans);
    for (const held of this.#held.values()) yield present(held, nowMs, wans);
  }

  #advance(): void {
    const nowMs = this.#now();
    for (const [place, held] of this.#held) {
      if (held.expiresAtMs !== undefined && held.expiresAtMs <= nowMs) this.#held.delete(place);
      else lookAt(held, nowMs);
    }
    this.#traffic?.advance(this, nowMs);
  }
}

/** A table in memory has no rules that could block a packet. */
export const UNHINDERED: Prospect = { client: { kind: 'through' }, server: { kind: 'through' } };

function lookAt(held: Held, nowMs: number): void {
  const { origCounters, replyCounters } = held.flow;
  if (!origCounters || !replyCounters || nowMs - held.look.atMs < LOOK_MS) return;
  const bytes = origCounters.bytes + replyCounters.bytes;
  held.flow.rateBitsPerSecond = (Number(bytes - held.look.bytes) * 8000) / (nowMs - held.look.atMs);
  held.look = { bytes, atMs: nowMs };
}

/** The flow as of now; the held one is not changed. */
function present({ flow, expiresAtMs }: Held, nowMs: number, wans: WanNames): Flow {
  const remaining = expiresAtMs === undefined ? undefined : Math.floor((expiresAtMs - nowMs) / 1000);
  const hadNoPacket = flow.origCounters?.packets === 0n && flow.replyCounters?.packets === 0n;
  const possible = possibleTimeouts({ ...timeoutFacts(flow), helper: flow.helper, hadNoPacket }, ALWAYS);
  const idle = idleFrom(possible, { remaining, startedAtMs: flow.startedAtMs, atMs: nowMs }, { atLeast: 0, atMost: Infinity });
  return { ...flow, timeoutSeconds: remaining, ...toIdle(idle), wan: wans.of(flow) };
}

/** Nothing else sets a timeout in a table in memory. */
export const ALWAYS = [{ timeouts: DEFAULT_TIMEOUTS, fromMs: -Infinity, untilMs: Infinity }];

function timeoutFacts({ proto, state, status }: Flow): TimeoutFacts {
  return { proto, state, status, tcpFlags: 0 };
}

function protect(flow: Flow, { protections }: FlowContext, nowMs: number): Flow {
  return { ...flow, protectedBy: protections.find(({ filter }) => evaluateFilter(filter, flow, nowMs))?.reason };
}

/** Refuses unsupported terms even if no flow would have been compared with them. */
function assertSupported(filter: FlowFilter, { protections, wans }: FlowContext): void {
  const [src, dst] = ['0.0.0.0', '0.0.0.0'];
  const probe: Flow = {
    family: 4,
    proto: 6,
    orig: { src, dst },
    reply: invert(6, { src, dst }),
    zone: 0,
    id: 0,
    status: 0,
    mark: 0,
    labels: [],
  };
  for (const one of [filter, ...protections.map((protection) => protection.filter)]) {
    assertTellable(one, new WanNames(wans));
    forEachTerm(one, (term) => evaluateFilter(term, probe, 0));
  }
}

function factsOf(flow: Flow): FlowFacts {
  return {
    proto: flow.proto,
    state: flow.state,
    status: flow.status,
    wan: flow.wan,
    dport: flow.orig.dport,
    source: flow.status & IPS.SRC_NAT ? flow.reply.dst : undefined,
    target: flow.status & IPS.DST_NAT ? flow.reply.src : undefined,
  };
}

function add(a: Counters | undefined, b: Counters): Counters {
  return { packets: (a?.packets ?? 0n) + b.packets, bytes: (a?.bytes ?? 0n) + b.bytes };
}
