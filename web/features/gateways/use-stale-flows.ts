'use client';

import { useQueries, type UseQueryResult } from '@tanstack/react-query';
import type { z } from 'zod';
import type { Gateway } from '../../../proto/http/fleet.ts';
import type { searchFlows } from '../../../proto/http/flows.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { isSuspect } from '../../../proto/model/fleet-figures.ts';
import { TRYING, type Stale, type StaleCounts } from './need.ts';

type Answer = z.output<typeof searchFlows.response>;

/**
 * Counts stale flows that are still trying, only on gateways where a WAN is down or without the route: elsewhere none can be stuck, and no
 * table is walked.
 */
export function useStaleFlows(gateways: Gateway[] | undefined): StaleCounts {
  const refusal = useRefusal('flows.read');
  const ids =
    gateways
      ?.filter(isSuspect)
      .map(({ id }) => id)
      .toSorted() ?? [];
  // One query per gateway: facets over several would not say whose WAN is which.
  return useQueries({
    queries: ids.map((id) => ({ ...queries.flowSummary(TRYING, { gateways: [id] }), enabled: refusal === undefined })),
    combine: countsOf,
  });
}

function countsOf(answers: UseQueryResult<Answer>[]): StaleCounts {
  return new Map(
    answers.flatMap(
      ({ data }) =>
        data?.gateways.flatMap(({ id, state, total }): [string, Stale][] =>
          state === 'answered' && total !== undefined ? [[id, { flows: total, wans: wansOf(data) }]] : [],
        ) ?? [],
    ),
  );
}

function wansOf({ facets }: Answer): string[] {
  return facets.find(({ field }) => field === 'wan')?.values.map(({ value }) => value) ?? [];
}
