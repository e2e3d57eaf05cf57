import { Redis as RedisClient } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firstBreak, type ChainedEntry } from '../../../controller/audit/chain.ts';
import { Outcome } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { routes } from '../../../proto/http/routes.ts';
import { ProcessGroup } from '../../../tools/process-group.ts';
import { startRedis, type Redis } from '../../../tools/redis.ts';
import { FakeAgent, makeFlows } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, PASSWORD, type Person, TestController, workAlone } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';

let postgres: TestDatabases;
let redis: Redis;
let url: string;
let controller: TestController;
let owner: Person;
let agent: FakeAgent;
let aheadMs = 0;
const family = new ProcessGroup();
const clock = (): number => Date.now() + aheadMs;

beforeAll(async () => {
  postgres = await openTestDatabases();
  redis = await startRedis();
  family.adopt(redis.pid);
  url = await postgres.newDatabase();
  controller = await TestController.start({ CTFLEET_DATABASE_URL: url, CTFLEET_REDIS_URL: redis.url }, { clock });
  owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
  const { joinToken } = await makePlace(owner, 'Acme', 'gw1');
  agent = await FakeAgent.join(controller, joinToken);
  agent.flows = makeFlows(5);
  agent.onCommand = (command) => agent.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 5 }]);
  await agent.connect(controller.linkAddress);
});
afterAll(async () => {
  agent.disconnect();
  await controller.stop();
  await family.end();
  await postgres.stop();
});

async function runOne(): Promise<string> {
  const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
  return (await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } })).flushId;
}

async function ended(flushId: string, timeoutMs?: number) {
  return eventually(
    'the flush ends',
    async () => {
      const flush = await owner.call(routes.getFlush, { params: { id: flushId } });
      return flush.state === 'running' ? undefined : flush;
    },
    timeoutMs,
  );
}

async function waitFor(state: 'online' | 'offline'): Promise<void> {
  await eventually(`the gateway is ${state}`, async () =>
    (await owner.call(routes.getGateway, { params: { id: agent.gatewayId } })).state === state ? true : undefined,
  );
}

describe('a flush', () => {
  it('survives a queue that forgets everything', async () => {
    const client = new RedisClient(redis.url);
    // A queue that accepts jobs and never delivers them: how a Redis that lost its memory looks from here.
    const { Queues } = await import('../../../controller/queue/queues.ts');
    const queues = controller.running.app.get(Queues);
    const add = queues.add.bind(queues);
    queues.add = async () => {
      await client.flushall();
    };
    const flushId = await runOne();
    await eventually('the outbox was queued', async () =>
      (await postgres.query(url, 'SELECT 1 FROM outbox WHERE queued_at IS NOT NULL')).length === 1 ? true : undefined,
    );
    expect((await owner.call(routes.getFlush, { params: { id: flushId } })).state).toBe('running');
    queues.add = add;
    aheadMs += 31_000;
    expect((await ended(flushId)).state).toBe('verified');
    client.disconnect();
  });

  it('that an offline gateway cannot begin says so, expires at its deadline, and is never sent later', async () => {
    const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
    agent.disconnect();
    await waitFor('offline');
    const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    const waiting = await eventually('the target waits', async () => {
      const [target] = (await owner.call(routes.getFlush, { params: { id: flushId } })).targets;
      return target!.state === 'offline' ? target : undefined;
    });
    expect(waiting.reason).toMatch(/offline since \d{4}-\d\d-\d\d \d\d:\d\d UTC/);
    aheadMs += 121_000;
    const flush = await ended(flushId);
    expect(flush).toMatchObject({ state: 'failed', targets: [{ state: 'expired', totals: { planned: 5, deleted: 0, indeterminate: 0 } }] });
    const before = agent.commands.length;
    await agent.connect(controller.linkAddress);
    await runOne().then(ended);
    expect(agent.commands.slice(before).map((command) => command.work?.value.planId)).not.toContain(plan.id);
  });

  it('whose targets have not begun can be cancelled, once', async () => {
    const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
    agent.disconnect();
    await waitFor('offline');
    const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    expect(await owner.call(routes.cancelFlush, { params: { id: flushId } })).toMatchObject({
      state: 'cancelled',
      targets: [{ state: 'cancelled' }],
    });
    expect(await owner.ask(routes.cancelFlush, { params: { id: flushId } })).toMatchObject({
      status: 409,
      body: { code: 'FLUSH_FINISHED' },
    });
    await agent.connect(controller.linkAddress);
    await waitFor('online');
    expect(agent.commands.some((command) => command.work?.value.planId === plan.id)).toBe(false);
  });

  it('that was sent and not answered is indeterminate until the gateway comes back and reports', async () => {
    let answers = false;
    agent.onCommand = (command) => (answers ? agent.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 5 }]) : undefined);
    const sent = agent.commands.length;
    const flushId = await runOne();
    await eventually('the command was sent', async () => (agent.commands.length > sent ? true : undefined));
    agent.disconnect();
    await waitFor('offline');
    aheadMs += 200_000;
    expect(await ended(flushId)).toMatchObject({ state: 'partial', targets: [{ state: 'indeterminate', totals: { indeterminate: 5 } }] });
    answers = true;
    await agent.connect(controller.linkAddress);
    const told = await eventually('the outcome is known from the journal', async () => {
      const flush = await owner.call(routes.getFlush, { params: { id: flushId } });
      return flush.state === 'verified' ? flush : undefined;
    });
    expect(told.totals).toMatchObject({ deleted: 5, indeterminate: 0 });
  });

  it('resumes after the controller was stopped halfway through it', async () => {
    agent.onCommand = () => undefined;
    const sent = agent.commands.length;
    const flushId = await runOne();
    await eventually('the command was sent', async () => (agent.commands.length > sent ? true : undefined));
    const { stateDir } = controller;
    await controller.stop({ keepState: true });
    // TLS uses the real clock: a listener's certificate from the future would not do.
    aheadMs = 0;
    controller = await TestController.start({ CTFLEET_DATABASE_URL: url, CTFLEET_REDIS_URL: redis.url }, { clock, stateDir });
    owner = await controller.signIn('owner@example.net', PASSWORD);
    agent.onCommand = (command) => agent.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 5 }]);
    await agent.connect(controller.linkAddress);
    expect((await ended(flushId)).state).toBe('verified');
  });
});

