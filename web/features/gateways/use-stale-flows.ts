'use client';

import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Gateway } from '../../../proto/http/fleet.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { suspectWans, type StaleCounts } from './need.ts';

/** Counts stale flows where a WAN is down or without its route, and only there: elsewhere nothing can be stuck, and no table is walked for it. */
export function useStaleFlows(gateways: Gateway[] | undefined): StaleCounts {
  const refusal = useRefusal('flows.read');
  const ids = gateways?.filter((gateway) => gateway.state === 'online' && suspectWans(gateway).length > 0).map(({ id }) => id).toSorted() ?? [];
  const { data } = useQuery({ ...queries.staleFlows({ gateways: ids }), enabled: ids.length > 0 && refusal === undefined });
  return useMemo(() => new Map(data?.gateways.flatMap(({ id, state, total }) => (state === 'answered' && total !== undefined ? [[id, total] as const] : []))), [data]);
}
