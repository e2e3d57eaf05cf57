'use client';

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../lib/controller/queries.ts';
import type { Place } from './policy-target.tsx';

/** The gateways that a policy of this place would reach, by name. */
export function useGatewaysFor({ tenantId, target }: Place): { id: string; name: string }[] {
  const { data: gateways = [] } = useQuery(queries.gateways());
  return gateways
    .filter((gateway) => tenantId === undefined || gateway.tenantId === tenantId)
    .filter(
      ({ id, siteId, tags }) =>
        (target.level !== 'gateway' || target.gatewayId === id) &&
        (target.level !== 'site' || target.siteId === siteId) &&
        (target.level !== 'tag' || tags.includes(target.tag)),
    )
    .toSorted((a, b) => a.name.localeCompare(b.name));
}
