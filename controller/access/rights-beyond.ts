import { ACTIONS, isAllowed, type Action, type Grant } from '../../proto/model/access.ts';
import { inScope } from '../platform/tenant-scope.ts';
import { scopeOf, type Caller } from '../platform/caller.ts';

/**
 * The first action that the grant would give and that the caller does not have where it would apply; undefined if the grant gives no more
 * than the caller has.
 */
export function actionBeyond(caller: Caller, grant: Grant): Action | undefined {
  return (Object.keys(ACTIONS) as Action[]).find((action) => isAllowed(grant.role, action) && !mayThere(caller, action, grant));
}

/** True if the caller may do the action wherever the grant applies. */
export function mayThere(caller: Caller, action: Action, { tenantId }: Grant): boolean {
  const scope = scopeOf(caller, action);
  return tenantId === null ? scope === 'all' : inScope(scope, tenantId);
}
