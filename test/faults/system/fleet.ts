import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Route } from '../../../proto/http/route.ts';
import { routes } from '../../../proto/http/routes.ts';
import type { Home } from '../../../tools/demo/programs.ts';
import type { Ask, Clone, History, Outage, Sighting, View } from '../history.ts';
import { collectDeeds, collectPoints, collectStored, linkedSince, toGateways, type PlacedAgent } from './collect.ts';
import { Operator, type Contract } from './operator.ts';
import { Parts, type ControllerName } from './parts.ts';
import { DEEDS_FILE } from './table-log.ts';

const LOOK_MS = 200;
const MINUTE_MS = 60_000;
const TENANTS = ['Harbour Clinics', 'Pine Logistics'];

export interface FleetOptions {
  home: Home;
  controllers: readonly ControllerName[];
  gateways: number;
  slots: number;
  controllerEnv: Record<string, string>;
  /** As of `Parts.start`. */
  lastRelease?: string;
}

/** A running system with gateways of two tenants, an operator who may do everything, and the means to read what all of it left behind. */
export class Fleet {
  readonly parts: Parts;
  readonly operator: Operator;
  readonly tenantIds: readonly string[];
  readonly agents: readonly PlacedAgent[];
  /** What has happened to it so far that the checks know about; see incidents.ts. */
  readonly clones: Clone[] = [];
  readonly restores: Outage[] = [];
  readonly sightings: Sighting[] = [];

  private constructor(parts: Parts, operator: Operator, tenantIds: readonly string[], agents: readonly PlacedAgent[]) {
    this.parts = parts;
    this.operator = operator;
    this.tenantIds = tenantIds;
    this.agents = agents;
  }

  /** Starts it; resolves when every gateway is online. */
  static async start({ home, controllers, gateways, slots, controllerEnv, lastRelease }: FleetOptions): Promise<Fleet> {
    const parts = await Parts.start(home, controllers, controllerEnv, lastRelease);
    const operator = await Operator.signIn(parts.origins, parts, parts.publicUrl, await contractOf(lastRelease));
    const sites = await makeSites(operator);
    const agents: PlacedAgent[] = [];
    const joinTokens: string[] = [];
    for (let index = 0; index < gateways; index++) {
      const { tenantId, siteId } = sites[index % sites.length]!;
      joinTokens.push(
        (await operator.call(routes.createEnrolmentToken, { body: { siteId, gatewayName: nameOf(index), ttlMinutes: 30 } })).token,
      );
      agents.push({ id: '', name: nameOf(index), tenantId, stateDir: path.join(home.stateDir, 'gateways', nameOf(index)) });
    }
    parts.startAgents({
      ...parts.addresses,
      beganMs: Date.now(),
      slots,
      gateways: agents.map(({ stateDir }, index) => ({ name: nameOf(index), number: index + 1, stateDir, joinToken: joinTokens[index] })),
    });
    await until('every gateway is connected', async () => (await linkedSince(parts.databaseUrl, 0)) === gateways, patienceMs(gateways));
    const list = async () => (await operator.call(routes.listGateways, { query: { limit: 500 } })).items;
    await until('every gateway is listed', async () => (await list()).length === gateways, patienceMs(gateways));
    const ids = new Map((await list()).map(({ name, id }) => [name, id]));
    return new Fleet(
      parts,
      operator,
      sites.map(({ tenantId }) => tenantId),
      agents.map((agent, index) => ({ ...agent, id: ids.get(nameOf(index))! })),
    );
  }

  /**
   * Every gateway has a session that was opened since; a state of `online` alone may stem from a controller that was killed. Rejects after
   * a minute, and longer for hundreds.
   */
  async untilLinked(sinceMs: number): Promise<void> {
    const { length } = this.agents;
    const areLinked = async () => (await linkedSince(this.parts.databaseUrl, sinceMs)) === length;
    await until('every gateway is connected', areLinked, patienceMs(length));
  }

