import type { Flow } from '../../proto/model/flow.ts';
import { compareSortKeys, sortValue, type SortField, type SortKey } from '../../proto/model/sort.ts';

/** Rows of one gateway, in the requested order. */
export interface GatewayRows {
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

/**
 * A page of rows from many gateways; `after` is where each gateway that contributed a row continues, `isMore` says whether any has more.
 */
export interface Merged {
  rows: MergedRow[];
  after: Map<string, SortKey>;
  isMore: boolean;
}

interface Head {
  rows: GatewayRows;
  index: number;
  key: SortKey;
}

/**
 * Merges the ordered rows of gateways into the first `limit` by (value, gateway name, id). Each holds one row more than `limit` if it has
 * more.
 */
export function mergeRows(gateways: GatewayRows[], order: MergeOrder, limit: number): Merged {
  const heads = gateways.flatMap((rows) => headOf(rows, 0, order) ?? []);
  const merged: Merged = { rows: [], after: new Map(), isMore: false };
  while (heads.length > 0 && merged.rows.length < limit) {
    const best = heads.reduce((first, head) => (compareHeads(head, first, order) < 0 ? head : first));
    merged.rows.push({ gatewayId: best.rows.gatewayId, flow: best.rows.flows[best.index]! });
    merged.after.set(best.rows.gatewayId, best.key);
    const next = headOf(best.rows, best.index + 1, order);
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

function headOf(rows: GatewayRows, index: number, order: MergeOrder): Head | undefined {
  const flow = rows.flows[index];
  return flow && { rows, index, key: { value: sortValue(flow, agentField(order)), id: flow.id } };
}

function compareHeads(a: Head, b: Head, order: MergeOrder): number {
  const byName =
    a.rows.gatewayName < b.rows.gatewayName
      ? -1
      : a.rows.gatewayName > b.rows.gatewayName
        ? 1
        : a.rows.gatewayId < b.rows.gatewayId
          ? -1
          : a.rows.gatewayId > b.rows.gatewayId
            ? 1
            : 0;
  if (order.field === 'gateway') return byName === 0 ? a.index - b.index : order.descending ? -byName : byName;
  const byValue = compareSortKeys({ ...a.key, id: 0 }, { ...b.key, id: 0 }, order.descending);
  return byValue || byName || a.index - b.index;
}
