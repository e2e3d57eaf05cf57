'use client';

import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import type { RemediationDocument } from '../../../proto/http/remediation-document.ts';
import type { listRemediationRunFlows } from '../../../proto/http/remediations.ts';
import type { listPolicyStates } from '../../../proto/http/policy-states.ts';
import type { getNeighbours, listGateways } from '../../../proto/http/fleet.ts';
import type { getOverview } from '../../../proto/http/overview.ts';
import type { listAlerts } from '../../../proto/http/alerts.ts';
import type { listWanEvents } from '../../../proto/http/wan-events.ts';
import { routes } from '../../../proto/http/routes.ts';
import type { Scope } from '../../../proto/http/scope.ts';
import { call } from './client.ts';

/** Every query of the console, by its cache key. Changes from streams are written into the same keys (live.tsx, lib/watch.ts). */
export const me = () => queryOptions({ queryKey: ['me'], queryFn: ({ signal }) => call(routes.getMe, { signal }), staleTime: 60_000 });
export const providers = () => queryOptions({ queryKey: ['providers'], queryFn: ({ signal }) => call(routes.listProviders, { signal }) });
export const account = () => queryOptions({ queryKey: ['account'], queryFn: ({ signal }) => call(routes.getAccount, { signal }) });
export const mail = () =>
  queryOptions({ queryKey: ['mail'], queryFn: ({ signal }) => call(routes.getMail, { signal }), staleTime: 60_000 });
export const serviceAccounts = () =>
  queryOptions({
    queryKey: ['service-accounts'],
    queryFn: ({ signal }) => call(routes.listServiceAccounts, { query: { limit: 500 }, signal }),
  });
export const people = () =>
  queryOptions({ queryKey: ['people'], queryFn: ({ signal }) => call(routes.listPeople, { query: { limit: 500 }, signal }) });
export const groups = () =>
  queryOptions({ queryKey: ['groups'], queryFn: ({ signal }) => call(routes.listGroups, { query: { limit: 500 }, signal }) });
export const group = (id: string) =>
  queryOptions({ queryKey: ['groups', id], queryFn: ({ signal }) => call(routes.getGroup, { params: { id }, signal }) });
export const tenants = () =>
  queryOptions({
    queryKey: ['tenants'],
    queryFn: async ({ signal }) => (await call(routes.listTenants, { query: { limit: 500 }, signal })).items,
    staleTime: 60_000,
  });
export const sites = () =>
  queryOptions({
    queryKey: ['sites'],
    queryFn: async ({ signal }) => (await call(routes.listSites, { query: { limit: 500 }, signal })).items,
    staleTime: 60_000,
  });
/** One gateway with everything that is known of it; while a page shows it, `useWatched` keeps it current. */
export const gateway = (id: string) =>
  queryOptions({
    queryKey: ['gateway', id],
    queryFn: ({ signal }) => call(routes.getGateway, { params: { id }, signal }),
    staleTime: 10_000,
  });
/** A page of gateways. */
export const gateways = (asked: z.input<typeof listGateways.query>) =>
  queryOptions({
    queryKey: ['gateways', asked],
    queryFn: ({ signal }) => call(routes.listGateways, { query: asked, signal }),
    staleTime: 10_000,
    placeholderData: keepPreviousData,
  });
export const neighbours = (id: string, place: z.input<typeof getNeighbours.query>) =>
  queryOptions({
    queryKey: ['neighbours', id, place],
    queryFn: ({ signal }) => call(routes.getNeighbours, { params: { id }, query: place, signal }),
    staleTime: 60_000,
  });
/** The fleet in figures; `useOverview` keeps it current. */
export const overview = (place: z.input<typeof getOverview.query>) =>
  queryOptions({
    queryKey: ['overview', place],
    queryFn: ({ signal }) => call(routes.getOverview, { query: place, signal }),
    staleTime: 10_000,
  });
