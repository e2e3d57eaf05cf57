import type { PolicyTarget } from '../../proto/http/saved-policies.ts';
import type { PolicyRow } from './rows.ts';

/** The columns of a target. */
export type TargetColumns = Pick<PolicyRow, 'level' | 'tag' | 'siteId' | 'gatewayId'>;

/** Where a gateway belongs, as far as policies need it. */
export interface Place {
  id: string;
  tenantId: string;
  siteId: string;
  tags: readonly string[];
}

export function toColumns(target: PolicyTarget): TargetColumns {
  return {
    level: target.level,
    tag: target.level === 'tag' ? target.tag : null,
    siteId: target.level === 'site' ? target.siteId : null,
    gatewayId: target.level === 'gateway' ? target.gatewayId : null,
  };
}

export function isSameTarget(a: TargetColumns, b: TargetColumns): boolean {
  return a.level === b.level && a.tag === b.tag && a.siteId === b.siteId && a.gatewayId === b.gatewayId;
}

/** Why a policy of this tenant, or of the installation, cannot be for this; undefined if it can. */
export function whyNotFor(tenantId: string | null, level: PolicyTarget['level']): string | undefined {
  if (tenantId === null)
    return level === 'fleet' || level === 'tag'
      ? undefined
      : `a policy of the installation is for the fleet or for a tag; for a ${level}, name its tenant in tenantId`;
  return level === 'fleet' ? 'a policy of a tenant cannot be for the fleet; choose the level tenant' : undefined;
}

/** True if the policy is for this gateway: now, since its tags and its site may change. */
export function reaches(policy: TargetColumns & Pick<PolicyRow, 'tenantId'>, place: Place): boolean {
  if (policy.tenantId !== null && policy.tenantId !== place.tenantId) return false;
  switch (policy.level) {
    case 'fleet':
    case 'tenant':
      return true;
    case 'tag':
      return policy.tag !== null && place.tags.includes(policy.tag);
    case 'site':
      return policy.siteId === place.siteId;
    case 'gateway':
      return policy.gatewayId === place.id;
    default:
      return false;
  }
}

type Named = TargetColumns & Pick<PolicyRow, 'tenant' | 'site' | 'gateway'>;

/** The name of the tenant, tag, site or gateway that it is for; undefined for the fleet. */
export function targetName({ level, tag, tenant, site, gateway }: Named): string | undefined {
  const names: Record<string, string | null | undefined> = { tenant: tenant?.name, tag, site: site?.name, gateway: gateway?.name };
  return names[level] ?? undefined;
}

/** `fleet`, `site HQ`. */
export function targetWords(row: Named): string {
  return [row.level, targetName(row)].filter((word) => word !== undefined).join(' ');
}
