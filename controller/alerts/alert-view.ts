import type { Alert, AlertTransition } from '../../proto/http/alerts.ts';
import type { AlertRow, TransitionRow } from './rows.ts';

/** The alert as the API shows it. */
export function toAlertView(row: AlertRow): Alert {
  return {
    id: row.id,
    tenantId: row.tenantId ?? undefined,
    tenantName: row.tenantName ?? undefined,
    siteId: row.siteId ?? undefined,
    siteName: row.siteName ?? undefined,
    gatewayId: row.gatewayId ?? undefined,
    gatewayName: row.gatewayName ?? undefined,
    rule: row.rule,
    kind: row.kind,
    severity: row.severity,
    state: row.state,
    fingerprint: row.fingerprint,
    title: row.title,
    cause: row.cause ?? undefined,
    likely: row.likely ?? undefined,
    value: row.value ?? undefined,
    limit: row.limit ?? undefined,
    pendingSince: row.pendingSince.toISOString(),
    raisedAt: row.raisedAt?.toISOString(),
    clearedAt: row.clearedAt?.toISOString(),
    changedAt: row.changedAt.toISOString(),
    acknowledged: row.acknowledgedAt ? { byName: row.acknowledgedByName ?? '', at: row.acknowledgedAt.toISOString() } : undefined,
    assignedTo: row.assignedToId !== null && row.assignedToName !== null ? { id: row.assignedToId, name: row.assignedToName } : undefined,
    silenced: row.silencedUntil
      ? { until: row.silencedUntil.toISOString(), byName: row.silencedByName ?? '', reason: row.silenceReason ?? '' }
      : undefined,
    parentId: row.parentId ?? undefined,
    children: row.children,
    wanEventId: row.wanEventId ?? undefined,
    remediationId: row.remediationId ?? undefined,
    evidence: row.evidence ?? undefined,
    fix: row.fix ?? undefined,
  };
}

export function toTransitionView({ id, transition, at, byName, note }: TransitionRow): AlertTransition {
  return { id, transition, at: at.toISOString(), byName: byName ?? undefined, note: note ?? undefined };
}