export const samples = (id: string, span: { fromMs: number; toMs: number }, points: number) =>
  queryOptions({
    queryKey: ['samples', id, span.fromMs, span.toMs, points],
    queryFn: ({ signal }) =>
      call(routes.listSamples, {
        params: { id },
        query: { from: new Date(span.fromMs).toISOString(), to: new Date(span.toMs).toISOString(), points },
        signal,
      }),
    staleTime: 60_000,
    placeholderData: keepPreviousData,
  });
/** Read from the gateway each time it is opened; asking costs the gateway a walk through its rules, so it is not repeated by itself. */
export const gatewayPolicy = (id: string) =>
  queryOptions({
    queryKey: ['gateway-policy', id],
    queryFn: ({ signal }) => call(routes.getGatewayPolicy, { params: { id }, signal }),
    staleTime: 10_000,
    refetchOnWindowFocus: false,
  });
/** What helpers of a gateway expect; asked with what it is set to. */
export const expectations = (id: string) =>
  queryOptions({
    queryKey: ['expectations', id],
    queryFn: ({ signal }) => call(routes.listExpectations, { params: { id }, signal }),
    staleTime: 10_000,
    refetchOnWindowFocus: false,
  });
export const plan = (id: string) =>
  queryOptions({ queryKey: ['plan', id], queryFn: ({ signal }) => call(routes.getPlan, { params: { id }, signal }), staleTime: Infinity });
export const flush = (id: string) =>
  queryOptions({ queryKey: ['flush', id], queryFn: ({ signal }) => call(routes.getFlush, { params: { id }, signal }) });
export const flushes = (asked: { tenant?: string; gateway?: string; limit: number }) =>
  queryOptions({ queryKey: ['flushes', asked], queryFn: ({ signal }) => call(routes.listFlushes, { query: asked, signal }) });
/** Standing blocks; their counts are as old as the gateway's last sample, and no event announces their end. */
export const blocks = (asked: { gateway?: string; flush?: string }) =>
  queryOptions({
    queryKey: ['blocks', asked],
    queryFn: ({ signal }) => call(routes.listBlocks, { query: asked, signal }),
    refetchInterval: 3000,
  });
export const audit = (asked: {
  tenant?: string;
  gateway?: string;
  flush?: string;
  action?: string;
  q?: string;
  cursor?: string;
  limit: number;
}) =>
  queryOptions({
    queryKey: ['audit', asked],
    queryFn: ({ signal }) => call(routes.listAudit, { query: asked, signal }),
    placeholderData: keepPreviousData,
  });
export const auditEntry = (id: string) =>
  queryOptions({
    queryKey: ['audit-entry', id],
    queryFn: ({ signal }) => call(routes.getAuditEntry, { params: { id }, signal }),
    staleTime: Infinity,
  });
export const tokens = () => queryOptions({ queryKey: ['tokens'], queryFn: ({ signal }) => call(routes.listTokens, { signal }) });
export const enrolmentTokens = () =>
  queryOptions({ queryKey: ['enrolment-tokens'], queryFn: ({ signal }) => call(routes.listEnrolmentTokens, { signal }) });
/** Roll-outs fill while they are looked at, and no event says so of those that await approval. */
export const rollouts = () =>
  queryOptions({ queryKey: ['rollouts'], queryFn: ({ signal }) => call(routes.listRollouts, { signal }), refetchInterval: 10_000 });
export const rollout = (id: string) =>
  queryOptions({
    queryKey: ['rollout', id],
    queryFn: ({ signal }) => call(routes.getRollout, { params: { id }, signal }),
    refetchInterval: 3000,
  });
export const enrolments = (id: string) =>
  queryOptions({
    queryKey: ['enrolments', id],
    queryFn: ({ signal }) => call(routes.listEnrolments, { params: { id }, query: { limit: 500 }, signal }),
    refetchInterval: 3000,
  });

