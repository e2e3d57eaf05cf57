import { tenantsAllowed, type Action, type Grant } from '../../proto/model/access.ts';
import type { TenantScope } from './tenant-scope.ts';

/** The headers of a request that can identify the caller. */
export interface Credentials {
  authorization?: string;
  cookie?: string;
}

/** The caller. A token has its own grants and, as a ceiling, what its owner may do now. */
export interface Caller {
  kind: 'user' | 'token' | 'remediation';
  /** Of the user, token or remediation. */
  id: string;
  name: string;
  /** The person behind it. */
  userId: string;
  email?: string;
  grants: Grant[];
  ceiling?: Grant[];
}

/** The tenants in which the caller may do the action. */
export function scopeOf(caller: Pick<Caller, 'grants' | 'ceiling'>, action: Action): TenantScope {
  const own = tenantsAllowed(caller.grants, action);
  return caller.ceiling ? intersect(own, tenantsAllowed(caller.ceiling, action)) : own;
}

/** The intersection of both scopes. */
export function intersect(a: TenantScope, b: TenantScope): TenantScope {
  if (a === 'all') return b;
  if (b === 'all') return a;
  return new Set([...a].filter((id) => b.has(id)));
}

/** True if the scope is empty. */
export function isNone(scope: TenantScope): boolean {
  return scope !== 'all' && scope.size === 0;
}
