import type { Policy, PolicyRevision as RevisionView, PolicySummary } from '../../proto/http/saved-policies.ts';
import type { Level } from '../../proto/model/policy/effective.ts';
import type { PolicyRevision } from '../generated/prisma/client.ts';
import { toManagedBy } from './managed.ts';
import type { PolicyRow, WholePolicyRow } from './rows.ts';
import { reaches, type Place } from './targets.ts';

/** The policy as lists show it. `places`: of all gateways that the caller sees. */
export function toSummary(row: PolicyRow, places: readonly Place[]): PolicySummary {
  return {
    id: row.id,
    tenantId: row.tenantId ?? undefined,
    tenantName: row.tenant?.name,
    name: row.name,
    target: {
      level: row.level as Level,
      tag: row.tag ?? undefined,
      siteId: row.siteId ?? undefined,
      siteName: row.site?.name,
      gatewayId: row.gatewayId ?? undefined,
      gatewayName: row.gateway?.name,
    },
    revision: row.revision,
    digest: row.digest,
    managedBy: toManagedBy(row),
    createdBy: row.createdByName,
    createdAt: row.createdAt.toISOString(),
    changedBy: row.changedByName,
    changedAt: row.changedAt.toISOString(),
    gateways: places.filter((place) => reaches(row, place)).length,
  };
}

export function toPolicyView(row: WholePolicyRow, places: readonly Place[]): Policy {
  return { ...toSummary(row, places), document: row.document };
}

export function toRevisionView(row: PolicyRevision): RevisionView {
  return {
    revision: row.revision,
    name: row.name,
    target: row.target,
    digest: row.digest,
    document: row.document,
    managedBy: toManagedBy(row),
    changedBy: row.changedByName,
    changedAt: row.changedAt.toISOString(),
  };
}
