import type { Remediation as RemediationView, RemediationRun as RunView } from '../../proto/http/remediations.ts';
import { shownTime } from '../platform/cursor.ts';
import type { RemediationRow, RunRow, RunSummary } from './rows.ts';
import type { Standing } from './standing.ts';

/** The remediation as the API shows it. */
export function toRemediationView(
  row: RemediationRow,
  { standing, tenantName, summary, nextRunAtMs }: { standing: Standing; tenantName?: string; summary?: RunSummary; nextRunAtMs?: number },
): RemediationView {
  return {
    id: row.id,
    tenantId: row.tenantId ?? undefined,
    tenantName,
    revision: row.revision,
    document: row.document,
    isEnabled: row.isEnabled,
    builtIn: row.builtIn ?? undefined,
    createdBy: row.createdByName,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    lastRun: lastRunOf(summary),
    runs30Days: summary?.runs ?? 0,
    flowsEnded30Days: summary?.ended ?? 0,
    nextRunAt: nextRunAtMs === undefined ? undefined : new Date(nextRunAtMs).toISOString(),
    approval: standing.approval,
    heldBack: standing.heldBack,
    hookPath: row.hookSecret ? hookPath(row.id) : undefined,
  };
}

function lastRunOf(summary: RunSummary | undefined): RemediationView['lastRun'] {
  const at = shownTime(summary?.lastAt);
  return at !== undefined && summary?.lastState !== undefined ? { at, state: summary.lastState } : undefined;
}

/** The path of its webhook. */
export function hookPath(id: string): string {
  return `/api/v1/hooks/${id}`;
}

/** The run as the API shows it. */
export function toRunView(row: RunRow): RunView {
  return {
    id: row.id,
    remediationId: row.remediationId,
    remediationName: row.remediationName,
    revision: row.revision,
    gatewayId: row.gatewayId ?? undefined,
    gatewayName: row.gatewayName ?? undefined,
    tenantId: row.tenantIds.length === 1 ? row.tenantIds[0] : undefined,
    state: row.state as RunView['state'],
    trigger: row.trigger,
    wan: row.wan ?? undefined,
    triggeredAt: shownTime(row.triggeredAt) ?? row.reportedAt.toISOString(),
    startedAt: shownTime(row.startedAt),
    finishedAt: shownTime(row.finishedAt),
    reportedAt: row.reportedAt.toISOString(),
    reason: row.reason ?? undefined,
    matched: row.matched,
    ended: row.ended,
    filter: row.filter,
    method: row.method,
    flushId: row.flushId ?? undefined,
  };
}
