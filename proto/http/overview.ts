import { z } from 'zod';
import { WHYS, type Why } from '../model/attention.ts';
import { id, time } from './common.ts';
import { gateway } from './gateway.ts';
import { defineRoute } from './route.ts';

const number = z.number().int();

/** How current an answer from the fleet's state is. */
export const freshness = {
  /** Changes until this time are in it, but for those of the last second. */
  asOf: time,
  /** Changes may have been missed since `asOf`, or Postgres cannot be read: what is shown is the last that was known. */
  isOld: z.boolean(),
};

/** Numbers over all gateways asked for (proto/model/fleet-figures.ts). */
export const figures = z.object({
  gateways: number,
  sites: number,
  states: z.object({
    online: number,
    reconnecting: number,
    offline: number,
    'never-connected': number,
    revoked: number,
    'set-aside': number,
  }),
  flows: number,
  highestShare: z.number(),
  faults: z.object({ down: number, 'not answering': number }),
  needs: z.object(Object.fromEntries(WHYS.map((why) => [why, number])) as Record<Why, typeof number>),
  stuckFlows: number,
});

/** One gateway as a tile: how full its table is, and why it needs attention. */
const tile = z.object({
  id,
  name: z.string(),
  siteName: z.string(),
  state: gateway.shape.state,
  /** Percent of its limit, rounded down; absent while unknown or not online. */
  percent: number.optional(),
  why: z.enum(WHYS).optional(),
});

export const tenantHeat = z.object({
  id,
  name: z.string(),
  gateways: number,
  /** Gateways by how full their tables are: 0 to 19 %, to 39, to 59, to 74, to 89, 90 and more; last those offline or not known. */
  bands: z.array(number).length(7),
  needs: number,
  /** One for each gateway, by name; absent where the fleet is too large for tiles. */
  tiles: z.array(tile).optional(),
});
export type TenantHeat = z.infer<typeof tenantHeat>;

export const overview = z.object({
  ...freshness,
  figures,
  /**
   * Up to 50 gateways that need attention, most urgent first, then up to 50 others on which flows may be stuck, for the gateways themselves
   * to count. Without what only the page of a gateway shows.
   */
  rows: z.array(gateway),
  /** Up to 100 tenants, those with the most gateways first. */
  tenants: z.array(tenantHeat),
  /** Tenants beyond those. */
  otherTenants: number,
  /** Gateways that cannot be shown, up to 20. */
  unreadable: z.array(z.object({ id: z.string(), reason: z.string() })).optional(),
});
export type Overview = z.infer<typeof overview>;

/**
 * What differs from the overview sent before; the first has everything. Rows and tenants are those that are new or changed; an order names
 * all that are shown now.
 */
export const overviewChange = overview.partial().extend({
  ...freshness,
  order: z.array(id).optional(),
  tenantOrder: z.array(id).optional(),
});
export type OverviewChange = z.infer<typeof overviewChange>;

/** Narrows to a tenant, a site or a gateway. */
export const placeQuery = { tenant: id.optional(), site: id.optional(), gateway: id.optional() };

export const getOverview = defineRoute({
  method: 'GET',
  path: '/overview',
  action: 'gateways.read',
  summary: 'The fleet in figures, and the gateways that need attention first',
  query: z.object(placeQuery),
  status: 200,
  response: overview,
});
