'use client';

import { useQuery } from '@tanstack/react-query';
import { parseAsString, useQueryStates } from 'nuqs';
import { useCallback, useMemo } from 'react';
import type { Gateway } from '../../proto/http/fleet.ts';
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

/** The gateways in scope, in name order, with the state of the query. */
export function useGatewaysInScope() {
  const { ids } = useScope();
  const query = useQuery(queries.gateways());
  const gateways = useMemo(
    () => query.data?.filter((gateway) => isInScope(gateway, ids)).toSorted((a, b) => a.name.localeCompare(b.name)),
    [query.data, ids],
  );
  return { ...query, gateways };
}

/** Name and colour (1 to 6) of the tenant in scope; undefined while all are. */
export function useTenantInScope(): { id: string; name: string; colour: number } | undefined {
  const { ids } = useScope();
  const { data: tenants } = useQuery(queries.tenants());
  const { data: gateways } = useQuery(queries.gateways());
  const { data: sites } = useQuery(queries.sites());
  const id =
    ids.tenant ??
    sites?.find((site) => site.id === ids.site)?.tenantId ??
    gateways?.find((gateway) => gateway.id === ids.gateway)?.tenantId;
  return tenants?.find((tenant) => tenant.id === id) ?? (tenants?.length === 1 ? tenants[0] : undefined);
}

function isInScope(gateway: Gateway, { tenant, site, gateway: id }: ScopeIds): boolean {
  return (!tenant || gateway.tenantId === tenant) && (!site || gateway.siteId === site) && (!id || gateway.id === id);
}
