'use client';

import { useQuery } from '@tanstack/react-query';
import { parseAsString, useQueryStates } from 'nuqs';
import { useCallback, useMemo } from 'react';
import type { Scope } from '../../proto/http/scope.ts';
import * as queries from './controller/queries.ts';
import { scopedPath, type ScopeIds } from './scoped-path.ts';

const parsers = { tenant: parseAsString, site: parseAsString, gateway: parseAsString };

/** The scope as the API expects it. */
export function toScope({ tenant, site, gateway }: ScopeIds): Scope {
  return { ...(tenant && { tenants: [tenant] }), ...(site && { sites: [site] }), ...(gateway && { gateways: [gateway] }) };
}

/** The scope as lists of events expect it: they cannot be narrowed to a site, so a site counts as its tenant. */
export function toListScope({ tenant, gateway }: ScopeIds): { tenant?: string; gateway?: string } {
  return { ...(tenant && { tenant }), ...(gateway && { gateway }) };
}

/** The scope of this page and functions to change it. */
export function useScope() {
  const [ids, setIds] = useQueryStates(parsers, { history: 'push' });
  return { ids, setIds, scope: useMemo(() => toScope(ids), [ids]) };
}

/** Adds the scope of this page to a path (used by lib/link.tsx). */
export function useScopedPath(): (path: string) => string {
  const [ids] = useQueryStates(parsers);
  return useCallback((path) => scopedPath(path, ids), [ids]);
}

/** The tenants that have a gateway in scope, as far as is known. */
export function useTenantsInScope(): string[] {
  const { ids } = useScope();
  const one = useTenantInScope();
  const { data: tenants } = useQuery(queries.tenants());
  if (one && (ids.tenant || ids.site || ids.gateway)) return [one.id];
  return tenants?.flatMap(({ id, gateways }) => (gateways > 0 ? [id] : [])) ?? [];
}

/** Name and colour (1 to 6) of the tenant in scope; undefined while all are. */
export function useTenantInScope(): { id: string; name: string; colour: number } | undefined {
  const { ids } = useScope();
  const { data: tenants } = useQuery(queries.tenants());
  const { data: gateway } = useQuery({ ...queries.gateway(ids.gateway ?? ''), enabled: Boolean(ids.gateway) });
  const { data: sites } = useQuery(queries.sites());
  const id = ids.tenant ?? sites?.find((site) => site.id === ids.site)?.tenantId ?? gateway?.tenantId;
  return tenants?.find((tenant) => tenant.id === id) ?? (tenants?.length === 1 ? tenants[0] : undefined);
}

/** Whether a gateway is in the scope of this page. */
export function isInScope(gateway: { id: string; tenantId: string; siteId: string }, { tenant, site, gateway: id }: ScopeIds): boolean {
  return (!tenant || gateway.tenantId === tenant) && (!site || gateway.siteId === site) && (!id || gateway.id === id);
}
