import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Gateway } from '../../proto/http/fleet.ts';
import { MAX_GATEWAYS } from '../../proto/http/rollouts.ts';
import { routes } from '../../proto/http/routes.ts';
import type { DemoApi } from './api.ts';
import type { DemoGateway } from './fleet.ts';

/** A gateway of the demo with its agent's folder; `joinToken` if it has yet to enrol. */
export interface PlacedGateway extends DemoGateway {
  stateDir: string;
  joinToken?: string;
}

interface Place {
  tenantId: string;
  siteId: string;
}

/** The largest page of gateways. */
const PAGE = 2000;

/**
 * Creates missing tenants and sites, and join tokens for the gateways whose agents have no identity known to the controller: one each, and
 * one for all simulated gateways of a site.
 */
export async function placeGateways(api: DemoApi, fleet: DemoGateway[], agentsDir: string): Promise<PlacedGateway[]> {
  const known = new Set((await allGateways(api)).map((gateway) => gateway.id));
  const placed = fleet.map((gateway): PlacedGateway => ({ ...gateway, stateDir: path.join(agentsDir, gateway.name) }));
  const fresh = placed.filter(({ stateDir }) => !isKnown(stateDir, known));
  const places = await placesOf(api, fresh);
  const simulated = new Map<Place, PlacedGateway[]>();
  for (const gateway of fresh) {
    rmSync(gateway.stateDir, { recursive: true, force: true });
    const place = places.get(placeName(gateway))!;
    if (gateway.isSimulated) simulated.set(place, [...(simulated.get(place) ?? []), gateway]);
    else gateway.joinToken = await ownToken(api, place, gateway);
  }
  for (const [place, gateways] of simulated) await giveSharedTokens(api, place, gateways);
  return placed;
}

/** All gateways, in pages as large as they can be. */
export async function allGateways(api: DemoApi): Promise<Gateway[]> {
  const all: Gateway[] = [];
  let cursor: string | undefined;
  do {
    const page = await api.call(routes.listGateways, { query: { limit: PAGE, cursor } });
    all.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return all;
}

function isKnown(stateDir: string, known: ReadonlySet<string>): boolean {
  const identity = path.join(stateDir, 'identity.json');
  return existsSync(identity) && known.has((JSON.parse(readFileSync(identity, 'utf8')) as { gatewayId: string }).gatewayId);
}

async function ownToken(api: DemoApi, { siteId }: Place, { name }: DemoGateway): Promise<string> {
  return (await api.call(routes.createEnrolmentToken, { body: { siteId, gatewayName: name, tags: ['demo'], ttlMinutes: 30 } })).token;
}

/** A gateway is named as its agent names itself. */
async function giveSharedTokens(api: DemoApi, place: Place, gateways: PlacedGateway[]): Promise<void> {
  for (let at = 0; at < gateways.length; at += MAX_GATEWAYS) {
    const some = gateways.slice(at, at + MAX_GATEWAYS);
    const body = { ...place, namePattern: '{hostname}', tags: ['demo'], maxGateways: some.length, ttlMinutes: 30 };
    const { token } = await api.call(routes.createRollout, { body });
    for (const gateway of some) gateway.joinToken = token;
  }
}

/** The places of these gateways by name, added where they are missing. */
async function placesOf(api: DemoApi, fleet: readonly DemoGateway[]): Promise<Map<string, Place>> {
  const tenants = new Map((await api.call(routes.listTenants, { query: { limit: 500 } })).items.map((tenant) => [tenant.name, tenant.id]));
  const { items } = await api.call(routes.listSites, { query: { limit: 500 } });
  const sites = new Map(items.map((site) => [`${site.tenantId}/${site.name}`, site.id]));
  const places = new Map<string, Place>();
  for (const { tenant, site, timeZone } of fleet) {
    if (places.has(placeName({ tenant, site }))) continue;
    const tenantId = tenants.get(tenant) ?? (await makeTenant(api, tenant));
    tenants.set(tenant, tenantId);
    const siteId = sites.get(`${tenantId}/${site}`) ?? (await api.call(routes.createSite, { body: { tenantId, name: site, timeZone } })).id;
    places.set(placeName({ tenant, site }), { tenantId, siteId });
  }
  return places;
}

function placeName({ tenant, site }: Pick<DemoGateway, 'tenant' | 'site'>): string {
  return `${tenant}/${site}`;
}

/**
 * The demo has one operator, so nobody else could approve a plan for a whole gateway or several tenants; only very large plans need a
 * second person.
 */
async function makeTenant(api: DemoApi, name: string): Promise<string> {
  const { id } = await api.call(routes.createTenant, { body: { name } });
  await api.call(routes.updateLimits, { params: { id }, body: { percentOfTable: null, isEverything: false, areSeveralTenants: false } });
  return id;
}
