'use client';

import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import type { listPlanFlows } from '../../../proto/http/plans.ts';
import { routes } from '../../../proto/http/routes.ts';
import type { Scope } from '../../../proto/http/scope.ts';
import { call } from './call.ts';

/** Every question the console asks, by its cache key. What the live stream changes is written into the same keys (live.tsx). */
export const me = () => queryOptions({ queryKey: ['me'], queryFn: ({ signal }) => call(routes.getMe, { signal }), staleTime: 60_000 });
export const tenants = () => queryOptions({ queryKey: ['tenants'], queryFn: async ({ signal }) => (await call(routes.listTenants, { query: { limit: 500 }, signal })).items, staleTime: 60_000 });
export const sites = () => queryOptions({ queryKey: ['sites'], queryFn: async ({ signal }) => (await call(routes.listSites, { query: { limit: 500 }, signal })).items, staleTime: 60_000 });
export const gateways = () => queryOptions({ queryKey: ['gateways'], queryFn: async ({ signal }) => (await call(routes.listGateways, { query: { limit: 2000 }, signal })).items, staleTime: Infinity });
export const samples = (id: string, span: { fromMs: number; toMs: number }, points: number) => queryOptions({
  queryKey: ['samples', id, span.fromMs, span.toMs, points],
  queryFn: ({ signal }) => call(routes.listSamples, { params: { id }, query: { from: new Date(span.fromMs).toISOString(), to: new Date(span.toMs).toISOString(), points }, signal }),
  staleTime: 60_000, placeholderData: keepPreviousData,
});
export const plan = (id: string) => queryOptions({ queryKey: ['plan', id], queryFn: ({ signal }) => call(routes.getPlan, { params: { id }, signal }), staleTime: Infinity });
export const flush = (id: string) => queryOptions({ queryKey: ['flush', id], queryFn: ({ signal }) => call(routes.getFlush, { params: { id }, signal }) });
export const flushes = (asked: { gateway?: string; limit: number }) => queryOptions({ queryKey: ['flushes', asked], queryFn: async ({ signal }) => (await call(routes.listFlushes, { query: asked, signal })).items });
export const audit = (asked: { tenant?: string; gateway?: string; flush?: string; action?: string; q?: string; cursor?: string; limit: number }) => queryOptions({
  queryKey: ['audit', asked], queryFn: ({ signal }) => call(routes.listAudit, { query: asked, signal }), placeholderData: keepPreviousData,
});
export const auditEntry = (id: string) => queryOptions({ queryKey: ['audit-entry', id], queryFn: ({ signal }) => call(routes.getAuditEntry, { params: { id }, signal }), staleTime: Infinity });
export const tokens = () => queryOptions({ queryKey: ['tokens'], queryFn: async ({ signal }) => (await call(routes.listTokens, { signal })).items });
export const enrolmentTokens = () => queryOptions({ queryKey: ['enrolment-tokens'], queryFn: async ({ signal }) => (await call(routes.listEnrolmentTokens, { signal })).items });

/** How many flows match each part of a filter; rows stay where they are. */
export const flowCount = (filter: string, scope: Scope) => queryOptions({
  queryKey: ['flow-count', filter, scope],
  queryFn: async ({ signal }) => (await call(routes.searchFlows, { body: { filter, scope, limit: 0, withFacets: false }, signal })).total, staleTime: 30_000,
});

/** One page of exact flows, of a plan or of an audit entry. */
export type FlowsPage = z.output<typeof listPlanFlows.response>;
export const flowsOf = (of: { plan: string } | { audit: string }, cursor: string | undefined) => queryOptions({
  queryKey: ['exact-flows', of, cursor],
  queryFn: ({ signal }): Promise<FlowsPage> => ('plan' in of
    ? call(routes.listPlanFlows, { params: { id: of.plan }, query: { cursor, limit: 100 }, signal })
    : call(routes.listAuditFlows, { params: { id: of.audit }, query: { cursor, limit: 100 }, signal })),
  staleTime: Infinity, placeholderData: keepPreviousData,
});
