import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Agent } from '../../../agent/agent.ts';
import { systemClock } from '../../../agent/time/clock.ts';
import type { Wan } from '../../../agent/wans/wans.ts';
import { MemoryTable } from '../../../agent/conntrack/memory/memory-table.ts';
import { identityOf } from '../../../agent/enrolment.ts';
import { NO_RULES } from '../../../agent/operations/local-guard.ts';
import type { WanListener } from '../../../agent/wans/watch.ts';
import { MemoryPolicies } from '../../../agent/policies/reading/memory-policies.ts';
import { routes } from '../../../proto/http/routes.ts';
import { parseAddress } from '../../../proto/model/address.ts';
import { ProcessGroup } from '../../../tools/process-group.ts';
import { startRedis, type Redis } from '../../../tools/redis.ts';
import { eventually, makePlace, PASSWORD, TestController, type Person } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';
import { entryOf } from '../../support/sample-entries.ts';

const log = pino({ level: process.env.CTFLEET_TEST_LOG ?? 'silent' });

let postgres: TestDatabases;
let redis: Redis;
let env: { CTFLEET_DATABASE_URL: string; CTFLEET_REDIS_URL: string };
let controller: TestController;
let owner: Person;
let gateway: Gateway;
const family = new ProcessGroup();
const agentDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-agent-'));
const tokenFile = path.join(agentDir, 'join-token');

