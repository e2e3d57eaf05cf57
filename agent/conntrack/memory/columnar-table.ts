import { FleetError } from '../../../proto/model/error-codes.ts';
import type { Flow, FlowKey } from '../../../proto/model/flow.ts';
import { IPS } from '../../../proto/model/status.ts';
import { Describer } from '../query/describe.ts';
import { rowSortValue } from '../query/sort.ts';
import { breakdownOfRows, facetsOfRows } from '../query/tally-rows.ts';
import { TopRows } from '../query/top-rows.ts';
import { allRows, Columns } from '../rows/columns.ts';
import type {
  Breakdown,
  CollectOptions,
  ConntrackTable,
  DeleteOutcome,
  Expectation,
  ExpireOutcome,
  FlowContext,
  FlowIdentity,
  FoundFlow,
  NewExpectation,
  RestoreOutcome,
  SearchAnswer,
  SearchOptions,
  TableCounters,
} from '../table.ts';
import type { NewEntry } from '../wire/requests.ts';
import { restoredEntry, restoreOrder } from '../wire/restored-entry.ts';
import { without } from './breakdown-without.ts';
import { appendEntry, type EntryFacts } from './entry-rows.ts';
import { ExpectedFlows } from './expected-flows.ts';
import { UNHINDERED } from './memory-table.ts';
import { idOf, placeOf } from './place.ts';
import { RowSet } from './row-set.ts';
import { StandingFlows } from './standing-flows.ts';

const COLLECT_BATCH = 500;
const NO_COUNTERS = { packets: 0n, bytes: 0n };

/**
 * The table of one of thousands of simulated gateways: flows that it shares with others, but for those that were deleted here. Whoever has
 * flows re-created or set to expire here gets columns of its own, and their size in memory. Flows do not age; only one that was set to
 * expire ends by itself.
 */
export class ColumnarTable implements ConntrackTable {
  readonly kind = 'memory';
  readonly #now: () => number;
  readonly #max: number;
  readonly #expected: ExpectedFlows;
  #flows: StandingFlows;
  #gone: RowSet;
  #expiresAtMs = new Map<number, number>();
  #lastId: number;
  #inserted: number;

