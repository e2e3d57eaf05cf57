'use client';

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../lib/controller/queries.ts';
import type { Place } from './policy-target.tsx';

const MAX_OFFERED = 500;

/** The gateways that a policy of this place would reach, by name, as many as a list can offer. */
export function useGatewaysFor({ tenantId, target }: Place): { id: string; name: string }[] {
  const { data } = useQuery(
    queries.gateways({
      ...(tenantId && { tenant: tenantId }),
      ...(target.level === 'site' && { site: target.siteId }),
      ...(target.level === 'gateway' && { gateway: target.gatewayId }),
      ...(target.level === 'tag' && { tag: target.tag }),
      limit: MAX_OFFERED,
    }),
  );
  return data?.items ?? [];
}
