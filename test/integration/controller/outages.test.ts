import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ingest } from '../../../controller/history/ingest.service.ts';
import { Outcome } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { Sample } from '../../../proto/gen/ctfleet/v1/stats.ts';
import { routes } from '../../../proto/http/routes.ts';
import { ProcessGroup } from '../../../tools/process-group.ts';
import { startRedis, type Redis } from '../../../tools/redis.ts';
import { FakeAgent, makeFlows } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, TestController, type Person } from '../../support/controller-fleet.ts';
import { startTestPostgres, type TestPostgres } from '../../support/database.ts';

let postgres: TestPostgres;
let redis: Redis;
let controller: TestController;
let owner: Person;
let agent: FakeAgent;
const family = new ProcessGroup();

beforeAll(async () => {
  postgres = await startTestPostgres();
  redis = await startRedis();
  family.adopt(redis.pid);
  controller = await TestController.start({ CTFLEET_DATABASE_URL: await postgres.newDatabase(), CTFLEET_REDIS_URL: redis.url });
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

async function ended(flushId: string) {
  return eventually('the flush ends', async () => {
    const flush = await owner.call(routes.getFlush, { params: { id: flushId } });
    return flush.state === 'running' ? undefined : flush;
  });
}

describe('without Redis', () => {
  it('a flush proceeds: Redis only wakes workers, and Postgres holds the truth', async () => {
    const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
    await redis.stop();
    const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    expect((await ended(flushId)).state).toBe('verified');
    redis = await startRedis({ port: redis.port });
    family.adopt(redis.pid);
    expect(agent.commands).toHaveLength(1);
  });

  it('a flush also proceeds when Redis accepts connections and never answers', async () => {
    const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
    await redis.stop();
    const mute = createServer((socket) => void socket.on('error', () => undefined));
    await new Promise<void>((resolve) => mute.listen(redis.port, '127.0.0.1', resolve));
    const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    expect((await ended(flushId)).state).toBe('verified');
    mute.close();
    redis = await startRedis({ port: redis.port });
    family.adopt(redis.pid);
    expect(agent.commands).toHaveLength(2);
  });
});

describe('without Postgres', () => {
  it('every request is refused as unavailable, no command is sent, and everything resumes when it is back', async () => {
    const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
    const commands = agent.commands.length;
    await postgres.crash();
    for (const ask of [
      () => owner.ask(routes.listGateways),
      () => owner.ask(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } }),
    ]) {
      expect(await ask()).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    }
    expect((await fetch(`${controller.origin}/readyz`)).status).toBe(503);
    expect((await fetch(`${controller.origin}/healthz`)).status).toBe(200);
    expect(agent.commands).toHaveLength(commands);
    await postgres.start();
    await eventually('requests are answered', async () => ((await owner.ask(routes.listGateways)).status === 200 ? true : undefined));
    const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    expect((await ended(flushId)).state).toBe('verified');
  });

  it('samples are kept without a receipt while they cannot be stored, and stored on the same session afterwards', async () => {
    const { gathering } = controller.running.app.get(Ingest);
    await postgres.crash();
    agent.sendSamples(77n, [Sample.fromPartial({ atMs: BigInt(Date.now()), count: 42n })]);
    await eventually('they are held', async () => gathering.room.held.samples === 1 || undefined);
    expect(agent.sampleReceipts).not.toContain(77n);
    await postgres.start();
    await eventually('the receipt', async () => agent.sampleReceipts.includes(77n) || undefined);
    expect((await owner.call(routes.getGateway, { params: { id: agent.gatewayId } })).usage?.count).toBe(42);
    expect(gathering.room.held).toEqual({ samples: 0, bytes: 0 });
  });

  it('notifications are received again afterwards', async () => {
    let count = 42n;
    // A stream ends where its replica may have missed something, and its reader begins again.
    await eventually('a change reaches a stream that was open before it', async () => {
      const events = await owner.watch(routes.watchFleet, {}, { ids: agent.gatewayId });
      const next = (count += 1n);
      const isTold = ({ gateway }: { gateway?: { usage?: { count: number } } }): boolean => gateway?.usage?.count === Number(next);
      try {
        await events.until((event: { kind: string }) => event.kind === 'heartbeat');
        agent.sendSamples(next, [Sample.fromPartial({ atMs: BigInt(Date.now()), count: next })]);
        return await events.until(isTold);
      } finally {
        events.close();
      }
    });
  });
});