  constructor({ now, flows, max = 262_144 }: { now: () => number; flows: StandingFlows; max?: number }) {
    [this.#now, this.#flows, this.#max] = [now, flows, max];
    this.#gone = new RowSet(flows.columns.count);
    this.#lastId = this.#inserted = flows.columns.count;
    this.#expected = new ExpectedFlows(now, (key) => this.#idAt(key));
  }

  /** Begins flows with columns of this table's own. One whose tuple is in use is left out. */
  insert(entries: readonly NewEntry[]): void {
    this.#settle();
    const there = this.#rowsAt(entries);
    const fresh = new Map(entries.flatMap((entry, index) => (there[index]! < 0 ? [[placeOf(entry), entry] as const] : [])));
    if (fresh.size === 0) return;
    this.#own((columns) => {
      const startedAtMs = this.#now();
      for (const entry of fresh.values())
        appendEntry(columns, entry, { id: this.#nextId(), startedAtMs, origCounters: NO_COUNTERS, replyCounters: NO_COUNTERS });
    });
    this.#inserted += fresh.size;
  }

  /** Adds an expectation; undefined if its master is missing. */
  expect(expectation: NewExpectation): FlowKey | undefined {
    return this.#expected.add(expectation, () => this.#nextId());
  }

  async capabilities(): Promise<{ can: string[]; cannot: Record<string, string> }> {
    return {
      can: ['counters', 'list', 'delete', 'expectations', 'accounting', 'timestamps'],
      cannot: { 'set-max': 'This gateway is simulated; its table has no settings.', stale: 'This gateway is simulated; it has no routes.' },
    };
  }

  async counters(): Promise<TableCounters> {
    const count = await this.count();
    return {
      count,
      max: this.#max,
      buckets: this.#max,
      cpus: [{ cpu: 0, insert: this.#inserted, drop: 0, insertFailed: 0, earlyDrop: 0 }],
    };
  }

  async count(): Promise<number> {
    this.#settle();
    return this.#flows.columns.count - this.#gone.size;
  }

  async breakdown(context: FlowContext): Promise<Breakdown> {
    this.#settle();
    const { columns } = this.#flows;
    const nowMs = this.#now();
    const of = (some: Columns): Breakdown => breakdownOfRows(some, this.#flows.surroundings(context, nowMs));
    const all = this.#flows.once(['breakdown', context.wans], nowMs, () => of(columns), Infinity);
    if (this.#gone.size === 0) return { ...all, atMs: nowMs };
    const gone = this.#gone.all();
    return { ...without(all, of(Columns.from(columns.pick(gone))), columns, gone), atMs: nowMs };
  }

  async search({ signal, ...asked }: SearchOptions): Promise<SearchAnswer> {
    if (signal?.aborted) throw new FleetError('CANCELLED', 'This walk of the table was cancelled.');
    this.#settle();
    const nowMs = this.#now();
    const answer =
      this.#gone.size === 0 ? this.#flows.once(['search', asked], nowMs, () => this.#answer(asked, nowMs)) : this.#answer(asked, nowMs);
    return { ...answer, snapshotAtMs: nowMs };
  }

  async *collect({ filter, context, signal, withProspects }: CollectOptions): AsyncGenerator<FoundFlow[], void, void> {
    this.#settle();
    const nowMs = this.#now();
    const describer = this.#describer(context, nowMs);
    const rows = this.#gone.others(this.#flows.matching(filter, context, nowMs));
    for (let at = 0; at < rows.length; at += COLLECT_BATCH) {
      if (signal?.aborted) return;
      yield Array.from(rows.subarray(at, at + COLLECT_BATCH), (row) => ({
        ...describer.flow(row),
        ...(withProspects && { prospect: UNHINDERED }),
      }));
    }
  }

  async delete(keys: FlowIdentity[]): Promise<DeleteOutcome[]> {
    const rows = this.#sameRows(keys);
    return Array.from(rows, (row) => (row >= 0 && this.#gone.add(row) ? 'deleted' : 'gone'));
  }

  async areThere(flows: FlowIdentity[]): Promise<boolean[]> {
    return Array.from(this.#sameRows(flows), (row) => row >= 0);
  }

  async expire(keys: FlowKey[], seconds: number): Promise<ExpireOutcome[]> {
    const rows = this.#sameRows(keys);
    const { status } = this.#flows.columns.common;
    const nowMs = this.#now();
    const outcomes = Array.from(rows, (row): ExpireOutcome => {
      if (row < 0) return 'gone';
      if (!(status[row]! & IPS.FIXED_TIMEOUT)) return 'expiring';
      return (this.#expiresAtMs.get(row) ?? Infinity) <= nowMs + seconds * 1000 ? 'expiring' : 'failed';
    });
    const changed = new Set(rows.filter((row) => row >= 0 && !(status[row]! & IPS.FIXED_TIMEOUT)));
    if (changed.size > 0)
      this.#own(({ common }, newRow) => {
        for (const row of changed) {
          common.status[newRow(row)]! |= IPS.FIXED_TIMEOUT;
          common.timeout[newRow(row)] = seconds;
          this.#expiresAtMs.set(newRow(row), nowMs + seconds * 1000);
        }
      });
    return outcomes;
  }

  async restore(flows: Flow[]): Promise<RestoreOutcome[]> {
    const outcomes: RestoreOutcome[] = [];
    const entries = new Map<number, NewEntry>();
    this.#settle();
    const there = this.#rowsAt(flows);
    const places = new Set<string>();
    for (const index of restoreOrder(flows)) {
      const entry = restoredEntry(flows[index]!, new Map());
      const isThere = there[index]! >= 0 || (entry && places.has(placeOf(entry)));
      const hasMaster = !entry?.master || places.has(placeOf(entry.master)) || this.#idAt(entry.master) !== undefined;
      outcomes[index] = !entry || !hasMaster ? 'failed' : isThere ? 'exists' : 'restored';
      if (outcomes[index] !== 'restored') continue;
      places.add(placeOf(entry!));
      entries.set(index, entry!);
    }
    this.insert([...entries.values()]);
    return outcomes;
  }

  async lookup(keys: FlowKey[], context: FlowContext): Promise<(Flow | undefined)[]> {
    this.#settle();
    const describer = this.#describer(context, this.#now());
    return Array.from(this.#rowsAt(keys), (row) => (row < 0 ? undefined : describer.flow(row)));
  }

  async expectations(master?: FlowKey): Promise<Expectation[]> {
    this.#settle();
    return this.#expected.list(master);
  }

  async deleteExpectations(keys: FlowKey[]): Promise<DeleteOutcome[]> {
    this.#settle();
    return this.#expected.delete(keys);
  }

  async close(): Promise<void> {}

  #answer(
    { filter, context, sort = { field: 'id', descending: false }, limit, after, withFacets }: SearchOptions,
    nowMs: number,
  ): SearchAnswer {
    const { columns } = this.#flows;
    const surroundings = this.#flows.surroundings(context, nowMs);
    const describer = this.#describer(context, nowMs);
    const rows = this.#gone.others(this.#flows.matching(filter, context, nowMs));
    const top = new TopRows<number>({ limit, descending: sort.descending, after });
    if (limit > 0) {
      const valueOf = rowSortValue(sort.field, columns, surroundings);
      for (const row of rows) top.offer({ value: valueOf(row), id: columns.common.id[row]! }, () => row);
    }
    return {
      rows: top.rows().map((row) => describer.flow(row)),
      total: rows.length,
      tableCount: columns.count - this.#gone.size,
      snapshotAtMs: nowMs,
      facets: withFacets ? facetsOfRows(rows, columns, surroundings) : [],
      explain: ['read from memory'],
    };
  }

  /** Throws FILTER_UNSUPPORTED if a protection cannot be evaluated here. */
  #describer(context: FlowContext, nowMs: number): Describer {
    return new Describer(this.#flows.columns, this.#flows.surroundings(context, nowMs), context.protections, (key) => {
      const id = this.#idAt(key);
      return id === undefined ? undefined : { id };
    });
  }

  /** The rows that these keys had and still have, by id and start too; else -1. */
  #sameRows(keys: readonly FlowIdentity[]): Int32Array {
    this.#settle();
    const { id, startedAtMs } = this.#flows.columns.common;
    return this.#rowsAt(keys).map((row, index) => {
      const key = keys[index]!;
      const isSame = id[row] === key.id && (key.startedAtMs === undefined || startedAtMs[row] === key.startedAtMs);
      return isSame ? row : -1;
    });
  }

  #rowsAt(keys: readonly Omit<FlowKey, 'id'>[]): Int32Array {
    return this.#flows.rowsAt(keys).map((row) => (this.#gone.has(row) ? -1 : row));
  }

  #idAt(key: Omit<FlowKey, 'id'>): number | undefined {
    const [row] = this.#rowsAt([key]);
    return row! < 0 ? undefined : this.#flows.columns.common.id[row!];
  }

