import type { Flow, FlowKey } from '../../proto/model/flow.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import { Columns, type ColumnData } from './columns.ts';
import { compileFilter, type Surroundings } from './compile.ts';
import { Describer } from './describe.ts';
import { findBodies, findEntry } from './kernel-commands.ts';
import { readLabelNames } from './labels.ts';
import { OpenSysctl } from './proc-files.ts';
import { rowSortValue } from './row-sort.ts';
import { breakdownOfRows, facetsOfRows } from './row-tally.ts';
import { Snapshots, type Freshness, type Snapshot } from './snapshots.ts';
import type { Breakdown, FlowContext, SearchAnswer, SearchOptions } from './table.ts';
import type { Timeouts } from './timeouts.ts';
import { TopRows } from './top-rows.ts';
import { WanNames } from './wan-names.ts';
import { Block, RowReader } from './wire/row-reader.ts';

/** Flows of one batch of a collection; to describe them takes about 2 ms, and is done on the main thread. */
const COLLECT_BATCH = 1000;

export type Fresh<Ask> = Ask & { freshness: Freshness };

/** The questions about the kernel's table, answered from snapshots. They block their thread, so they run in the worker. */
export class KernelQuestions {
  readonly #now: () => number;
  readonly #timeouts: () => Timeouts;
  readonly #snapshots: Snapshots;
  readonly #count = new OpenSysctl('nf_conntrack_count');

  constructor(now: () => number, timeouts: () => Timeouts) {
    this.#now = now;
    this.#timeouts = timeouts;
    this.#snapshots = new Snapshots({ now });
  }

  /** `checkpoint` is called after each block of a walk and may throw to end it. */
  search({ filter, context, sort = { field: 'id', descending: false }, limit, after, withFacets, freshness }: Fresh<Omit<SearchOptions, 'signal' | 'maxAgeMs'>>, checkpoint: () => void): SearchAnswer {
    this.#refuseUnsupported(filter, context);
    const { columns, atMs } = this.#snapshot(freshness, checkpoint);
    const surroundings = this.#surroundings(context.wans, atMs);
    const rows = matchingRows(filter, columns, surroundings);
    const top = new TopRows<number>({ limit, descending: sort.descending, after });
    if (limit > 0) {
      const valueOf = rowSortValue(sort.field, columns, surroundings);
      for (const row of rows) top.offer({ value: valueOf(row), id: columns.common.id[row]! }, () => row);
    }
    const describer = new Describer(columns, surroundings, context.protections, findEntry);
    return {
      rows: top.rows().map((row) => describer.flow(row)),
      total: rows.length, tableCount: columns.count, snapshotAtMs: atMs,
      facets: withFacets ? facetsOfRows(rows, columns, surroundings) : [],
    };
  }

  breakdown({ context, freshness }: Fresh<{ context: FlowContext }>, checkpoint: () => void): Breakdown {
    const { columns, atMs } = this.#snapshot(freshness, checkpoint);
    return breakdownOfRows(columns, this.#surroundings(context.wans, atMs));
  }

  /** All matches in batches of columns; between batches the caller may wait as long as it wants. */
  *collect({ filter, context, freshness }: Fresh<{ filter: FlowFilter; context: FlowContext }>, checkpoint: () => void): Generator<ColumnData, void, void> {
    this.#refuseUnsupported(filter, context);
    const snapshot = this.#snapshot(freshness, checkpoint);
    const { columns, atMs } = snapshot;
    const rows = matchingRows(filter, columns, this.#surroundings(context.wans, atMs));
    snapshot.readers++;
    try {
      for (let at = 0; at < rows.length; at += COLLECT_BATCH) yield columns.pick(rows.subarray(at, at + COLLECT_BATCH));
    } finally {
      snapshot.readers--;
    }
  }

  lookup(keys: readonly FlowKey[], context: FlowContext): (Flow | undefined)[] {
    const bodies = findBodies(keys);
    const columns = new Columns(keys.length);
    const reader = new RowReader(columns);
    for (const body of bodies) if (body) reader.append(new Block(body), 0, body.length);
    const describer = new Describer(columns, this.#surroundings(context.wans, this.#now()), context.protections, findEntry);
    let row = 0;
    return bodies.map((body) => body && describer.flow(row++));
  }

  /** The table was changed by this agent. */
  changed(): void {
    this.#snapshots.changed();
  }

  close(): void {
    this.#snapshots.close();
    this.#count.close();
  }

  #snapshot(freshness: Freshness, checkpoint: () => void): Snapshot {
    return this.#snapshots.fresh(freshness) ?? this.#snapshots.take(checkpoint, this.#count.read());
  }

  /** Before a walk, not after it. */
  #refuseUnsupported(filter: FlowFilter, { wans, protections }: FlowContext): void {
    const surroundings = this.#surroundings(wans, 0);
    for (const one of [filter, ...protections.map((protection) => protection.filter)]) compileFilter(one, NO_ROWS, surroundings);
  }

  #surroundings(wans: FlowContext['wans'], atMs: number): Surroundings {
    return surroundingsOf(wans, atMs, this.#timeouts());
  }
}

const NO_ROWS = new Columns(0);

/** What the gateway's own files and the question say that entries are settled against. */
export function surroundingsOf(wans: FlowContext['wans'], nowMs: number, timeouts: Timeouts): Surroundings {
  return { nowMs, timeouts, labels: readLabelNames(), wans: new WanNames(wans) };
}

/** The rows that match, in the table's order. */
function matchingRows(filter: FlowFilter, columns: Columns, surroundings: Surroundings): Uint32Array {
  const matches = compileFilter(filter, columns, surroundings);
  const rows = new Uint32Array(columns.count);
  let count = 0;
  for (let row = 0; row < columns.count; row++) if (matches(row)) rows[count++] = row;
  return rows.subarray(0, count);
}
