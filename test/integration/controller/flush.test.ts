import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../controller/platform/ids.ts';
import { routes } from '../../../proto/http/routes.ts';
import { Outcome, Progress_Phase, Result, Result_State } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { startRedis, type Redis } from '../../../tools/redis.ts';
import { ProcessGroup } from '../../../tools/process-group.ts';
import { FakeAgent, makeFlows } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, TestController, type Person } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';

let postgres: TestDatabases;
let redis: Redis;
const family = new ProcessGroup();

beforeAll(async () => {
  postgres = await openTestDatabases();
  redis = await startRedis();
  family.adopt(redis.pid);
});
afterAll(async () => {
  await family.end();
  await postgres.stop();
});

interface Stage {
  controller: TestController;
  owner: Person;
  agent: FakeAgent;
  url: string;
}

async function setStage(env: Record<string, string>, clock?: () => number): Promise<Stage> {
  const url = await postgres.newDatabase();
  const controller = await TestController.start({ CTFLEET_DATABASE_URL: url, ...env }, { clock });
  const owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
  const { joinToken } = await makePlace(owner, 'Acme', 'milano-gw1');
  const agent = await FakeAgent.join(controller, joinToken);
  agent.flows = makeFlows(30);
  await agent.connect(controller.linkAddress);
  return { controller, owner, agent, url };
}

async function planAll(owner: Person): Promise<{ id: string; digest: string }> {
  return owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'WAN1 failed', ticket: '8841' } });
}