  /** Ends what was set to expire. */
  #settle(): void {
    if (this.#expiresAtMs.size === 0) return;
    const nowMs = this.#now();
    for (const [row, atMs] of this.#expiresAtMs) {
      if (atMs > nowMs) continue;
      this.#gone.add(row);
      this.#expiresAtMs.delete(row);
    }
  }

  /** From now on this table has columns of its own, without what is gone, changed by `change`. */
  #own(change: (columns: Columns, newRow: (row: number) => number) => void): void {
    const { columns } = this.#flows;
    const kept = this.#gone.others(allRows(columns.count));
    const newRows = new Map(Array.from(kept, (row, index) => [row, index]));
    this.#expiresAtMs = new Map([...this.#expiresAtMs].map(([row, atMs]) => [newRows.get(row)!, atMs]));
    const own = Columns.from(columns.pick(kept));
    change(own, (row) => newRows.get(row)!);
    this.#flows = new StandingFlows(own);
    this.#gone = new RowSet(own.count);
  }

  #nextId(): number {
    return idOf(++this.#lastId);
  }
}

/** Flows for tables to share; ids as a MemoryTable gives them to the same entries. No two may have the same tuple. */
export function standingFlows(flows: Iterable<{ entry: NewEntry } & Omit<EntryFacts, 'id'>>): StandingFlows {
  const columns = new Columns(1024);
  for (const { entry, ...facts } of flows) appendEntry(columns, entry, { ...facts, id: idOf(columns.count + 1) });
  return new StandingFlows(columns);
}
