'use client';

import { useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query';
import { useEffect, useEffectEvent } from 'react';
import type { Gateway } from '../../proto/http/fleet.ts';
import { withChange } from '../../proto/http/overview-change.ts';
import type { Overview } from '../../proto/http/overview.ts';
import { routes } from '../../proto/http/routes.ts';
import { subscribe } from '../../client/subscribe.ts';
import { useScope } from './scope.ts';
import { toPlace } from './scoped-path.ts';
import { controller } from './controller/client.ts';
import * as queries from './controller/queries.ts';

/** Follows the gateways that a page shows: `onGateway` gets the state of each, then each change. */
export function useWatched(ids: string[], onGateway: (gateway: Gateway) => void): void {
  const take = useEffectEvent(onGateway);
  const asked = ids.toSorted().join(',');
  useEffect(() => {
    if (asked === '') return undefined;
    return subscribe(
      controller,
      routes.watchFleet,
      { query: { ids: asked } },
      { now: Date.now, onState: () => {}, onEvent: (event) => event.kind === 'gateway' && take(event.gateway) },
    );
  }, [asked]);
}

/** One gateway, current as long as it is shown. */
export function useGateway(id: string): UseQueryResult<Gateway> {
  const client = useQueryClient();
  const query = useQuery(queries.gateway(id));
  useWatched(query.data ? [id] : [], (gateway) => client.setQueryData(queries.gateway(gateway.id).queryKey, gateway));
  return query;
}

/** The overview of what is in scope, current as long as it is shown: read whole once, then by differences. */
export function useOverview(): UseQueryResult<Overview> {
  const client = useQueryClient();
  const { ids } = useScope();
  const place = JSON.stringify(toPlace(ids));
  useEffect(() => {
    let had: Overview | undefined;
    const asked = JSON.parse(place) as ReturnType<typeof toPlace>;
    return subscribe(
      controller,
      routes.watchFleet,
      { query: { watch: 'overview', ...asked } },
      {
        now: Date.now,
        onState: () => {},
        onEvent(event) {
          if (event.kind !== 'overview') return;
          had = withChange(had, event);
          if (had) client.setQueryData(queries.overview(asked).queryKey, had);
        },
      },
    );
  }, [client, place]);
  return useQuery(queries.overview(toPlace(ids)));
}
