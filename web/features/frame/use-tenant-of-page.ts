'use client';

import { useQuery } from '@tanstack/react-query';
import { usePathname } from 'next/navigation';
import * as queries from '../../lib/controller/queries.ts';
import { useTenantInScope } from '../../lib/scope.ts';

/** The tenant whose colour the stripe has: that of the page's gateway or flush, otherwise the one in scope. */
export function useTenantOfPage(): { name: string; colour: number } | undefined {
  const [, noun, id] = usePathname().split('/');
  const inScope = useTenantInScope();
  const { data: tenants } = useQuery(queries.tenants());
  const { data: gateway } = useQuery({ ...queries.gateway(id ?? ''), enabled: noun === 'gateways' && id !== undefined });
  const { data: flush } = useQuery({ ...queries.flush(id ?? ''), enabled: noun === 'flushes' && id !== undefined });
  const gatewayTenant = noun === 'gateways' ? gateway?.tenantId : undefined;
  const flushTenant = noun === 'flushes' && flush?.tenants.length === 1 ? flush.tenants[0]!.id : undefined;
  return tenants?.find((tenant) => tenant.id === (gatewayTenant ?? flushTenant)) ?? inScope;
}
