import type { Remediation as RemediationView, RemediationRun as RunView } from '../../proto/http/remediations.ts';
import type { RemediationRow, RunRow, RunSummary } from './rows.ts';
import type { Standing } from './standing.ts';

/** The remediation as the API shows it. */
export function toRemediationView(row: RemediationRow, { standing, tenantName, summary, nextRunAtMs }: { standing: Standing; tenantName?: string; summary?: RunSummary; nextRunAtMs?: number }): RemediationView {
  return {
    id: row.id, tenantId: row.tenantId ?? undefined, tenantName, revision: row.revision, document: row.document, isEnabled: row.isEnabled, builtIn: row.builtIn ?? undefined, createdBy: row.createdByName,
    createdAt: row.createdAt.toISOString(), updatedAt: row.updatedAt.toISOString(), lastRun: summary?.lastAt && summary.lastState ? { at: summary.lastAt.toISOString(), state: summary.lastState } : undefined,
    runs30Days: summary?.runs ?? 0, flowsEnded30Days: summary?.ended ?? 0, nextRunAt: nextRunAtMs === undefined ? undefined : new Date(nextRunAtMs).toISOString(),
    approval: standing.approval, heldBack: standing.heldBack, hookPath: row.hookSecret ? hookPath(row.id) : undefined,
  };
}

/** Where its webhook is called. */
export function hookPath(id: string): string {
  return `/api/v1/hooks/${id}`;
}

/** The run as the API shows it. */
export function toRunView(row: RunRow): RunView {
  return {
    id: row.id, remediationId: row.remediationId, remediationName: row.remediationName, revision: row.revision, gatewayId: row.gatewayId ?? undefined, gatewayName: row.gatewayName ?? undefined,
    tenantId: row.tenantIds.length === 1 ? row.tenantIds[0] : undefined, state: row.state as RunView['state'], trigger: row.trigger, wan: row.wan ?? undefined, triggeredAt: row.triggeredAt.toISOString(),
    startedAt: row.startedAt?.toISOString(), finishedAt: row.finishedAt?.toISOString(), reportedAt: row.reportedAt.toISOString(), reason: row.reason ?? undefined, matched: row.matched, ended: row.ended,
    filter: row.filter, method: row.method, flushId: row.flushId ?? undefined,
  };
}
