import type { PolicyDrift } from '../generated/prisma/client.ts';
import type { Reported, ReportedDrift } from './reported.ts';

export type DriftRow = Omit<PolicyDrift, 'gatewayId' | 'tenantId'>;

/** What a report changes of what is kept. */
export interface DriftMerge {
  created: Omit<DriftRow, 'id'>[];
  updated: DriftRow[];
  /** What began to differ, and what no longer does, each told once. */
  begun: ReportedDrift[];
  ended: Pick<DriftRow, 'path' | 'wanted' | 'actual' | 'process' | 'since'>[];
}

/** A gateway's times are corrected at each report, so that the same moment differs a little. */
const SAME_MS = 10_000;

/**
 * Compares a report with what is kept of a gateway. What is over is recognised by when it began. What is not reported any more is over,
 * unless the report may not be whole.
 */
export function mergeDrift(kept: readonly DriftRow[], { drift, isWhole }: Pick<Reported, 'drift' | 'isWhole'>, now: Date): DriftMerge {
  const merge: DriftMerge = { created: [], updated: [], begun: [], ended: [] };
  const left = new Set(kept);
  const end = (row: DriftRow, values: Partial<ReportedDrift> = {}): void => {
    const over = { ...row, ...values, state: 'over', overAt: now, resolveWay: null, resolveUntil: null };
    merge.updated.push(over);
    merge.ended.push(over);
  };
  // What is over first: the same value may differ again.
  for (const one of drift.toSorted((a, b) => Number(b.state === 'over') - Number(a.state === 'over'))) {
    const isOver = one.state === 'over';
    const known = [...left].find(
      (row) => row.path === one.path && (isOver ? Math.abs(row.since.getTime() - one.since.getTime()) <= SAME_MS : row.state !== 'over'),
    );
    if (known) left.delete(known);
    if (!known) {
      merge.created.push({ ...one, overAt: isOver ? now : null, resolveWay: null, resolveUntil: null });
      if (one.state !== 'ignored') merge.begun.push(one);
      if (isOver) merge.ended.push(one);
    } else if (isOver) {
      if (known.state !== 'over') end(known);
      else if (known.process !== one.process) merge.updated.push({ ...known, process: one.process });
    } else {
      const isSame = known.actual === one.actual && known.state === one.state;
      const { path: _, since: __, ...values } = one;
      const next: DriftRow = { ...known, ...values, ...(!isSame && { resolveWay: null, resolveUntil: null }) };
      if (!isSame || known.wanted !== one.wanted || known.process !== one.process) merge.updated.push(next);
    }
  }
  if (isWhole) for (const row of left) if (row.state !== 'over') end(row);
  return merge;
}
