import { serialize } from 'node:v8';
import { setTimeout as delay } from 'node:timers/promises';
import type { Flow, FlowKey } from '../../../proto/model/flow.ts';
import { EVERYTHING, type FlowFilter } from '../../../proto/model/filter/filter.ts';
import { Activity } from '../idle/activity.ts';
import { Columns, type ColumnData } from '../rows/columns.ts';
import { compileFilter } from '../query/compile-filter.ts';
import type { Surroundings } from '../stale/surroundings.ts';
import { Describer } from '../query/describe.ts';
import { effectsOfRows } from '../effects/effects-of-rows.ts';
import type { EffectsAnswer, EffectsAsk } from '../effects-ask.ts';
import { findBodies, findEntry } from '../ctnetlink/exchange.ts';
import { byFamily, describeKernelFilter, featuresOf, isEmpty, pushDown, stallMs, type KernelFeature } from '../pushdown/kernel-filter.ts';
import type { KernelFilter } from '../wire/kernel-filter.ts';
import type { KernelRules } from '../stale/kernel-rules.ts';
import { openRoutes } from '../stale/routes.ts';
import { readLabelNames } from '../proc/labels.ts';
import { OpenSysctl, readBuckets, readSysctl } from '../proc/proc-files.ts';
import { prospectsOf, type Prospects } from '../stale/prospects.ts';
import { idleOfRows, rowsToWatch, type IdleSurroundings } from '../idle/idle-rows.ts';
import { CarriedBytes, MIN_MS, mentionsRate, MAX_MS } from '../rows/rates.ts';
import { rowSortValue } from '../query/sort.ts';
import { breakdownOfRows, facetsOfRows } from '../query/tally-rows.ts';
import { KeptReading } from './kept-reading.ts';
import { Snapshots, type Freshness, type Snapshot } from './snapshots.ts';
import { monotonicMs } from '../../time/monotonic.ts';
import { STALENESS } from '../stale/stale.ts';
import { judgeRows, mentions, type Judgement } from '../stale/stale-rows.ts';
import type { Breakdown, CollectOptions, FlowContext, SearchAnswer, SearchOptions } from '../table.ts';
import type { TimeoutFacts } from '../idle/kernel-timeouts.ts';
import { TopRows } from '../query/top-rows.ts';
import { WanNames } from '../rows/wan-names.ts';
import { walkInto } from '../ctnetlink/dump.ts';
import { RowReader } from '../rows/read-entry.ts';
import { Block } from '../rows/block.ts';

/** Flows of one batch of a collection; to describe them takes about 2 ms, and is done on the main thread. */
const COLLECT_BATCH = 1000;

/** Which flows, seen from where. */
export interface Matching {
  filter: FlowFilter;
  context: FlowContext;
}
export type Collecting = Matching & Pick<CollectOptions, 'withProspects'>;
export type Fresh<Ask> = Ask & { freshness: Freshness };

/** What a query is answered from, and how that was come by. */
interface Reading {
  columns: Columns;
  atMs: number;
  /** On the monotonic clock, in milliseconds. */ beganAt: number;
  tableCount: number;
  explain: string[];
  snapshot?: Snapshot;
}

const NOT_STALE = STALENESS.indexOf('no');
const NOTHING: Partial<Judgement> = { wan: undefined, stale: undefined, nextWan: undefined };

/** A snapshot that is asked several things in a row is judged once; what routes and rules say of it is no older than this. */
const MAX_JUDGED_MS = 500;

/** A filtered dump must not hold a CPU for longer than this. */
const MAX_STALL_MS = 5;

/** The queries about the kernel's table, answered from snapshots. They block their thread, so they run in the worker. */
export class KernelQueries {
  readonly #now: () => number;
  readonly #timeouts: () => TimeoutFacts;
  readonly #snapshots: Snapshots;
  readonly #kept = new KeptReading<Reading>();
  readonly #activity = new Activity();
  readonly #count = new OpenSysctl('nf_conntrack_count');
  readonly #features: () => ReadonlySet<KernelFeature>;
  readonly #rules: Pick<KernelRules, 'current' | 'whole'>;
  /** What the newest judgement was made from, and when. */
  #judged = { text: '', at: -Infinity };

  /**
   * @param features what the kernel was seen to filter by itself so far
   * @param rules the gateway's own, as they are now
   */
  constructor({
    now,
    timeouts,
    features,
    rules,
  }: {
    now: () => number;
    timeouts: () => TimeoutFacts;
    features: () => ReadonlySet<KernelFeature>;
    rules: Pick<KernelRules, 'current' | 'whole'>;
  }) {
    this.#now = now;
    this.#timeouts = timeouts;
    this.#features = features;
    this.#rules = rules;
    this.#snapshots = new Snapshots({ now });
  }