/** How many flows match a filter, without fetching rows. */
export const flowCount = (filter: string, scope: Scope) =>
  queryOptions({
    queryKey: ['flow-count', filter, scope],
    queryFn: async ({ signal }) => (await call(routes.searchFlows, { body: { filter, scope, limit: 0, withFacets: false }, signal })).total,
    staleTime: 30_000,
  });

/** Totals and facets of what matches a filter in the current tables, refreshed every half minute. */
export const flowSummary = (filter: string, scope: Scope) =>
  queryOptions({
    queryKey: ['flow-summary', filter, scope],
    queryFn: ({ signal }) => call(routes.searchFlows, { body: { filter, scope, limit: 0 }, signal }),
    staleTime: 15_000,
    refetchInterval: 30_000,
    placeholderData: keepPreviousData,
  });

export const policies = () =>
  queryOptions({ queryKey: ['policies'], queryFn: ({ signal }) => call(routes.listPolicies, { query: { limit: 500 }, signal }) });
export const policy = (id: string) =>
  queryOptions({ queryKey: ['policy', id], queryFn: ({ signal }) => call(routes.getPolicy, { params: { id }, signal }) });
export const policyRevisions = (id: string) =>
  queryOptions({
    queryKey: ['policy-revisions', id],
    queryFn: async ({ signal }) => (await call(routes.listPolicyRevisions, { params: { id }, signal })).items,
  });
