/** The tenants that a call may touch: all, or a possibly empty set of ids. First argument of every repository method. */
export type TenantScope = 'all' | ReadonlySet<string>;

const UUID = /^[0-9a-f-]{36}$/;

/** The scope as the setting `app.tenants`, which row-level security reads. Throws TypeError for malformed ids. */
export function toSetting(scope: TenantScope): string {
  if (scope === 'all') return 'all';
  const ids = [...scope];
  const wrong = ids.find((id) => !UUID.test(id));
  if (wrong !== undefined) throw new TypeError('a tenant scope contains something that is not an id');
  return ids.join(',');
}

/** True if the tenant is in scope. */
export function inScope(scope: TenantScope, tenantId: string): boolean {
  return scope === 'all' || scope.has(tenantId);
}