  /**
   * Sees to it that a query about rates finds a snapshot that has them: from a look of before, or else from one now and another a second
   * later.
   */
  async prepareRates({ filter, context, freshness }: Fresh<Matching>, checkpoint: () => void): Promise<void> {
    const filters = [filter, ...context.protections.map((protection) => protection.filter)];
    if (!filters.some(mentionsRate) || this.#snapshots.fresh(freshness)?.columns.rare.rate) return;
    let before = this.#snapshots.latest;
    const ageMs = before ? monotonicMs() - before.beganAt : Infinity;
    if (!before || ageMs > MAX_MS) before = this.#take(checkpoint);
    const carried = new CarriedBytes(before.columns, before.beganAt);
    const waitMs = before.beganAt + MIN_MS - monotonicMs();
    if (waitMs > 0) await delay(waitMs);
    checkpoint();
    const now = this.#take(checkpoint);
    carried.fillRates(now.columns, now.beganAt);
  }

  /** `checkpoint` is called after each block of a walk and may throw to end it. */
  search(
    {
      filter,
      context,
      sort = { field: 'id', descending: false },
      limit,
      after,
      withFacets,
      freshness,
    }: Fresh<Omit<SearchOptions, 'signal' | 'maxAgeMs'>>,
    checkpoint: () => void,
  ): SearchAnswer {
    const { columns, atMs, tableCount, explain } = this.#read({ filter, context, freshness }, checkpoint);
    const surroundings = this.#surroundings(context.wans, atMs);
    const showsWans = withFacets === true || limit > 0 || sort.field === 'wan';
    this.#judge(columns, surroundings, { filter, context }, showsWans);
    const rows = matchingRows(filter, columns, surroundings);
    const top = new TopRows<number>({ limit, descending: sort.descending, after });
    if (limit > 0) {
      const valueOf = rowSortValue(sort.field, columns, surroundings);
      for (const row of rows) top.offer({ value: valueOf(row), id: columns.common.id[row]! }, () => row);
    }
    const describer = new Describer(columns, surroundings, context.protections, findEntry);
    return {
      rows: top.rows().map((row) => describer.flow(row)),
      total: rows.length,
      tableCount,
      snapshotAtMs: atMs,
      explain,
      facets: withFacets ? facetsOfRows(rows, columns, surroundings) : [],
    };
  }

  breakdown({ context, freshness }: Fresh<{ context: FlowContext }>, checkpoint: () => void): Breakdown {
    const { columns, atMs } = this.#snapshot(freshness, checkpoint);
    const surroundings = this.#surroundings(context.wans, atMs);
    this.#judge(columns, surroundings, { filter: EVERYTHING, context }, true);
    const { stale } = columns.rare;
    return breakdownOfRows(columns, surroundings, stale && ((row) => stale[row]! > NOT_STALE));
  }

  effects({ context, freshness, ...ask }: Fresh<EffectsAsk & { context: FlowContext }>, checkpoint: () => void): EffectsAnswer {
    const { columns, atMs } = this.#snapshot(freshness, checkpoint);
    const surroundings = this.#surroundings(context.wans, atMs);
    this.#judge(columns, surroundings, { filter: EVERYTHING, context }, true);
    const { effects, stopped, untold } = effectsOfRows(columns, surroundings, ask, checkpoint);
    const describer = new Describer(columns, surroundings, context.protections, findEntry);
    const shown = stopped.slice(0, ask.maxFlows);
    return {
      effects,
      stopped: shown.map((row) => describer.flow(row)),
      stoppedLeft: stopped.length - shown.length,
      tableCount: columns.count,
      snapshotAtMs: atMs,
      untold,
    };
  }

  /**
   * All matches in batches of columns; between batches the caller may wait as long as it wants. Their rates are known where the table was
   * looked at lately, as it is for each sample: nobody waits for a second look.
   */
  *collect(ask: Fresh<Collecting>, checkpoint: () => void): Generator<ColumnData, void, void> {
    const before = this.#lookBefore();
    const { columns, atMs, beganAt, snapshot } = this.#read(ask, checkpoint, 'once');
    if (before && !columns.rare.rate) before.fillRates(columns, beganAt);
    const surroundings = this.#surroundings(ask.context.wans, atMs);
    // A plan tells what will come of its flows, and that depends on it.
    this.#judge(columns, surroundings, ask, true);
    const rows = matchingRows(ask.filter, columns, surroundings);
    if (snapshot) snapshot.readers++;
    try {
      yield* batchesOf(
        columns,
        rows,
        surroundings,
        ask.withProspects ? this.#prospects(columns, rows, surroundings, ask.context) : undefined,
      );
    } finally {
      if (snapshot) snapshot.readers--;
    }
  }

  lookup(keys: readonly FlowKey[], context: FlowContext): (Flow | undefined)[] {
    const bodies = findBodies(keys);
    const columns = new Columns(keys.length);
    const reader = new RowReader(columns);
    for (const body of bodies) if (body) reader.append(new Block(body), 0, body.length);
    const surroundings = this.#surroundings(context.wans, this.#now());
    this.#judge(columns, surroundings, { filter: EVERYTHING, context });
    const describer = new Describer(columns, surroundings, context.protections, findEntry);
    let row = 0;
    return bodies.map((body) => body && describer.flow(row++));
  }

  /** The table was changed by this agent. */
  changed(): void {
    this.#snapshots.changed();
    this.#kept.forget();
  }

  close(): void {
    this.#snapshots.close();
    this.#kept.forget();
    this.#count.close();
  }

  /**
   * What flows had carried at the last look, if a look at this moment can be compared with it. Made before that look, which may take the
   * memory over.
   */
  #lookBefore(): CarriedBytes | undefined {
    const { latest } = this.#snapshots;
    const ageMs = latest ? monotonicMs() - latest.beganAt : Infinity;
    return latest?.columns.rare.origBytes && ageMs >= MIN_MS && ageMs <= MAX_MS
      ? new CarriedBytes(latest.columns, latest.beganAt)
      : undefined;
  }

