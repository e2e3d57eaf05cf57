import { FleetError } from '../../proto/model/error-codes.ts';
import { inScope, type TenantScope } from '../platform/tenant-scope.ts';

/** A policy of the installation takes a caller who sees all tenants. Throws FORBIDDEN, NOT_FOUND. */
export function ownScope(scope: TenantScope, tenantId: string | null): TenantScope {
  if (tenantId !== null) {
    if (!inScope(scope, tenantId)) noTenant();
    return new Set([tenantId]);
  }
  if (scope === 'all') return scope;
  throw new FleetError('FORBIDDEN', 'Only somebody who may act on all tenants has policies of the installation. Name a tenant.');
}

/** The tenant does not exist, or is out of scope. */
export function noTenant(): never {
  throw new FleetError('NOT_FOUND', 'There is no such tenant.');
}
