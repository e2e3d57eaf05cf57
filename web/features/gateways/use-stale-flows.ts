'use client';

import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Gateway } from '../../../proto/http/fleet.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { suspectWans, type StaleCounts } from './need.ts';

/** Counts stale flows where a WAN is down or without the route, and only there: elsewhere nothing can be stuck, and no table is walked for it. */
export function useStaleFlows(gateways: Gateway[] | undefined): StaleCounts {
  const refusal = useRefusal('flows.read');
  const ids = gateways?.filter((gateway) => gateway.state === 'online' && suspectWans(gateway).length > 0).map(({ id }) => id).toSorted() ?? [];
  const { data } = useQuery({ ...queries.staleFlows({ gateways: ids }), enabled: ids.length > 0 && refusal === undefined });
  return useMemo(() => {
    const wans = data?.facets.find(({ field }) => field === 'wan')?.values ?? [];
    // The facets are of all gateways together: they name a WAN only where there is one.
    const wan = wans.length === 1 && wans[0]!.flows === data?.total ? wans[0]!.value : undefined;
    return new Map(data?.gateways.flatMap(({ id, state, total }) => (state === 'answered' && total !== undefined ? [[id, { flows: total, wan }] as const] : [])));
  }, [data]);
}
