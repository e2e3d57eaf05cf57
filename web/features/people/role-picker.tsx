'use client';

import { useQuery } from '@tanstack/react-query';
import { ROLES, type Grant, type Role } from '../../../proto/model/access.ts';
import * as queries from '../../lib/controller/queries.ts';

/** A role alone. */
export function RoleSelect({ value, onChange }: { value: Role; onChange(role: Role): void }) {
  return (
    <label className="input">
      Role
      <select value={value} onChange={(event) => onChange(ROLES.find((one) => one === event.currentTarget.value) ?? 'viewer')}>
        {ROLES.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </label>
  );
}

/** A role, over one tenant or over all. Offers only where the caller has a say. */
export function RolePicker({ value, onChange }: { value: Grant; onChange(grant: Grant): void }) {
  const { data: me } = useQuery(queries.me());
  const { data: tenants = [] } = useQuery(queries.tenants());
  const mayAll = me?.grants.some((grant) => grant.tenantId === null) ?? false;
  return (
    <>
      <RoleSelect value={value.role} onChange={(role) => onChange({ ...value, role })} />
      <label className="input">
        Tenant
        <select value={value.tenantId ?? ''} onChange={(event) => onChange({ ...value, tenantId: event.currentTarget.value || null })}>
          {mayAll && <option value="">all</option>}
          {!mayAll && value.tenantId === null && <option value="">choose</option>}
          {tenants.map((tenant) => (
            <option key={tenant.id} value={tenant.id}>
              {tenant.name}
            </option>
          ))}
        </select>
      </label>
    </>
  );
}

/** What a role is over, in words. */
export function useTenantName(): (tenantId: string | null) => string {
  const { data: tenants } = useQuery(queries.tenants());
  return (tenantId) => (tenantId === null ? 'all tenants' : (tenants?.find(({ id }) => id === tenantId)?.name ?? '–'));
}