/** Newest first; changes arrive on the stream of each, so that a list is read again while some are open. */
export const policyRollouts = (asked: { policy?: string; tenant?: string; gateway?: string; cursor?: string; limit: number }) =>
  queryOptions({
    queryKey: ['policy-rollouts', asked],
    queryFn: ({ signal }) => call(routes.listPolicyRollouts, { query: asked, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  });
export const policyRollout = (id: string) =>
  queryOptions({ queryKey: ['policy-rollout', id], queryFn: ({ signal }) => call(routes.getPolicyRollout, { params: { id }, signal }) });
export const rolloutDifference = (id: string, gatewayId: string) =>
  queryOptions({
    queryKey: ['rollout-difference', id, gatewayId],
    queryFn: async ({ signal }) => (await call(routes.getRolloutDifference, { params: { id, gatewayId }, signal })).difference,
    staleTime: Infinity,
  });
/** How gateways stand to their policies, as they last told; no event announces a change. */
export const policyStates = (asked: z.input<typeof listPolicyStates.query>) =>
  queryOptions({
    queryKey: ['policy-states', asked],
    queryFn: ({ signal }) => call(routes.listPolicyStates, { query: asked, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  });
/** What a gateway is set to now, as a document; asked once for each opening of the editor. */
export const adoptedPolicy = (id: string) =>
  queryOptions({
    queryKey: ['adopted-policy', id],
    queryFn: ({ signal }) => call(routes.adoptPolicy, { params: { id }, signal }),
    gcTime: 0,
    staleTime: Infinity,
  });

export const remediations = () =>
  queryOptions({ queryKey: ['remediations'], queryFn: ({ signal }) => call(routes.listRemediations, { query: { limit: 500 }, signal }) });
export const remediation = (id: string) =>
  queryOptions({ queryKey: ['remediation', id], queryFn: ({ signal }) => call(routes.getRemediation, { params: { id }, signal }) });
export const builtInRemediations = () =>
  queryOptions({
    queryKey: ['built-in-remediations'],
    queryFn: async ({ signal }) => (await call(routes.listBuiltInRemediations, { signal })).items,
    staleTime: Infinity,
  });
export const remediationCheck = (asked: { tenantId?: string; document: RemediationDocument }) =>
  queryOptions({
    queryKey: ['remediation-check', asked],
    queryFn: ({ signal }) => call(routes.checkRemediation, { body: asked, signal }),
    staleTime: 15_000,
    placeholderData: keepPreviousData,
  });
/** Runs, newest first; changes arrive on the fleet's stream. */
export const remediationRuns = (asked: { remediation?: string; tenant?: string; gateway?: string; cursor?: string; limit: number }) =>
  queryOptions({
    queryKey: ['remediation-runs', asked],
    queryFn: ({ signal }) => call(routes.listRemediationRuns, { query: asked, signal }),
    placeholderData: keepPreviousData,
  });
export const remediationRun = (id: string) =>
  queryOptions({ queryKey: ['remediation-run', id], queryFn: ({ signal }) => call(routes.getRemediationRun, { params: { id }, signal }) });
export const authority = () => queryOptions({ queryKey: ['authority'], queryFn: ({ signal }) => call(routes.getAuthority, { signal }) });
export const retention = () =>
  queryOptions({ queryKey: ['retention'], queryFn: ({ signal }) => call(routes.getRetention, { signal }), staleTime: 60_000 });
export const auditCheckpoints = () =>
  queryOptions({ queryKey: ['audit-checkpoints'], queryFn: ({ signal }) => call(routes.listCheckpoints, { signal }) });

/** One page of exact flows, of a plan, of an audit entry or of a remediation's run on a gateway. */
export interface FlowsPage {
  items: (Omit<z.output<typeof listRemediationRunFlows.response>['items'][number], 'sweep'> & { sweep?: number })[];
  cursor?: string;
  unreadable?: { id: string; reason: string }[];
  /** When the flows of a plan or of a run were removed after their retention time. */
  droppedAt?: string;
}
export type FlowsOf = { plan: string; flush?: string } | { audit: string } | { run: string };
export const flowsOf = (of: FlowsOf, cursor: string | undefined) =>
  queryOptions({
    queryKey: ['exact-flows', of, cursor],
    queryFn: ({ signal }) => flowsPage(of, cursor, 100, signal),
    staleTime: Infinity,
    placeholderData: keepPreviousData,
  });

/** Fetches a page of exact flows; `limit` applies where the source is paged by rows. */
export function flowsPage(of: FlowsOf, cursor: string | undefined, limit: number, signal?: AbortSignal): Promise<FlowsPage> {
  if ('plan' in of) return call(routes.listPlanFlows, { params: { id: of.plan }, query: { cursor, limit, flush: of.flush }, signal });
  if ('audit' in of) return call(routes.listAuditFlows, { params: { id: of.audit }, query: { cursor, limit }, signal });
  return call(routes.listRemediationRunFlows, { params: { id: of.run }, query: { cursor }, signal });
}

export const alerts = (asked: z.input<typeof listAlerts.query>) =>
  queryOptions({
    queryKey: ['alerts', asked],
    queryFn: ({ signal }) => call(routes.listAlerts, { query: asked, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 15_000,
  });
export const alert = (id: string) =>
  queryOptions({
    queryKey: ['alert', id],
    queryFn: ({ signal }) => call(routes.getAlert, { params: { id }, signal }),
    refetchInterval: 15_000,
  });
export const wanEvents = (asked: z.input<typeof listWanEvents.query>) =>
  queryOptions({
    queryKey: ['wan-events', asked],
    queryFn: ({ signal }) => call(routes.listWanEvents, { query: asked, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 15_000,
  });
export const wanEvent = (id: string) =>
  queryOptions({
    queryKey: ['wan-event', id],
    queryFn: ({ signal }) => call(routes.getWanEvent, { params: { id }, signal }),
    refetchInterval: 10_000,
  });
export const receivers = () =>
  queryOptions({ queryKey: ['receivers'], queryFn: ({ signal }) => call(routes.listReceivers, { query: { limit: 500 }, signal }) });
export const deliveries = (alertId: string) =>
  queryOptions({
    queryKey: ['deliveries', alertId],
    queryFn: ({ signal }) => call(routes.listDeliveries, { query: { alert: alertId, limit: 100 }, signal }),
    refetchInterval: 15_000,
  });