  async untilUnlinked(): Promise<void> {
    await until('no gateway is connected', async () => (await linkedSince(this.parts.databaseUrl, 0)) === 0);
  }

  /** How often tables have been changed so far. */
  changes(): number {
    return this.agents.reduce(
      (sum, { stateDir }) => sum + readFileSync(path.join(stateDir, DEEDS_FILE), 'utf8').split('"kind":"delete"').length - 1,
      0,
    );
  }

  async collect(asks: Ask[], faults: Outage[]): Promise<History> {
    const points = await collectPoints(this.parts.databaseUrl);
    const deeds = collectDeeds(this.agents);
    return {
      points,
      ...(await collectStored(this.parts.databaseUrl)),
      deeds,
      gateways: toGateways(this.agents, deeds),
      views: await this.#lookAsTenants(),
      asks,
      faults,
      changes: [],
      clones: this.clones,
      restores: this.restores,
      deaths: this.parts.deaths,
      sightings: this.sightings,
    };
  }

  /** What auditors of one tenant each are shown. */
  async #lookAsTenants(): Promise<View[]> {
    const views: View[] = [];
    for (const tenantId of this.tenantIds) {
      const { secret } = await this.operator.call(routes.createToken, {
        body: { name: `auditor of ${tenantId}`, role: 'auditor', tenantId },
      });
      const auditor = new Operator(this.parts.origins, { authorization: `Bearer ${secret}` });
      const allowed = new Set([tenantId]);
      const add = (what: string, shown: (string | undefined)[]) =>
        views.push({ what, allowed, shown: shown.filter((id) => id !== undefined) });
      add(
        'GET /gateways',
        (await auditor.call(routes.listGateways, { query: { limit: 500 } })).items.map((gateway) => gateway.tenantId),
      );
      add(
        'GET /audit',
        (await auditor.call(routes.listAudit, { query: { limit: 500 } })).items.map((entry) => entry.tenantId),
      );
      // A flush across both tenants is shown only to those who may see both.
      add(
        'GET /flushes',
        (await auditor.call(routes.listFlushes, { query: { limit: 500 } })).items.flatMap((flush) => flush.tenants.map(({ id }) => id)),
      );
    }
    return views;
  }
}

/** Two tenants that require no second person, with a site each. */
async function makeSites(operator: Operator): Promise<{ tenantId: string; siteId: string }[]> {
  const sites = [];
  for (const name of TENANTS) {
    const { id: tenantId } = await operator.call(routes.createTenant, { body: { name } });
    await operator.call(routes.updateLimits, {
      params: { id: tenantId },
      body: { flows: null, percentOfTable: null, isEverything: false, areSeveralTenants: false },
    });
    sites.push({
      tenantId,
      siteId: (await operator.call(routes.createSite, { body: { tenantId, name: 'HQ', timeZone: 'Europe/Rome' } })).id,
    });
  }
  return sites;
}

/** Throws when time is up. */
export async function until(what: string, isSo: () => Promise<boolean> | boolean, patienceForMs = MINUTE_MS): Promise<void> {
  for (const endMs = performance.now() + patienceForMs; performance.now() < endMs;) {
    if (await isSo()) return;
    await delay(LOOK_MS);
  }
  throw new Error(`not within ${patienceForMs / 1000} s: ${what}; see the logs`);
}

/** A controller lets few gateways in at once. */
export function patienceMs(gateways: number): number {
  return MINUTE_MS + gateways * 300;
}

function nameOf(index: number): string {
  return `gw${index + 1}`;
}

/** What the console of another release expects: one that is open during an upgrade reads the answers of both. */
async function contractOf(release: string | undefined): Promise<Contract | undefined> {
  if (release === undefined) return undefined;
  const theirs = (await import(path.join(release, 'proto/http/routes.ts'))) as { routes: Record<string, Route> };
  const byName = new Map(Object.values(theirs.routes).map((route) => [`${route.method} ${route.path}`, route]));
  return (route) => byName.get(`${route.method} ${route.path}`) ?? route;
}
