import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import { routes } from '../../proto/http/routes.ts';
import { Database } from '../../controller/platform/database.ts';
import { ProcessGroup } from '../../tools/process-group.ts';
import { startRedis, type Redis } from '../../tools/redis.ts';
import { FakeAgent, makeFlows } from '../support/controller-fake-agent.ts';
import { eventually, makePlace, TestController, type Person } from '../support/controller-fleet.ts';
import { startTestPostgres, type TestPostgres } from '../support/database.ts';
import { freeze } from '../support/frozen.ts';

let postgres: TestPostgres;
let redis: Redis;
let controller: TestController;
let owner: Person;
let agent: FakeAgent;
let thaw: () => void = () => undefined;
const lines: { level: number; msg: string }[] = [];
const family = new ProcessGroup();

beforeAll(async () => {
  postgres = await startTestPostgres();
  redis = await startRedis();
  family.adopt(redis.pid);
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line) as { level: number; msg: string }) });
  controller = await TestController.start({ CTFLEET_DATABASE_URL: await postgres.newDatabase(), CTFLEET_REDIS_URL: redis.url }, { logger });
  owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
  const { joinToken } = await makePlace(owner, 'Acme', 'gw1');
  agent = await FakeAgent.join(controller, joinToken);
  agent.flows = makeFlows(5);
  agent.onCommand = (command) => agent.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 5 }]);
  await agent.connect(controller.linkAddress);
});
afterEach(() => thaw());
afterAll(async () => {
  agent.disconnect();
  await controller.stop();
  await family.end();
  await postgres.stop();
});

async function timed<T>(work: Promise<T>): Promise<{ answer: T; seconds: number }> {
  const began = performance.now();
  return { answer: await work, seconds: (performance.now() - began) / 1000 };
}

async function flushNow(): Promise<void> {
  await eventually('the agent is back', async () => {
    if ((await owner.call(routes.getGateway, { params: { id: agent.gatewayId } })).state === 'online') return true;
    return agent.connect(controller.linkAddress).then(
      () => undefined,
      () => undefined,
    );
  });
  const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
  const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
  await eventually('the flush ends', async () =>
    (await owner.call(routes.getFlush, { params: { id: flushId } })).state === 'verified' ? true : undefined,
  );
}

describe('a Postgres that is frozen', () => {
  it('makes readiness fail within two seconds and every call answer within ten; everything resumes when it thaws', async () => {
    const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
    const commands = agent.commands.length;
    expect(controller.running.app.get(Database).pool.totalCount).toBeGreaterThan(0);
    thaw = freeze(postgres.server);
    const ready = await timed(fetch(`${controller.origin}/readyz`));
    expect(ready.answer.status).toBe(503);
    expect(await ready.answer.json()).toMatchObject({ code: 'UNAVAILABLE', detail: expect.stringContaining('does not answer') });
    expect(ready.seconds).toBeLessThan(2);
    expect((await fetch(`${controller.origin}/healthz`)).status).toBe(200);
    // More than the pool has connections, so that some have to wait for one.
    const calls = [
      ...Array.from({ length: 30 }, () => owner.ask(routes.listGateways)),
      owner.ask(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } }),
      owner.ask(routes.createTenant, { body: { name: 'Frozen' } }),
    ];
    const answers = await timed(Promise.all(calls));
    for (const { status, body } of answers.answer) expect({ status, body }).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    expect(answers.seconds).toBeLessThan(10);
    const signIn = await timed(controller.attempt('owner@example.net', 'a password of a test'));
    expect(signIn.answer.status).toBeGreaterThanOrEqual(500);
    expect(signIn.seconds).toBeLessThan(10);
    expect(agent.commands).toHaveLength(commands);
    thaw();
    await eventually('it is ready again', async () => ((await fetch(`${controller.origin}/readyz`)).status === 200 ? true : undefined));
    await flushNow();
    expect((await owner.call(routes.listTenants)).items.map(({ name }) => name)).toEqual(['Acme']);
  });

  it('is noticed by the listening connection, which is re-established', async () => {
    const events = await owner.watch(routes.watchFleet);
    await events.until((event: { kind: string }) => event.kind === 'heartbeat');
    const from = lines.length;
    const isSaid = (said: string) => lines.slice(from).some(({ msg }) => msg === said) || undefined;
    thaw = freeze(postgres.server);
    await eventually('the loss is in the log', async () => isSaid('the notification connection was lost'));
    thaw();
    await eventually('notifications arrive again', async () => isSaid('resolved: the notification connection was lost'));
    events.close();
  });
});

describe('a Redis that is frozen or dead', () => {
  it('keeps no flush waiting, and takes only a few lines in the log', async () => {
    const from = lines.length;
    process.kill(redis.pid, 'SIGSTOP');
    thaw = () => void process.kill(redis.pid, 'SIGCONT');
    await flushNow();
    thaw();
    thaw = () => undefined;
    await redis.stop();
    await flushNow();
    await eventually(
      'the loss is in the log',
      async () => lines.slice(from).some(({ msg }) => msg === 'the queue is unavailable') || undefined,
    );
    redis = await startRedis({ port: redis.port });
    family.adopt(redis.pid);
    await eventually('the queue is back', async () => {
      await flushNow();
      return lines.slice(from).some(({ msg }) => msg === 'resolved: the queue is unavailable') || undefined;
    });
    const told = new Map<string, number>();
    for (const { msg, level } of lines.slice(from)) if (level >= 40) told.set(msg, (told.get(msg) ?? 0) + 1);
    // Redis may come back for a moment and go away again: SIGCONT, then SIGTERM.
    for (const [msg, times] of told) expect(`${msg}: ${times}`).toMatch(/: [1-3]$/);
    expect(told.get('the queue is unavailable')).toBeGreaterThan(0);
  });
});