  #snapshot(freshness: Freshness, checkpoint: () => void): Snapshot {
    return this.#snapshots.fresh(freshness) ?? this.#take(checkpoint);
  }

  /**
   * Walks the whole table. Where not all timeouts are the gateway's own, what flows have carried is noted too, so that the next look knows
   * who spoke since.
   */
  #take(checkpoint: () => void): Snapshot {
    const snapshot = this.#snapshots.take(checkpoint, this.#count.read());
    const { sources, isSynced } = this.#timeouts();
    if (sources.length === 1) this.#activity.forget();
    else
      this.#activity.note(snapshot.columns, rowsToWatch(snapshot.columns, { nowMs: snapshot.atMs, sources, isSynced }), {
        beganAtMs: snapshot.atMs,
        endedAtMs: this.#now(),
      });
    return snapshot;
  }

  /**
   * A snapshot that is fresh enough; else what the kernel lets through its own filter, where that is right and safe; else a new snapshot.
   */
  #read({ filter, context, freshness }: Fresh<Matching>, checkpoint: () => void, use: 'once' | 'again' = 'again'): Reading {
    this.#refuseUnsupported(filter, context);
    const fresh = this.#snapshots.fresh(freshness);
    if (fresh) {
      const ageMs = Math.max(0, Math.round(monotonicMs() - fresh.beganAt));
      return { ...fresh, snapshot: fresh, tableCount: fresh.columns.count, explain: [`answered from a snapshot of ${ageMs} ms ago`] };
    }
    const { kernel } = pushDown(filter);
    const text = serialize(kernel).toString('latin1');
    const kept = this.#kept.fresh(text, freshness);
    if (kept)
      return { ...kept, explain: [`answered from a reading of ${Math.round(monotonicMs() - kept.beganAt)} ms ago`, ...kept.explain] };
    const why = this.#whyNotKernel(filter, kernel, context, use);
    if (why === undefined) {
      const columns = new Columns(1024);
      const atMs = this.#now();
      const beganAt = monotonicMs();
      for (const _ of walkInto(columns, kernel)) checkpoint();
      const explain = [`the kernel filtered by ${describeKernelFilter(kernel)}`, 'the rest was compared here'];
      const reading = { columns, atMs, beganAt, tableCount: this.#count.read() ?? columns.count, explain };
      if (use === 'again') this.#kept.keep(text, reading);
      return reading;
    }
    const snapshot = this.#take(checkpoint);
    return { ...snapshot, snapshot, tableCount: snapshot.columns.count, explain: ['the whole table was read', why] };
  }

  /** Why the kernel is not asked to filter; undefined if it is. */
  #whyNotKernel(filter: FlowFilter, kernel: KernelFilter, context: FlowContext, use: 'once' | 'again'): string | undefined {
    const needed = featuresOf(kernel);
    if (isEmpty(kernel) || byFamily(kernel).length > 1) return 'the kernel cannot compare this filter in one walk';
    const missing = needed.find((feature) => !this.#features().has(feature));
    if (missing) return `this kernel was not seen to honour a ${missing}`;
    const { latest } = this.#snapshots;
    const entries = this.#count.read() ?? 0;
    const hits = latest ? matchingRows(filter, latest.columns, this.#surroundings(context.wans, latest.atMs)).length : 0;
    // What a search finds is likely to be asked for again in another way, and a whole snapshot answers that too.
    if (use === 'again' && (needed.length === 0 || hits > entries / 2)) return 'most of the table would be read anyhow';
    const stall = stallMs({ entries, buckets: readBuckets() ?? 0, hits });
    return stall > MAX_STALL_MS ? `a filtered walk might hold a CPU for ${stall.toFixed(0)} ms` : undefined;
  }

  /** Before a walk, not after it. */
  #refuseUnsupported(filter: FlowFilter, { wans, protections }: FlowContext): void {
    const surroundings = this.#surroundings(wans, 0);
    for (const one of [filter, ...protections.map((protection) => protection.filter)]) compileFilter(one, NO_ROWS, surroundings);
  }

  /** Says of each row which WAN it belongs to and whether it is stale, if the query mentions it or the answer is to say it. */
  #judge(columns: Columns, surroundings: Surroundings, { filter, context }: Matching, isAlways = false): void {
    const asked = [filter, ...context.protections.map((protection) => protection.filter)];
    const tellsNext = asked.some((one) => mentions(one, 'next-wan'));
    if (!isAlways && !tellsNext && !asked.some((one) => mentions(one, 'stale', 'wan'))) return;
    const { wans, virtualAddresses } = context;
    const text = serialize({ wans, virtualAddresses }).toString('latin1');
    const isJudged =
      columns.rare.stale !== undefined &&
      (!tellsNext || columns.rare.nextWan !== undefined) &&
      this.#judged.text === text &&
      monotonicMs() - this.#judged.at < MAX_JUDGED_MS;
    if (isJudged) return;
    this.#judged = { text, at: monotonicMs() };
    Object.assign(columns.rare, this.#judgement(columns, surroundings, context, tellsNext));
  }

  /** Nothing where there is no WAN to judge by, or the kernel does not tell its routes: what was judged before does not stay. */
  #judgement(columns: Columns, surroundings: Surroundings, context: FlowContext, tellsNext: boolean): Partial<Judgement> {
    if (!context.wans.some((wan) => wan.interface !== undefined)) return NOTHING;
    const routes = openRoutes();
    try {
      return !routes ? NOTHING : judgeRows(columns, surroundings, { ...context, routes, asked: this.#rules.current(routes), tellsNext });
    } finally {
      routes?.close();
    }
  }

  /** Undefined where the kernel does not tell its routes, or the gateway its rules. */
  #prospects(columns: Columns, rows: Uint32Array, surroundings: Surroundings, context: FlowContext): Prospects | undefined {
    const [routes, loose] = [openRoutes(), readSysctl('nf_conntrack_tcp_loose')];
    try {
      return (
        routes &&
        prospectsOf(
          columns,
          rows,
          surroundings,
          { ...context, routes, asked: this.#rules.whole(routes) },
          { isLoose: loose === undefined ? undefined : loose !== 0 },
        )
      );
    } finally {
      routes?.close();
    }
  }

  #surroundings(wans: FlowContext['wans'], atMs: number): Surroundings {
    return surroundingsOf(wans, { nowMs: atMs, ...this.#timeouts(), activity: this.#activity });
  }
}

const NO_ROWS = new Columns(0);

/** What the gateway's own files and the query say that entries are settled against. */
export function surroundingsOf(wans: FlowContext['wans'], idle: IdleSurroundings): Surroundings {
  return { ...idle, labels: readLabelNames(), wans: new WanNames(wans) };
}

/** The rows that match, in the table's order. */
function matchingRows(filter: FlowFilter, columns: Columns, surroundings: Surroundings): Uint32Array {
  const matches = compileFilter(filter, columns, surroundings);
  const rows = new Uint32Array(columns.count);
  let count = 0;
  for (let row = 0; row < columns.count; row++) if (matches(row)) rows[count++] = row;
  return rows.subarray(0, count);
}

/** Copies of rows; with what the reader's thread could not tell. */
function* batchesOf(columns: Columns, rows: Uint32Array, surroundings: Surroundings, told?: Prospects): Generator<ColumnData, void, void> {
  const idle = idleOfRows(columns, surroundings);
  for (let at = 0; at < rows.length; at += COLLECT_BATCH) {
    const part = rows.subarray(at, at + COLLECT_BATCH);
    const [idleFrom, idleTo] = [new Float64Array(part.length), new Float64Array(part.length)];
    part.forEach((row, index) => {
      const { atLeast, atMost } = idle(row);
      [idleFrom[index], idleTo[index]] = [atLeast, atMost];
    });
    const data = columns.pick(part);
    yield {
      ...data,
      rare: { ...data.rare, idleFrom, idleTo, prospect: told?.ofRows.slice(at, at + part.length) },
      prospects: told?.prospects,
    };
  }
}
