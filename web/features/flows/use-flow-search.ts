'use client';

import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { FlowRow } from '../../../proto/http/flows.ts';
import { routes } from '../../../proto/http/routes.ts';
import type { Scope } from '../../../proto/http/scope.ts';
import { call } from '../../lib/controller/client.ts';
import { useKept } from '../../ui/kept.ts';
import { followSearch, type SearchProgress } from './follow-search.ts';
import { rowsToShow, type Held } from './held-rows.ts';
import type { SortBy } from './use-view.ts';

const PAGE = 200;
/** Most rows kept in memory at once; further ones are reached by stepping to the next part. */
const PART = 4000;

export interface FlowQuestion {
  filter: string;
  scope: Scope;
  sort: { field: SortBy; descending: boolean } | undefined;
}

/** How far the search is that runs now: `of` says which. */
interface Filling extends SearchProgress {
  of: string;
  rows: FlowRow[];
  /** When it began to be told. */
  atMs: number;
}

/**
 * The flows that match, as a snapshot: rows of one part (4,000 at most), fetched by cursor as they are scrolled to. The first page fills as
 * gateways answer, until somebody touches it (`hold`): what arrives later waits for `show`. Then nothing changes until `refresh`. `isStale`
 * is true while an earlier answer is still shown: another query is running, or a refresh failed.
 */
export function useFlowSearch(question: FlowQuestion | undefined) {
  const [round, setRound] = useState({ number: 0, question: JSON.stringify(question), starts: [undefined] as (string | undefined)[] });
  const asked = JSON.stringify(question);
  if (question && round.question !== asked) setRound({ number: round.number, question: asked, starts: [undefined] });
  const start = round.starts.at(-1);
  const of = `${asked} ${round.number}`;
  const [progress, setProgress] = useState<Filling>();
  const [held, setHeld] = useState<Held>();
  const query = useInfiniteQuery({
    queryKey: ['flows', question, round.number, start],
    enabled: question !== undefined,
    initialPageParam: start,
    queryFn: ({ pageParam, signal }) => {
      const body = {
        filter: question!.filter,
        scope: question!.scope,
        sort: question!.sort,
        limit: PAGE,
        cursor: pageParam,
        withFacets: pageParam === undefined,
        ...(round.number > 0 && { maxAgeMs: 0 }),
      };
      if (pageParam !== undefined) return call(routes.searchFlows, { body, signal });
      return followSearch(body, signal, (event) =>
        setProgress((kept) => {
          const before = kept?.of === of ? kept : undefined;
          return { ...event, of, rows: event.rows ?? before?.rows ?? [], atMs: before?.atMs ?? Date.now() };
        }),
      );
    },
    getNextPageParam: (last, pages) => (pages.length * PAGE < PART ? last.cursor : undefined),
    staleTime: Infinity,
    gcTime: 60_000,
    placeholderData: keepPreviousData,
  });
  const answered = useMemo(
    () => query.data && { pages: query.data.pages, question, atMs: query.isPlaceholderData ? undefined : query.dataUpdatedAt },
    [query.data, query.isPlaceholderData, query.dataUpdatedAt, question],
  );
  const data = useKept(query.data && !query.isPlaceholderData ? answered : undefined) ?? answered;
  const arrived = useMemo<FlowRow[]>(() => data?.pages.flatMap((page) => page.rows) ?? [], [data]);
  const first = data?.pages[0];
  const last = data?.pages.at(-1);
  const isAsking = query.isFetching && (query.data === undefined || query.isPlaceholderData);
  const filling = isAsking && progress?.of === of ? progress : undefined;
  /** The first rows are there, and take the place of those of before. */
  const isFilling = filling !== undefined && filling.rows.length > 0;
  const newest = isFilling ? filling.rows : arrived;
  const own = query.isError ? undefined : held;
  const { rows, more } = useMemo(() => rowsToShow(newest, own, { of, isFilling }), [newest, own, of, isFilling]);
  // All has arrived and nothing was new: pages that are loaded from now on are wanted.
  if (held?.of === of && !isAsking && more === 0) setHeld(undefined);
  return {
    rows,
    /** Rows that arrived since the page was touched. */
    more,
    total: isFilling ? filling.total : first?.total,
    facets: (isFilling ? filling.facets : first?.facets) ?? [],
    gateways: last?.gateways ?? [],
    /** How many gateways have answered, while they are being asked. */
    filling,
    error: query.error,
    isStale:
      !isFilling && data !== undefined && (query.data === undefined || query.isPlaceholderData || query.isError || question === undefined),
    isLoading: query.isLoading && data === undefined && !isFilling,
    isFetching: query.isFetching,
    /** True if what is shown answers another filter, scope or sort than the current one. */
    isOther: !isFilling && data !== undefined && question !== undefined && data.question !== question,
    askedAtMs: isFilling ? filling.atMs : data?.atMs,
    firstRow: (round.starts.length - 1) * PART,
    /** Somebody points at a row or has chosen one: it does not move any more. */
    hold() {
      if (isFilling && held?.of !== of) setHeld({ of, rows: newest });
    },
    show: () => setHeld(undefined),
    needMore() {
      if (more === 0 && query.hasNextPage && !query.isFetching) void query.fetchNextPage();
    },
    nextPart:
      last?.cursor && query.data && !query.hasNextPage ? () => setRound({ ...round, starts: [...round.starts, last.cursor] }) : undefined,
    previousPart: round.starts.length > 1 ? () => setRound({ ...round, starts: round.starts.slice(0, -1) }) : undefined,
    refresh: () => setRound({ ...round, number: round.number + 1, starts: [undefined] }),
  };
}

export type FlowSearch = ReturnType<typeof useFlowSearch>;
