import { z } from 'zod';
import { ALERT_STATES, SEVERITIES } from '../model/alerts/kinds.ts';
import { POINT_NAMES } from '../model/measures.ts';
import { askedTime, forPeople, id, idParams, name, page, pageQuery, shownName, time } from './common.ts';
import { facets, gateway, optional } from './gateway.ts';
import { freshness, overviewChange, placeQuery } from './overview.ts';
import { defineRoute } from './route.ts';

export { gateway, usage, wan, type Gateway } from './gateway.ts';

/** A tag of a gateway. */
export const tag = forPeople(z.string().min(1).max(50));

export const tenant = z.object({
  id,
  name: shownName,
  colour: z.number().int().min(1).max(6),
  gateways: z.number().int(),
  createdAt: time,
  /** Whoever has a role here must sign in with a second factor. */
  demandsSecondFactor: z.boolean(),
});
export const site = z.object({ id, tenantId: id, name: shownName, timeZone: z.string(), gateways: z.number().int(), createdAt: time });

/** A time without samples is a gap; it is never filled in. */
export const samples = z.object({
  resolutionSeconds: z.number().int(),
  points: z.array(
    z.object({
      at: time,
      ...optional(POINT_NAMES),
      count: z.number().int(),
      countMax: z.number().int(),
      ...facets,
    }),
  ),
  gaps: z.array(z.object({ from: time, to: time })),
});

/** Ids in a query, separated by commas: what a page shows. */
const MAX_IDS = 200;
const ids = z
  .string()
  .max(MAX_IDS * 40)
  .transform((text) => text.split(','))
  .pipe(z.array(id).min(1).max(MAX_IDS));

export const fleetEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('gateway'), gateway }),
  /** A gateway that was asked for and is not there, or no longer. */
  z.object({ kind: z.literal('gateway-gone'), gatewayId: id }),
  z.object({ kind: z.literal('overview'), ...overviewChange.shape }),
  z.object({ kind: z.literal('flush'), flushId: id, state: z.string(), done: z.number().int(), planned: z.number().int() }),
  z.object({ kind: z.literal('remediation-run'), runId: id, remediationId: id, state: z.string() }),
  z.object({ kind: z.literal('alert'), alertId: id, gatewayId: id.optional(), severity: z.enum(SEVERITIES), state: z.enum(ALERT_STATES) }),
  z.object({ kind: z.literal('heartbeat'), at: time }),
]);

export const listTenants = defineRoute({
  method: 'GET',
  path: '/tenants',
  action: 'tenants.read',
  summary: 'Tenants the caller may see',
  query: pageQuery,
  status: 200,
  response: page(tenant),
});
export const createTenant = defineRoute({
  method: 'POST',
  path: '/tenants',
  action: 'tenants.write',
  summary: 'Adds a tenant',
  body: z.strictObject({ name }),
  status: 201,
  response: tenant,
});
export const updateTenant = defineRoute({
  method: 'PATCH',
  path: '/tenants/{id}',
  action: 'tenants.write',
  isForPeople: true,
  needsProof: true,
  summary: 'Demands a second factor of everybody who has a role in a tenant, or no longer; effective with their next request',
  params: idParams,
  body: z.strictObject({ demandsSecondFactor: z.boolean() }),
  status: 200,
  response: tenant,
});
export const listSites = defineRoute({
  method: 'GET',
  path: '/sites',
  action: 'sites.read',
  summary: 'Sites',
  query: pageQuery.extend({ tenant: id.optional() }),
  status: 200,
  response: page(site),
});
export const createSite = defineRoute({
  method: 'POST',
  path: '/sites',
  action: 'sites.write',
  summary: 'Adds a site to a tenant',
  body: z.strictObject({ tenantId: id, name, timeZone: z.string().min(1).max(64).default('UTC') }),
  status: 201,
  response: site,
});
export const listGateways = defineRoute({
  method: 'GET',
  path: '/gateways',
  action: 'gateways.read',
  summary: 'Gateways with their newest sample, from the state of the fleet: `asOf` says how current it is',
  query: pageQuery.extend({
    ...placeQuery,
    /** These alone, up to 200 ids separated by commas. */
    ids: ids.optional(),
    /** Somewhere in the name of gateway, site or tenant, or in a tag; capitals do not matter. */
    text: z.string().max(200).optional(),
    state: gateway.shape.state.optional(),
    tag: z.string().max(50).optional(),
    /** Only those that need attention (proto/model/attention.ts), in the order of the list. */
    needs: z.literal('attention').optional(),
    /** By name, or by tenant, site and name. */
    order: z.enum(['name', 'place']).default('name'),
    limit: z.coerce.number().int().min(1).max(2000).default(500),
  }),
  status: 200,
  /** On all pages: how many match (`total`), and their tags, up to 500. */
  response: page(gateway).extend({ ...freshness, total: z.number().int(), tags: z.array(z.string()) }),
});
export const getGateway = defineRoute({
  method: 'GET',
  path: '/gateways/{id}',
  action: 'gateways.read',
  summary: 'One gateway',
  params: idParams,
  status: 200,
  response: gateway,
});
const neighbour = z.object({ id, name: shownName });
export const getNeighbours = defineRoute({
  method: 'GET',
  path: '/gateways/{id}/neighbours',
  action: 'gateways.read',
  summary: 'The gateways before and after one, by tenant, site and name; the last and the first are neighbours',
  params: idParams,
  query: z.object(placeQuery),
  status: 200,
  /** `number` counts from 1. */
  response: z.object({ number: z.number().int(), total: z.number().int(), previous: neighbour, next: neighbour }),
});
export const updateGateway = defineRoute({
  method: 'PATCH',
  path: '/gateways/{id}',
  action: 'gateways.write',
  summary: 'Renames or tags a gateway',
  params: idParams,
  body: z.strictObject({ name: name.optional(), tags: z.array(tag).max(20).optional() }),
  status: 200,
  response: gateway,
});
export const revokeGateway = defineRoute({
  method: 'POST',
  path: '/gateways/{id}:revoke',
  action: 'gateways.write',
  summary: 'Revokes the gateway’s identity and cuts its link at once',
  params: idParams,
  status: 200,
  response: gateway,
});
export const reinstateGateway = defineRoute({
  method: 'POST',
  path: '/gateways/{id}:reinstate',
  action: 'gateways.write',
  summary: 'Accepts sessions again from a gateway that was set aside; the other holder of its identity must be gone',
  params: idParams,
  status: 200,
  response: gateway,
});
export const listSamples = defineRoute({
  method: 'GET',
  path: '/gateways/{id}/samples',
  action: 'samples.read',
  summary: 'Samples of one gateway; the resolution follows from the span',
  params: idParams,
  query: z.object({ from: askedTime, to: askedTime, points: z.coerce.number().int().min(10).max(2000).default(360) }),
  status: 200,
  response: samples,
});
export const watchFleet = defineRoute({
  method: 'GET',
  path: '/events',
  action: 'gateways.read',
  summary: 'Live: what is asked for as it changes, at most once a second, and running flushes, remediations and alerts',
  query: z.object({
    /** Of these gateways, first their state, then each change: up to 200 ids separated by commas. */
    ids: ids.optional(),
    /** `overview`: first whole, then what differs. `alerts`: only what all streams tell: flushes, runs and alerts that changed. */
    watch: z.enum(['overview', 'alerts']).optional(),
    ...placeQuery,
  }),
  status: 200,
  response: fleetEvent,
  isStream: true,
});
