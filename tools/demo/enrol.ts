import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { routes } from '../../proto/http/routes.ts';
import type { DemoApi } from './api.ts';
import type { DemoGateway } from './fleet.ts';

/** A gateway of the demo with its agent's folder; `joinToken` if it has yet to enrol. */
export interface PlacedGateway extends DemoGateway {
  stateDir: string;
  joinToken?: string;
}

/** Creates missing tenants and sites, and a join token for each gateway whose agent has no identity known to the controller. */
export async function placeGateways(api: DemoApi, fleet: DemoGateway[], agentsDir: string): Promise<PlacedGateway[]> {
  const tenants = new Map((await api.call(routes.listTenants, { query: { limit: 500 } })).items.map((tenant) => [tenant.name, tenant.id]));
  const sites = new Map(
    (await api.call(routes.listSites, { query: { limit: 500 } })).items.map((site) => [`${site.tenantId}/${site.name}`, site.id]),
  );
  const known = new Set((await api.call(routes.listGateways, { query: { limit: 2000 } })).items.map((gateway) => gateway.id));
  const placed: PlacedGateway[] = [];
  for (const gateway of fleet) {
    const stateDir = path.join(agentsDir, gateway.name);
    const identity = path.join(stateDir, 'identity.json');
    if (existsSync(identity) && known.has((JSON.parse(readFileSync(identity, 'utf8')) as { gatewayId: string }).gatewayId)) {
      placed.push({ ...gateway, stateDir });
      continue;
    }
    rmSync(stateDir, { recursive: true, force: true });
    const tenantId = tenants.get(gateway.tenant) ?? (await makeTenant(api, gateway.tenant));
    tenants.set(gateway.tenant, tenantId);
    const siteId =
      sites.get(`${tenantId}/${gateway.site}`) ??
      (await api.call(routes.createSite, { body: { tenantId, name: gateway.site, timeZone: gateway.timeZone } })).id;
    sites.set(`${tenantId}/${gateway.site}`, siteId);
    const { token } = await api.call(routes.createEnrolmentToken, {
      body: { siteId, gatewayName: gateway.name, tags: ['demo'], ttlMinutes: 30 },
    });
    placed.push({ ...gateway, stateDir, joinToken: token });
  }
  return placed;
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