describe('a flush across two tenants', () => {
  it('ends separately for each, and each tenant’s record holds only its own part', async () => {
    const { tenantId, joinToken } = await makePlace(owner, 'Birch', 'gw2');
    const other = await FakeAgent.join(controller, joinToken);
    other.flows = makeFlows(3);
    await other.connect(controller.linkAddress);
    await workAlone(owner);
    const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
    expect(plan.totals).toMatchObject({ flows: 8, gateways: 2 });
    other.disconnect();
    await eventually('the other is offline', async () =>
      (await owner.call(routes.getGateway, { params: { id: other.gatewayId } })).state === 'offline' ? true : undefined,
    );
    const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    await eventually('one of them is done', async () =>
      (await owner.call(routes.getFlush, { params: { id: flushId } })).totals.deleted === 5 ? true : undefined,
    );
    aheadMs += 121_000;
    expect(await ended(flushId)).toMatchObject({ state: 'partial', totals: { planned: 8, deleted: 5 } });
    const auditor = await controller.person('auditor', [{ role: 'auditor', tenantId }]);
    const entries = (await auditor.call(routes.listAudit, { query: { flush: flushId } })).items;
    expect(entries.map((entry) => entry.action)).toEqual(['flush.target-finished', 'flush.started']);
    for (const entry of entries) {
      const flows = await auditor.call(routes.listAuditFlows, { params: { id: entry.id } });
      expect(flows.items.map((flow) => flow.gatewayId)).toEqual(Array.from({ length: 3 }, () => other.gatewayId));
    }
    expect(await auditor.ask(routes.getFlush, { params: { id: flushId } })).toMatchObject({ status: 404 });
  });
});

describe('the audit trail', () => {
  it('is one unbroken chain per tenant, and a change to any entry shows where', async () => {
    const rows = await postgres.query<{ chain: string; seq: string } & Record<string, never>>(
      url,
      'SELECT * FROM audit_entry ORDER BY chain, seq',
    );
    const chains = Map.groupBy(rows, (row) => row.chain);
    expect(chains.size).toBe(3);
    for (const chain of chains.values()) {
      const entries = chain.map(toChained);
      expect(firstBreak(entries)).toBeUndefined();
      entries.at(-1)!.summary += '!';
      expect(firstBreak(entries)).toMatchObject({ seq: entries.length, why: 'its content is not what was hashed' });
    }
  });
});

function toChained(row: Record<string, never>): ChainedEntry & { hash: string } {
  const optional = {
    planId: row.plan_id,
    flushId: row.flush_id,
    gatewayId: row.gateway_id,
    gatewayName: row.gateway_name,
    reason: row.reason,
    ticket: row.ticket,
  };
  return {
    id: row.id!,
    chain: row.chain!,
    seq: Number(row.seq),
    at: (row.at as unknown as Date).toISOString(),
    actor: { kind: row.actor_kind!, id: row.actor_id!, name: row.actor_name! },
    action: row.action!,
    outcome: row.outcome!,
    summary: row.summary!,
    detail: row.detail!,
    previousHash: row.previous_hash!,
    hash: row.hash!,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== null)),
  };
}
