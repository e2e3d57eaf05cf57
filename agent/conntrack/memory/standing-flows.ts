import { serialize } from 'node:v8';
import type { FlowKey } from '../../../proto/model/flow.ts';
import type { FlowFilter } from '../../../proto/model/filter/filter.ts';
import { compileFilter } from '../query/compile-filter.ts';
import { Columns } from '../rows/columns.ts';
import { IntTable } from '../rows/int-table.ts';
import { tupleHash } from '../rows/rates.ts';
import { WanNames } from '../rows/wan-names.ts';
import type { Surroundings } from '../stale/surroundings.ts';
import type { FlowContext } from '../table.ts';
import { appendKey, areOfOnePlace } from './entry-rows.ts';
import { ALWAYS } from './memory-table.ts';

/** How long what was computed serves the tables of other gateways. */
const KEPT_MS = 1_000;
/** Answers kept at a time. */
const MAX_KEPT = 64;
const NO_LABELS = new Map<number, string>();

/**
 * Flows that stand as they are: columns that the tables of many gateways share, with an index by tuple. None ages or ends by itself. What a
 * query comes to is computed once a second for all that share them.
 */
export class StandingFlows {
  readonly columns: Columns;
  /** The last row of each hash. */
  readonly #first: IntTable;
  /** The next row with the same hash, -1 for none. */
  readonly #next: Int32Array;
  readonly #kept = new Map<string, { untilMs: number; value: unknown }>();
  readonly #wans = new Map<string, WanNames>();

  /** @param columns complete; nobody may change them from now on */
  constructor(columns: Columns) {
    this.columns = columns;
    this.#next = new Int32Array(columns.count).fill(-1);
    this.#first = new IntTable(columns.count);
    for (let row = 0; row < columns.count; row++) {
      const hash = tupleHash(columns, row);
      this.#next[row] = this.#first.get(hash);
      this.#first.set(hash, row);
    }
  }

  /** The rows that have these original tuples and zones, whatever their ids; -1 for none. In the order given. */
  rowsAt(keys: readonly Omit<FlowKey, 'id'>[]): Int32Array {
    const asked = new Columns(keys.length);
    const rows = new Int32Array(keys.length).fill(-1);
    for (const [index, key] of keys.entries()) {
      const at = appendKey(asked, key);
      let row = this.#first.get(tupleHash(asked, at));
      while (row >= 0 && !areOfOnePlace(asked, at, this.columns, row)) row = this.#next[row]!;
      rows[index] = row;
    }
    return rows;
  }

  surroundings({ wans }: FlowContext, nowMs: number): Surroundings {
    const key = textOf(wans);
    let names = this.#wans.get(key);
    if (!names) {
      if (this.#wans.size >= MAX_KEPT) this.#wans.clear();
      this.#wans.set(key, (names = new WanNames(wans)));
    }
    return { nowMs, sources: ALWAYS, isSynced: false, labels: NO_LABELS, wans: names };
  }

  /** The rows that match, in the table's order. Throws FILTER_UNSUPPORTED, CAPABILITY_MISSING. */
  matching(filter: FlowFilter, context: FlowContext, nowMs: number): Uint32Array {
    return this.once(['matching', filter, context.wans], nowMs, () => {
      const matches = compileFilter(filter, this.columns, this.surroundings(context, nowMs));
      const rows = new Uint32Array(this.columns.count);
      let count = 0;
      for (let row = 0; row < rows.length; row++) if (matches(row)) rows[count++] = row;
      return rows.slice(0, count);
    });
  }

  /** What `make` returns for what was asked, computed again after `keptMs`, a second if absent. */
  once<Value>(asked: unknown, nowMs: number, make: () => Value, keptMs = KEPT_MS): Value {
    const key = textOf(asked);
    const kept = this.#kept.get(key);
    if (kept && kept.untilMs > nowMs) return kept.value as Value;
    const value = make();
    for (const [other, { untilMs }] of this.#kept) if (untilMs <= nowMs) this.#kept.delete(other);
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#kept.set(key, { untilMs: nowMs + keptMs, value });
    return value;
  }
}

function textOf(value: unknown): string {
  return serialize(value).toString('latin1');
}
