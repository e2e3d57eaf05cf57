import type { Flush as FlushView } from '../../proto/http/flushes.ts';
import type { Flush, FlushTarget, Plan, PlanApproval } from '../generated/prisma/client.ts';
import { shownTime } from '../platform/cursor.ts';
import { flowsFrom } from '../platform/untrusted.ts';
import { blockedWords } from '../blocks/block-view.ts';
import { addTotals, type Totals } from '../plans/outcomes.ts';
import { toApprovalView } from '../plans/plan-view.ts';

export type FlushRow = Flush & {
  plan: Plan & { flushes: { id: string }[]; approval: PlanApproval | null };
  targets: FlushTarget[];
  tenants: { id: string; name: string }[];
};
type TargetView = FlushView['targets'][number];

/** The flush as the API shows it. */
export function toFlushView(row: FlushRow): FlushView {
  const { plan } = row;
  const undoneBy = row.kind === 'run' ? plan.flushes[0]?.id : undefined;
  const undoUntil = row.targets.reduce<Date | null>(
    (latest, target) => (target.undoUntil && (!latest || target.undoUntil > latest) ? target.undoUntil : latest),
    null,
  );
  return {
    id: row.id,
    kind: row.kind as FlushView['kind'],
    planId: row.planId,
    state: row.state as FlushView['state'],
    filter: plan.filter,
    isEverything: plan.isEverything,
    method: plan.method as FlushView['method'],
    reason: plan.reason,
    ticket: plan.ticket ?? undefined,
    digest: plan.digest,
    createdBy: row.createdByName,
    approval: plan.approval ? toApprovalView(plan.approval) : undefined,
    startedAt: row.startedAt.toISOString(),
    finishedAt: row.finishedAt?.toISOString(),
    notAfter: row.notAfter.toISOString(),
    tenants: row.tenants,
    totals: addTotals(row.targets.map(totalsOf)),
    wave: row.wave,
    waves: row.waves,
    stopReason: row.stopReason ?? undefined,
    undoneBy,
    undoUntil: row.state === 'running' || undoneBy !== undefined ? undefined : shownTime(undoUntil),
    targets: row.targets.toSorted((a, b) => a.position - b.position).map(toTargetView),
  };
}

export function toTargetView(row: FlushTarget): TargetView {
  return {
    gatewayId: row.gatewayId,
    gatewayName: row.gatewayName,
    state: row.state as TargetView['state'],
    totals: totalsOf(row),
    done: row.done,
    tableBefore: row.tableBefore === null ? undefined : flowsFrom(row.tableBefore),
    tableAfter: row.tableAfter === null ? undefined : flowsFrom(row.tableAfter),
    startedAt: shownTime(row.startedAt),
    finishedAt: shownTime(row.finishedAt),
    reason: row.reason ?? undefined,
    wave: row.wave,
    undoUntil: shownTime(row.undoUntil),
    blocked:
      row.packetsRefused === null
        ? undefined
        : { packetsRefused: row.packetsRefused.toString(), until: shownTime(row.refusedUntil), words: blockedWords(row.packetsRefused) },
  };
}

/** The counts of a target's row. */
export function totalsOf(row: FlushTarget): Totals {
  const {
    planned,
    deleted,
    rebuilt,
    gone,
    protected: left,
    reappeared,
    failed,
    indeterminate,
    reset,
    blocked,
    expiring,
    restored,
    occupied,
    cancelled,
  } = row;
  return {
    planned,
    deleted,
    rebuilt,
    gone,
    protected: left,
    reappeared,
    failed,
    indeterminate,
    reset,
    blocked,
    expiring,
    restored,
    occupied,
    cancelled,
  };
}