/** The whole agent, except its table and its WANs, which are the test's. */
class Gateway {
  readonly table = new MemoryTable({ now: Date.now });
  readonly #listeners = new Set<WanListener>();
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #wans: Wan[] = ['192.0.2.1', '198.51.100.1'].map((address, index) => ({
    name: `wan${index + 1}`,
    interface: `wan${index + 1}`,
    addresses: [parseAddress(address)!],
    isUp: true,
    carriesDefaultRoute: index === 0,
  }));

  static async start(options: { linkAddress?: string; enrolAddress?: string; joinTokenFile?: string }): Promise<Gateway> {
    const it = new Gateway();
    const identity = await identityOf({
      stateDir: agentDir,
      hostname: 'gw1',
      clock: systemClock,
      random: Math.random,
      log,
      signal: it.#stop.signal,
      ...options,
    });
    const agent = new Agent({
      identity,
      stateDir: agentDir,
      table: it.table,
      wans: () => it.#wans,
      onWansChange: (listener) => (it.#listeners.add(listener), () => it.#listeners.delete(listener)),
      policies: new MemoryPolicies(),
      ownAddresses: () => [],
      guardRules: () => NO_RULES,
      controller: async () => ({ addresses: [], port: 0 }),
      clock: systemClock,
      random: Math.random,
      log,
      hostname: 'gw1',
    });
    it.#running = agent.run(it.#stop.signal);
    return it;
  }

  fill(): void {
    for (let sport = 1; sport <= 30; sport++)
      this.table.insert(
        entryOf({ proto: 17, orig: { src: '10.1.0.1', dst: '203.0.113.9', sport, dport: 5060 }, reply: { dst: '192.0.2.1' } }),
      );
    this.table.insert(
      entryOf({ proto: 17, orig: { src: '10.1.0.1', dst: '203.0.113.9', sport: 100, dport: 5060 }, reply: { dst: '198.51.100.1' } }),
    );
  }

  setWan1(isUp: boolean): void {
    const before = this.#wans;
    this.#wans = before.map((wan, index) => ({ ...wan, isUp: index === 1 || isUp, carriesDefaultRoute: (index === 0) === isUp }));
    for (const listener of this.#listeners) listener(this.#wans, before);
  }

  async count(): Promise<number> {
    return (await this.table.counters()).count;
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

const start = async (stateDir?: string): Promise<void> => {
  controller = await TestController.start(env, { stateDir });
};

beforeAll(async () => {
  postgres = await openTestDatabases();
  redis = await startRedis();
  family.adopt(redis.pid);
  env = { CTFLEET_DATABASE_URL: await postgres.newDatabase(), CTFLEET_REDIS_URL: redis.url };
  await start();
  owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
  const { joinToken, tenantId } = await makePlace(owner, 'Acme', 'gw1');
  writeFileSync(tokenFile, `${joinToken}\n`);
  gateway = await Gateway.start({ enrolAddress: controller.enrolAddress, joinTokenFile: tokenFile });
  await owner.call(routes.createRemediation, {
    body: {
      tenantId,
      document: {
        name: 'WAN down',
        mode: 'auto',
        trigger: { kind: 'wan-down', wan: 'wan1' },
        filter: 'wan:$wan',
        conditions: { healthyTarget: true },
        steps: { verifyAfterSeconds: 0 },
        limits: { coolDownSeconds: 0, maxFlows: 1000, maxPercentOfTable: 100 },
      },
    },
  });
});
afterAll(async () => {
  await gateway.end();
  await controller.stop();
  await family.end();
  await postgres.stop();
  rmSync(agentDir, { recursive: true });
});

const runs = async (): Promise<
  { id: string; state: string; matched: number; ended: number; trigger: string; triggeredAt: string; reportedAt: string }[]
> => (await owner.call(routes.listRemediationRuns)).items;
const reported = (count: number) =>
  eventually(`${count} runs`, async () => {
    const found = await runs();
    return found.length >= count ? found : undefined;
  });

it('the join-token file is removed once the token has been used', () => {
  expect(existsSync(tokenFile)).toBe(false);
});

describe('a remediation on a gateway', () => {
  it('is given to the agent and runs there when the WAN fails, and its run is on record with every flow', async () => {
    gateway.fill();
    // The set may still be on its way; the failure lasts until it has arrived.
    gateway.setWan1(false);
    await eventually('the flows of wan1 have gone', async () => (await gateway.count()) === 1 || undefined);
    const [run] = await reported(1);
    expect(run).toMatchObject({ state: 'done', matched: 30, ended: 30, trigger: 'wan1 went down' });
    const flows = (await owner.call(routes.listRemediationRunFlows, { params: { id: run!.id } })).items;
    expect(flows.map(({ outcome }) => outcome)).toEqual(Array(30).fill('deleted'));
    expect(new Set(flows.map(({ orig }) => orig.sport)).size).toBe(30);
    expect(
      (await owner.call(routes.listAudit, { query: { limit: '20' } })).items.filter(({ action }) => action === 'remediation.ran'),
    ).toHaveLength(1);
    gateway.setWan1(true);
  });

  it('runs while the controller is unreachable, and is reported once when it is back', async () => {
    const { stateDir } = controller;
    await controller.stop({ keepState: true });
    gateway.fill();
    gateway.setWan1(false);
    await eventually('the flows of wan1 have gone', async () => (await gateway.count()) === 1 || undefined);
    await gateway.end();
    await start(stateDir);
    owner = await controller.signIn('owner@example.net', PASSWORD);
    expect(await runs()).toHaveLength(1);
    gateway = await Gateway.start({ linkAddress: controller.linkAddress });
    const [run] = await reported(2);
    expect(run).toMatchObject({ state: 'done', ended: 30, trigger: 'wan1 went down' });
    expect(Date.parse(run!.reportedAt)).toBeGreaterThan(Date.parse(run!.triggeredAt));
    await gateway.end();
    gateway = await Gateway.start({ linkAddress: controller.linkAddress });
    await eventually(
      'it is online again',
      async () => (await owner.call(routes.listGateways, { query: { limit: '10' } })).items[0]?.state === 'online' || undefined,
    );
    expect(await runs()).toHaveLength(2);
    expect(
      (await owner.call(routes.listAudit, { query: { limit: '20' } })).items.filter(({ action }) => action === 'remediation.ran'),
    ).toHaveLength(2);
  });
});
