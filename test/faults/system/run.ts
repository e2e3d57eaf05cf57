import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { routes } from '../../../proto/http/routes.ts';
import type { Home } from '../../../tools/demo/programs.ts';
import type { History, Outage, View } from '../history.ts';
import { collectDeeds, collectStored, progressOf, toGateways, type PlacedAgent } from './collect.ts';
import { Driver } from './driver.ts';
import { Operator } from './operator.ts';
import { KINDS, undergo, type KindName } from './outages.ts';
import { Parts, type ControllerName } from './parts.ts';

/** How long after the last fault everything must be over. */
const SETTLE_MS = 60_000;
const LOOK_MS = 250;
const TENANTS = ['Harbour Clinics', 'Pine Logistics'];

export interface RunOptions { home: Home; controllers: readonly ControllerName[]; gateways: number; commands: number; slots: number; atOnce: number; faults: readonly { kind: KindName; afterMs: number }[] }

/** One fault of a run. `inFlight`: commands under way when it struck; `recoveredMs`: from there to the first end of a command after it was mended. */
export interface FaultReport { fault: KindName; part: string; inFlight: number; lastedMs: number; recoveredMs?: number }
export interface RunReport { history: History; faults: FaultReport[]; commands: number; settledMs?: number; seconds: number }

/** A whole system under faults: commands are driven all the while, one fault after another befalls it, and all that happened is kept. */
export async function runUnderFaults(options: RunOptions, onFault: (report: FaultReport) => void = () => undefined): Promise<RunReport> {
  const { home, gateways, commands, slots, atOnce } = options;
  const parts = await Parts.start(home, options.controllers, { CTFLEET_SAMPLE_INTERVAL_MS: '5000' });
  const operator = await Operator.signIn(parts.origins, parts.email, parts.password, parts.publicUrl);
  const { tenantIds, agents, joinTokens } = await place(operator, path.join(home.stateDir, 'gateways'), gateways);
  parts.startAgents({ ...parts.addresses, beganMs: Date.now(), slots, gateways: agents.map(({ stateDir }, index) => ({ name: nameOfGateway(index), number: index + 1, stateDir, joinToken: joinTokens[index] })) });
  const placed = await untilOnline(operator, agents);

  const beganMs = performance.now();
  const watch = new ProgressWatch(parts.databaseUrl);
  const driver = new Driver(operator, tenantIds, slots);
  let isOver = false;
  const driven = driver.drive(commands, atOnce, () => isOver);
  const outages: Outage[] = [];
  const reports: FaultReport[] = [];
  for (const { kind, afterMs } of options.faults) {
    await delay(afterMs);
    const { unfinished } = watch.last;
    const { fromMs, toMs } = await undergo(parts, kind);
    outages.push({ name: kind, fromMs, toMs });
    const report: FaultReport = { fault: kind, part: KINDS[kind].part, inFlight: unfinished, lastedMs: toMs - fromMs };
    reports.push(report);
    void watch.finishAfter(toMs).then((atMs) => {
      if (atMs !== undefined) report.recoveredMs = atMs - fromMs;
      onFault(report);
    });
  }
  const lastMs = Date.now();
  await Promise.race([driven, delay(SETTLE_MS)]);
  isOver = true;
  const settledMs = await watch.untilNothingIsLeft(driven, lastMs + SETTLE_MS);
  watch.end();
  const stored = await collectStored(parts.databaseUrl);
  const deeds = collectDeeds(placed);
  const views = await lookAsTenants(operator, parts.origins, tenantIds);
  parts.proxy.close();
  return {
    history: { ...stored, deeds, views, gateways: toGateways(placed, deeds), asks: driver.asks, changes: [], faults: outages },
    faults: reports, commands: stored.commands.length, settledMs: settledMs === undefined ? undefined : settledMs - lastMs, seconds: (performance.now() - beganMs) / 1000,
  };
}

/** Two tenants of whom nobody needs a second person, a site each, and a join token for each gateway; gateways take turns. */
async function place(operator: Operator, folder: string, gateways: number): Promise<{ tenantIds: string[]; agents: PlacedAgent[]; joinTokens: string[] }> {
  const sites: { tenantId: string; siteId: string }[] = [];
  for (const name of TENANTS) {
    const { id: tenantId } = await operator.call(routes.createTenant, { body: { name } });
    await operator.call(routes.updateLimits, { params: { id: tenantId }, body: { percentOfTable: null, isEverything: false, areSeveralTenants: false } });
    sites.push({ tenantId, siteId: (await operator.call(routes.createSite, { body: { tenantId, name: 'HQ', timeZone: 'Europe/Rome' } })).id });
  }
  const agents: PlacedAgent[] = [];
  const joinTokens: string[] = [];
  for (let index = 0; index < gateways; index++) {
    const { tenantId, siteId } = sites[index % sites.length]!;
    joinTokens.push((await operator.call(routes.createEnrolmentToken, { body: { siteId, gatewayName: nameOfGateway(index), ttlMinutes: 30 } })).token);
    agents.push({ id: '', tenantId, stateDir: path.join(folder, nameOfGateway(index)) });
  }
  return { tenantIds: sites.map(({ tenantId }) => tenantId), agents, joinTokens };
}

