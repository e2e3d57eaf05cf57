import type { FlowRow } from '../../../proto/http/flows.ts';
import { rowKey } from '../../../client/words/flow-words.ts';

/**
 * Nothing, individual rows, or all flows that match the filter (including those never loaded; the gateways count them when a plan is made).
 */
export type Selection = { kind: 'rows'; rows: ReadonlyMap<string, FlowRow>; anchor?: string } | { kind: 'matching' };

export const NOTHING: Selection = { kind: 'rows', rows: new Map() };

/** Toggles one row. Protected rows cannot be selected. */
export function toggled(selection: Selection, row: FlowRow): Selection {
  if (row.protectedBy) return selection;
  const rows = new Map(selection.kind === 'rows' ? selection.rows : []);
  const key = rowKey(row);
  if (!rows.delete(key)) rows.set(key, row);
  return { kind: 'rows', rows, anchor: key };
}

/** Adds all rows from the last toggled one to this one. */
export function extended(selection: Selection, rows: FlowRow[], to: number): Selection {
  if (selection.kind === 'matching') return selection;
  const from = rows.findIndex((row) => rowKey(row) === selection.anchor);
  if (from < 0) return rows[to] ? toggled(selection, rows[to]) : selection;
  return added(selection, rows.slice(Math.min(from, to), Math.max(from, to) + 1));
}

/** Adds all these rows except the protected ones. */
export function added(selection: Selection, more: FlowRow[]): Selection {
  if (selection.kind === 'matching') return selection;
  const rows = new Map(selection.rows);
  for (const row of more) if (!row.protectedBy) rows.set(rowKey(row), row);
  return { ...selection, rows };
}

export function isSelected(selection: Selection, row: FlowRow): boolean {
  return selection.kind === 'matching' ? !row.protectedBy : selection.rows.has(rowKey(row));
}
