import type { Limits } from '../../proto/http/limits.ts';

/** What holds for a tenant that has set nothing. */
export const DEFAULT_LIMITS: Limits = { flows: 5000, percentOfTable: 10, isEverything: true, areSeveralTenants: true };

/** A large share of a small table is still few flows: an ordinary failover moves half of one. */
export const FEW_FLOWS = 1000;

/** One gateway's part of a plan. */
export interface LimitedPart { tenantId: string; flows: number; tableCount?: number }

/** Whether somebody beside its maker must agree to a plan: where one of the tenants that it touches says so. A table of unknown size counts as a small one. */
export function needsSecondPerson(parts: readonly LimitedPart[], isEverything: boolean, limitsOf: (tenantId: string) => Limits): boolean {
  const touched = parts.filter(({ flows }) => flows > 0);
  const tenantIds = new Set(touched.map(({ tenantId }) => tenantId));
  return [...tenantIds].some((tenantId) => {
    const limits = limitsOf(tenantId);
    const own = touched.filter((part) => part.tenantId === tenantId);
    const { flows: mostFlows, percentOfTable } = limits;
    return (limits.isEverything && isEverything)
      || (limits.areSeveralTenants && tenantIds.size > 1)
      || (mostFlows !== null && own.reduce((sum, { flows }) => sum + flows, 0) > mostFlows)
      || (percentOfTable !== null && own.some(({ flows, tableCount = 0 }) => flows > FEW_FLOWS && flows * 100 > tableCount * percentOfTable));
  });
}