/** The same agents with the ids that they were given. Throws if they are not all there within a minute. */
async function untilOnline(operator: Operator, agents: readonly PlacedAgent[]): Promise<PlacedAgent[]> {
  for (let waited = 0; waited < 60_000; waited += LOOK_MS) {
    const { items } = await operator.call(routes.listGateways, { query: { limit: 500 } });
    const ids = new Map(items.filter((gateway) => gateway.state === 'online').map((gateway) => [gateway.name, gateway.id]));
    if (agents.every((_, index) => ids.has(nameOfGateway(index)))) return agents.map((agent, index) => ({ ...agent, id: ids.get(nameOfGateway(index))! }));
    await delay(LOOK_MS);
  }
  throw new Error('not every gateway came online within a minute; see logs/agents.log');
}

/** What auditors of one tenant each are shown. */
async function lookAsTenants(operator: Operator, origins: readonly string[], tenantIds: readonly string[]): Promise<View[]> {
  const views: View[] = [];
  for (const tenantId of tenantIds) {
    const { secret } = await operator.call(routes.createToken, { body: { name: `auditor of ${tenantId}`, role: 'auditor', tenantId } });
    const auditor = new Operator(origins, { authorization: `Bearer ${secret}` });
    const allowed = new Set([tenantId]);
    const add = (what: string, shown: (string | undefined)[]) => views.push({ what, allowed, shown: shown.filter((id) => id !== undefined) });
    add('GET /gateways', (await auditor.call(routes.listGateways, { query: { limit: 500 } })).items.map((gateway) => gateway.tenantId));
    add('GET /audit', (await auditor.call(routes.listAudit, { query: { limit: 500 } })).items.map((entry) => entry.tenantId));
    add('GET /flushes', (await auditor.call(routes.listFlushes, { query: { limit: 500 } })).items.flatMap((flush) => flush.tenants.map(({ id }) => id)));
  }
  return views;
}

function nameOfGateway(index: number): string {
  return `gw${index + 1}`;
}

/** Looks at Postgres again and again: how many commands are under way, and when one ended. While Postgres is away it sees nothing. */
class ProgressWatch {
  last = { unfinished: 0, finished: 0 };
  readonly #databaseUrl: string;
  readonly #looks: { atMs: number; finished: number }[] = [];
  #isEnded = false;
  readonly #running: Promise<void>;

  constructor(databaseUrl: string) {
    this.#databaseUrl = databaseUrl;
    this.#running = this.#watch();
  }

  end(): void {
    this.#isEnded = true;
  }

  /** When something ended that had not ended by then; undefined if nothing did any more. */
  async finishAfter(atMs: number): Promise<number | undefined> {
    while (!this.#isEnded) {
      const before = this.#looks.findLast((look) => look.atMs <= atMs)?.finished ?? 0;
      const found = this.#looks.find((look) => look.atMs > atMs && look.finished > before);
      if (found) return found.atMs;
      await delay(LOOK_MS);
    }
    return undefined;
  }

  /** When nothing was under way any more and the driver was done; undefined if that was not so by the deadline. */
  async untilNothingIsLeft(driven: Promise<void>, deadlineMs: number): Promise<number | undefined> {
    let isDriven = false;
    void driven.then(() => { isDriven = true; });
    while (Date.now() < deadlineMs) {
      const lookedAtMs = this.#looks.at(-1)?.atMs ?? 0;
      await delay(LOOK_MS);
      if (isDriven && this.last.unfinished === 0 && (this.#looks.at(-1)?.atMs ?? 0) > lookedAtMs) return Date.now();
    }
    return undefined;
  }

  async #watch(): Promise<void> {
    while (!this.#isEnded) {
      await progressOf(this.#databaseUrl).then((progress) => {
        this.last = progress;
        this.#looks.push({ atMs: Date.now(), finished: progress.finished });
      }, () => undefined);
      await delay(LOOK_MS);
    }
  }
}
