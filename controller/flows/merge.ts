import type { Flow } from '../../proto/model/flow.ts';
import { compareSortKeys, sortValue, type SortField, type SortKey } from '../../proto/model/sort.ts';

/** Rows of one gateway, in the order that was asked for. */
export interface Run {
  gatewayId: string;
  gatewayName: string;
  flows: Flow[];
}

/** `gateway` orders by the gateway's name, then by id. */
export interface MergeOrder {
  field: 'gateway' | SortField;
  descending: boolean;
}

export interface MergedRow {
  gatewayId: string;
  flow: Flow;
}

/** A page of many gateways' rows; `after` is where each gateway that gave a row goes on, `isMore` says whether any has more. */
export interface Merged {
  rows: MergedRow[];
  after: Map<string, SortKey>;
  isMore: boolean;
}

interface Head {
  run: Run;
  index: number;
  key: SortKey;
}

/**
 * Merges ordered runs into the first `limit` rows by (value, gateway name, id). Runs hold one row more than `limit` where there are more.
 */
export function mergeRuns(runs: Run[], order: MergeOrder, limit: number): Merged {
  const heads = runs.flatMap((run) => headOf(run, 0, order) ?? []);
  const merged: Merged = { rows: [], after: new Map(), isMore: false };
  while (heads.length > 0 && merged.rows.length < limit) {
    const best = heads.reduce((first, head) => (compareHeads(head, first, order) < 0 ? head : first));
    merged.rows.push({ gatewayId: best.run.gatewayId, flow: best.run.flows[best.index]! });
    merged.after.set(best.run.gatewayId, best.key);
    const next = headOf(best.run, best.index + 1, order);
    if (next) heads[heads.indexOf(best)] = next;
    else heads.splice(heads.indexOf(best), 1);
  }
  merged.isMore = heads.length > 0;
  return merged;
}

/** The field that agents sort by. */
export function agentField(order: MergeOrder): SortField {
  return order.field === 'gateway' ? 'id' : order.field;
}

function headOf(run: Run, index: number, order: MergeOrder): Head | undefined {
  const flow = run.flows[index];
  return flow && { run, index, key: { value: sortValue(flow, agentField(order)), id: flow.id } };
}

function compareHeads(a: Head, b: Head, order: MergeOrder): number {
  const byName =
    a.run.gatewayName < b.run.gatewayName
      ? -1
      : a.run.gatewayName > b.run.gatewayName
        ? 1
        : a.run.gatewayId < b.run.gatewayId
          ? -1
          : a.run.gatewayId > b.run.gatewayId
            ? 1
            : 0;
  if (order.field === 'gateway') return byName === 0 ? a.index - b.index : order.descending ? -byName : byName;
  const byValue = compareSortKeys({ ...a.key, id: 0 }, { ...b.key, id: 0 }, order.descending);
  return byValue || byName || a.index - b.index;
}