describe.each([
  ['Redis', true],
  ['Postgres', false],
] as const)('a flush with queues on %s', (_, onRedis) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await setStage(onRedis ? { CTFLEET_REDIS_URL: redis.url } : {});
  });
  afterAll(async () => {
    stage.agent.disconnect();
    await stage.controller.stop();
  });

  it('deletes exactly the plan, reports each flow and leaves a chained audit trail', async () => {
    const { owner, agent } = stage;
    const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'WAN1 failed', ticket: '8841' } });
    expect(plan.totals).toEqual({ flows: 30, gateways: 1, sites: 1, leftOut: 0 });
    expect(plan.friction).toBe('type-count');
    agent.onCommand = (command) => {
      agent.send({ $case: 'progress', value: { commandId: command.id, phase: Progress_Phase.PHASE_DELETING, done: 10, total: 30 } });
      return agent.done(command, [
        { outcome: Outcome.OUTCOME_DELETED, count: 27 },
        { outcome: Outcome.OUTCOME_GONE, count: 2 },
        { outcome: Outcome.OUTCOME_REBUILT, count: 1 },
      ]);
    };
    const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    const flush = await eventually('the flush ends', async () => {
      const seen = await owner.call(routes.getFlush, { params: { id: flushId } });
      return seen.state === 'running' ? undefined : seen;
    });
    expect(flush.state).toBe('verified');
    expect(flush.totals).toEqual({
      planned: 30,
      deleted: 28,
      rebuilt: 1,
      gone: 2,
      protected: 0,
      reappeared: 0,
      failed: 0,
      indeterminate: 0,
      reset: 0,
      blocked: 0,
      expiring: 0,
      restored: 0,
      occupied: 0,
      cancelled: 0,
    });
    const flows = await owner.call(routes.listPlanFlows, { params: { id: plan.id }, query: { limit: '20' } });
    expect(flows.items).toHaveLength(20);
    const rest = await owner.call(routes.listPlanFlows, { params: { id: plan.id }, query: { limit: '20', cursor: flows.cursor! } });
    expect([...flows.items, ...rest.items].map((flow) => flow.outcome)).toEqual([
      ...Array.from({ length: 27 }, () => 'deleted'),
      'gone',
      'gone',
      'rebuilt',
    ]);
    const audit = await owner.call(routes.listAudit, { query: { flush: flushId } });
    expect(audit.items.map((entry) => entry.action)).toEqual(['flush.target-finished', 'flush.started']);
    const evidence = await owner.call(routes.listAuditFlows, { params: { id: audit.items[0]!.id } });
    expect(evidence.items).toHaveLength(30);
    const stored = await postgres.query(
      stage.url,
      `SELECT batch AS bytes FROM plan_chunk WHERE plan_id = '${plan.id}' ORDER BY gateway_id, part`,
    );
    const [target] = await postgres.query(stage.url, `SELECT outcomes AS bytes FROM flush_target WHERE flush_id = '${flushId}'`);
    const hash = createHash('sha256');
    for (const { bytes } of [...stored, target] as { bytes: Buffer }[]) hash.update(bytes);
    expect(audit.items[0]!.detail.evidenceSha256).toBe(hash.digest('hex'));
    expect(agent.commands.at(-1)!.work?.value.planId).toBe(plan.id);
    expect(agent.receipts).toContain(agent.commands.at(-1)!.id);
  });

  it('stores a result once, however often it arrives, and acknowledges it every time', async () => {
    const { owner, agent, url } = stage;
    const plan = await planAll(owner);
    agent.onCommand = (command) => agent.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 30 }]);
    const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    const command = await eventually('the command is acknowledged', async () =>
      agent.commands.find((candidate) => candidate.work?.value.planId === plan.id && agent.receipts.includes(candidate.id)),
    );
    agent.send({ $case: 'result', value: agent.done(command, [{ outcome: Outcome.OUTCOME_FAILED, count: 30 }]) });
    await eventually('the second receipt', async () => (agent.receipts.filter((id) => id === command.id).length === 2 ? true : undefined));
    const flush = await owner.call(routes.getFlush, { params: { id: flushId } });
    expect(flush.totals.deleted).toBe(30);
    expect(
      await postgres.query(url, `SELECT 1 FROM audit_entry WHERE flush_id = $1 AND action = 'flush.target-finished'`, [flushId]),
    ).toHaveLength(1);
  });

  it('acknowledges results for commands that are not the gateway’s, changes nothing for them, and continues', async () => {
    const { owner, agent } = stage;
    const [nobodys, noId] = [newId(), 'no id at all'];
    for (const commandId of [noId, nobodys]) {
      agent.send({ $case: 'progress', value: { commandId, phase: Progress_Phase.PHASE_DELETING, done: 0xffff_ffff, total: 0 } });
      agent.send({ $case: 'result', value: Result.fromPartial({ commandId, isLastPart: true, state: Result_State.STATE_DONE }) });
    }
    await eventually('both are acknowledged', async () => [noId, nobodys].every((id) => agent.receipts.includes(id)) || undefined);
    const plan = await planAll(owner);
    agent.onCommand = (command) => agent.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 30 }]);
    const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    await eventually(
      'the next flush ends',
      async () => (await owner.call(routes.getFlush, { params: { id: flushId } })).state === 'verified' || undefined,
    );
  });

  it('runs a plan once, even when two people run it at the same time', async () => {
    const { owner } = stage;
    const plan = await planAll(owner);
    const answers = await Promise.all(
      [1, 2, 3].map(() => owner.ask(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } })),
    );
    expect(answers.map((answer) => answer.status).toSorted()).toEqual([202, 409, 409]);
    expect(answers.filter((answer) => answer.status === 409).map((answer) => (answer.body as { code: string }).code)).toEqual([
      'PLAN_ALREADY_RUN',
      'PLAN_ALREADY_RUN',
    ]);
  });

  it('sends a watcher the whole flush, then each change of a target', async () => {
    const { owner, agent } = stage;
    const plan = await planAll(owner);
    let finish: () => void = () => undefined;
    agent.onCommand = (command) => {
      agent.send({ $case: 'progress', value: { commandId: command.id, phase: Progress_Phase.PHASE_DELETING, done: 12, total: 30 } });
      finish = () => agent.send({ $case: 'result', value: agent.done(command, [{ outcome: Outcome.OUTCOME_REAPPEARED, count: 30 }]) });
      return undefined;
    };
    const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    const events = await owner.watch(routes.watchFlush, { id: flushId });
    expect(await events.next()).toMatchObject({ kind: 'flush', flush: { id: flushId } });
    await eventually('the agent is at work', async () =>
      (await owner.call(routes.getFlush, { params: { id: flushId } })).targets[0]!.done === 12 ? true : undefined,
    );
    finish();
    expect(
      await events.until((event: { kind: string; state?: string }) => event.kind === 'target' && event.state === 'partial'),
    ).toMatchObject({ target: { state: 'reappeared', totals: { reappeared: 30 } } });
    events.close();
  });

  it('sends an unfinished command again to the next session, with the next epoch', async () => {
    const { controller, owner, agent } = stage;
    const plan = await planAll(owner);
    agent.onCommand = () => undefined;
    const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    const first = await eventually('the command comes', async () =>
      agent.commands.find((command) => command.work?.value.planId === plan.id),
    );
    agent.disconnect();
    await eventually('the link is gone', async () =>
      (await owner.call(routes.getGateway, { params: { id: agent.gatewayId } })).state === 'offline' ? true : undefined,
    );
    agent.onCommand = (command) => agent.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 30 }]);
    await agent.connect(controller.linkAddress);
    const flush = await eventually('the flush ends', async () => {
      const seen = await owner.call(routes.getFlush, { params: { id: flushId } });
      return seen.state === 'running' ? undefined : seen;
    });
    const second = agent.commands.findLast((command) => command.id === first.id)!;
    expect(flush.state).toBe('verified');
    expect(second).not.toBe(first);
    expect(second.epoch).toBe(first.epoch + 1n);
    expect(second.seq).toBe(first.seq);
  });
});

describe('a plan that has expired', () => {
  it('says so, does not run, and no gateway hears of it', async () => {
    let laterMs = 0;
    const { controller, owner, agent } = await setStage({}, () => Date.now() + laterMs);
    try {
      const plan = await planAll(owner);
      laterMs = 5 * 60_000 + 1;
      expect((await owner.call(routes.getPlan, { params: { id: plan.id } })).state).toBe('expired');
      expect(await owner.ask(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } })).toMatchObject({
        status: 409,
        body: { code: 'PLAN_EXPIRED' },
      });
      expect((await owner.call(routes.listFlushes)).items).toEqual([]);
      expect(agent.commands).toEqual([]);
    } finally {
      agent.disconnect();
      await controller.stop();
    }
  });
});
