import { z } from 'zod';
import { SIGNATURE_DEMANDS } from '../model/signature-demands.ts';
import { COUNTER_NAMES, FACET_NAMES, GAUGE_NAMES, POINT_NAMES, type FacetName } from '../model/measures.ts';
import { askedTime, forPeople, id, idParams, name, page, pageQuery, shownName, time } from './common.ts';
import { defineRoute } from './route.ts';

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

export const wan = z.object({
  name: z.string(),
  interface: z.string(),
  addresses: z.array(z.string()),
  isUp: z.boolean().optional(),
  carriesDefaultRoute: z.boolean().optional(),
  /** The address probed through it answers; absent if none is probed. */
  isAnswering: z.boolean().optional(),
  /** Flows that use one of its addresses, from the last breakdown. */
  flows: z.number().int().optional(),
});

/** Measures by name; unknown ones are absent. */
function optional<Name extends string>(names: readonly Name[]): Record<Name, z.ZodOptional<z.ZodNumber>> {
  return Object.fromEntries(names.map((name) => [name, z.number().optional()])) as Record<Name, z.ZodOptional<z.ZodNumber>>;
}
const facets = Object.fromEntries(FACET_NAMES.map((name) => [name, z.record(z.string(), z.number().int()).optional()])) as Record<
  FacetName,
  z.ZodOptional<z.ZodRecord<z.ZodString, z.ZodNumber>>
>;

/** The newest sample of a gateway, and what is derived from the last minutes. Absent means unknown. */
export const usage = z.object({
  at: time,
  ...optional(GAUGE_NAMES),
  count: z.number().int(),
  /** Entries a minute over the last ten minutes. */
  perMinute: z.number().optional(),
  /** At that rate; only while it is rising. */
  minutesToFull: z.number().optional(),
  /** Packets lost in the last ten minutes because they got no entry, each counted once: the kernel counts some of them in two counters. */
  lost: z.number().int().optional(),
  /** The kernel's counters over the last ten minutes; they overlap, so their sum is meaningless. */
  drops: z.number().int().optional(),
  insertFailed: z.number().int().optional(),
  ...facets,
  topSources: z.array(z.object({ address: z.string(), flows: z.number().int() })).optional(),
  /** Flows whose source is translated, by translated address and protocol: an upper bound of its ports in use. */
  translations: z.array(z.object({ address: z.string(), proto: z.string(), flows: z.number().int() })).optional(),
  breakdownAt: time.optional(),
  /** Cumulative since the gateway started. */
  cpus: z
    .array(
      z.object({
        cpu: z.number().int(),
        ...optional(COUNTER_NAMES),
      }),
    )
    .optional(),
});

export const gateway = z.object({
  id,
  tenantId: id,
  tenantName: z.string(),
  siteId: id,
  siteName: z.string(),
  name: shownName,
  tags: z.array(z.string()),
  /**
   * `reconnecting`: the controller that held its link has stopped, and its agent is expected at another within seconds. `set-aside`: two
   * agents hold its identity; its sessions are refused until somebody decides.
   */
  state: z.enum(['online', 'reconnecting', 'offline', 'never-connected', 'revoked', 'set-aside']),
  setAsideReason: z.string().optional(),
  /** When it entered this state. */
  since: time,
  /**
   * Its newest certificate; absent for one that was enrolled before certificates were renewed and has not been since. `isOverdue`: most of
   * its life has passed, and its agent has not renewed it. `renewableUntil`: after this time the gateway must be enrolled again.
   */
  certificate: z.object({ generation: z.number().int(), endsAt: time, renewableUntil: time, isOverdue: z.boolean() }).optional(),
  agentVersion: z.string().optional(),
  kernel: z.string().optional(),
  tableKind: z.enum(['kernel', 'memory']).optional(),
  capabilities: z.object({ can: z.array(z.string()), cannot: z.record(z.string(), z.string()) }).optional(),
  /** Why its connected agent cannot see the table; absent if it can. Then nothing is known about its flows, and `usage` is absent. */
  tableError: z.string().optional(),
  wans: z.array(wan),
  /** What the gateway's owner allows, from a file there that the controller cannot change; as reported when the agent connected. */
  guard: z
    .object({
      isReadOnly: z.boolean(),
      methods: z.array(z.string()),
      mostDeletesAMinute: z.number().int().optional(),
      mostPercentOfTable: z.number().optional(),
      /**
       * The share is the default of every gateway: stale flows, and up to 1,000 flows, do not count against it. Absent from older agents.
       */
      isBuiltIn: z.boolean().optional(),
      protected: z.array(z.string()),
      /** What only a second person’s signature allows there, verified by the gateway itself; absent: nothing. */
      signedFor: z.array(z.enum(SIGNATURE_DEMANDS)).optional(),
      error: z.string().optional(),
    })
    .optional(),
  usage: usage.optional(),
});
export type Gateway = z.infer<typeof gateway>;

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

export const fleetEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('gateway'), gateway }),
  z.object({ kind: z.literal('flush'), flushId: id, state: z.string(), done: z.number().int(), planned: z.number().int() }),
  z.object({ kind: z.literal('remediation-run'), runId: id, remediationId: id, state: z.string() }),
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
  summary: 'Gateways with their newest sample',
  query: pageQuery.extend({ tenant: id.optional(), site: id.optional(), limit: z.coerce.number().int().min(1).max(2000).default(500) }),
  status: 200,
  response: page(gateway),
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
  summary: 'Live: gateways as they change, and running flushes',
  status: 200,
  response: fleetEvent,
  isStream: true,
});
