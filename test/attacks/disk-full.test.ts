import { Redis as RedisClient } from 'ioredis';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import { Sample } from '../../proto/gen/ctfleet/v1/stats.ts';
import { routes } from '../../proto/http/routes.ts';
import { freePort } from '../../tools/free-port.ts';
import { ProcessGroup } from '../../tools/process-group.ts';
import { startRedis, type Redis } from '../../tools/redis.ts';
import { FakeAgent, makeFlows } from '../support/controller-fake-agent.ts';
import { eventually, makePlace, TestController, workAlone, type Answer, type Person } from '../support/controller-fleet.ts';
import { startTestPostgres, type TestPostgres } from '../support/database.ts';
import { mountSmallDisk, whyNoSmallDisk, type SmallDisk } from '../support/small-disk.ts';

const DISK_MEBIBYTES = 200;
/** A plan this large does not fit in pages that are already allocated. */
const FLOWS = 3000;
const ROUNDS = 8;

const whyNoDisk = whyNoSmallDisk();
const family = new ProcessGroup();
let disk: SmallDisk | undefined;
let postgres: TestPostgres;
let url: string;
let redis: Redis;
let settings: RedisClient;
let controller: TestController;
let owner: Person;
let agent: FakeAgent;
const lines: { level: number; msg: string }[] = [];

beforeAll(async () => {
  disk = whyNoDisk === undefined ? mountSmallDisk(DISK_MEBIBYTES) : undefined;
  postgres = await startTestPostgres(disk?.folder);
  redis = await startRedis();
  family.adopt(redis.pid);
  settings = new RedisClient(redis.url);
  url = await postgres.newDatabase();
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line) as { level: number; msg: string }) });
  controller = await TestController.start({ CTFLEET_DATABASE_URL: url, CTFLEET_REDIS_URL: redis.url }, { logger });
  owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
  const { joinToken } = await makePlace(owner, 'Acme', 'gw1');
  await workAlone(owner);
  agent = await FakeAgent.join(controller, joinToken);
  agent.flows = makeFlows(FLOWS);
  agent.onCommand = (command) => agent.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: FLOWS }]);
  await agent.connect(controller.linkAddress);
});
afterEach(() => disk?.free());
afterAll(async () => {
  settings.disconnect();
  agent.disconnect();
  await controller.stop();
  await family.end();
  await postgres.stop();
  disk?.remove();
});

const makePlan = (): Promise<Answer> => owner.ask(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
const run = ({ id, digest }: Plan): Promise<Answer> => owner.ask(routes.runPlan, { params: { id }, body: { digest } });
interface Plan {
  id: string;
  digest: string;
}

async function online(): Promise<void> {
  await eventually('the agent is online', async () => {
    if ((await owner.call(routes.getGateway, { params: { id: agent.gatewayId } })).state === 'online') return true;
    return agent.connect(controller.linkAddress).then(
      () => undefined,
      () => undefined,
    );
  });
}

async function ends(flushId: string): Promise<string> {
  return eventually('the flush ends', async () => {
    const { state } = await owner.call(routes.getFlush, { params: { id: flushId } });
    return state === 'running' ? undefined : state;
  });
}

async function flushNow(): Promise<void> {
  const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
  const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
  expect(await ends(flushId)).toBe('verified');
}

const count = async (sql: string): Promise<number> => (await postgres.query(url, sql)).length;

describe.skipIf(whyNoDisk !== undefined)(`F5: the disk of Postgres is full${whyNoDisk === undefined ? '' : ` (${whyNoDisk})`}`, () => {
  it('F5: commands are accepted whole or refused as unavailable, samples wait, and service resumes without a restart', async () => {
    const before: Plan[] = [];
    for (let n = 0; n < ROUNDS; n++) before.push((await makePlan()).body as Plan);
    const accepted = { plans: [...before], flushes: [] as string[], tenants: ['Acme'] };
    disk!.fill();

    // Large enough to need new pages.
    const nowMs = BigInt(Date.now());
    const cpus = Array.from({ length: 64 }, (_, cpu) => ({ cpu, drop: 1n }));
    const samplesOf = (batch: bigint): Sample[] =>
      Array.from({ length: 400 }, (_, index) =>
        Sample.fromPartial({ atMs: nowMs - (batch * 400n + BigInt(index)) * 1000n, count: 42n, max: 1000n, cpus }),
      );
    const batches = Array.from({ length: 5 }, (_, index) => BigInt(index));
    for (const batch of batches) agent.sendSamples(batch, samplesOf(batch));
    const refused: Answer[] = [];
    const judge = (answer: Answer, take: (body: never) => void): void => {
      if (answer.status < 300) return take(answer.body as never);
      refused.push(answer);
    };
    for (let n = 0; n < ROUNDS; n++) {
      judge(await makePlan(), (plan: Plan) => accepted.plans.push(plan));
      judge(await run(before[n]!), ({ flushId }: { flushId: string }) => accepted.flushes.push(flushId));
      judge(await owner.ask(routes.createTenant, { body: { name: `Tenant ${n}` } }), ({ name }: { name: string }) =>
        accepted.tenants.push(name),
      );
    }
    expect(refused.length).toBeGreaterThan(0);
    for (const { status, body } of refused) {
      // A plan that finds the agent's session cut has no one to ask.
      expect({ status, body }).toMatchObject({ status: 503, body: { code: expect.stringMatching(/^(UNAVAILABLE|GATEWAY_OFFLINE)$/) } });
    }
    expect(refused.map(({ body }) => (body as { detail: string }).detail)).toContainEqual(expect.stringContaining('disk'));
    // Existing data can be read, so it is ready.
    expect((await fetch(`${controller.origin}/readyz`)).status).toBe(200);
    expect((await owner.call(routes.listTenants)).items.map(({ name }) => name).toSorted()).toEqual(accepted.tenants.toSorted());

    const unstored = (): bigint[] => batches.filter((batch) => !agent.sampleReceipts.includes(batch));
    expect(unstored().length).toBeGreaterThan(0);
    disk!.free();
    await online();
    await flushNow();
    // Every 2xx is stored, and nothing else.
    for (const { id, digest } of accepted.plans) expect((await owner.call(routes.getPlan, { params: { id } })).digest).toBe(digest);
    for (const flushId of accepted.flushes) expect(await ends(flushId)).toMatch(/^(verified|expired|partial|failed)$/);
    expect(await count('SELECT FROM plan')).toBe(accepted.plans.length + 1);
    expect(await count('SELECT FROM flush')).toBe(accepted.flushes.length + 1);
    expect(await count('SELECT FROM command')).toBe(accepted.flushes.length + 1);
    expect(await count(`SELECT FROM audit_entry WHERE action = 'flush.started'`)).toBe(accepted.flushes.length + 1);
    const commands = new Set((await postgres.query<{ id: string }>(url, 'SELECT id FROM command')).map(({ id }) => id));
    expect(agent.commands.filter(({ id }) => !commands.has(id))).toEqual([]);

    // A receipt is a promise; a batch without one waits or, if the session has ended, is sent again, and arrives.
    for (const batch of unstored()) agent.sendSamples(batch, samplesOf(batch));
    await eventually('all receipts', async () => unstored().length === 0 || undefined);
    const stored = await postgres.query<{ at: Date }>(url, 'SELECT DISTINCT at FROM sample');
    const times = new Set(stored.map(({ at }) => at.getTime()));
    expect(batches.flatMap(samplesOf).filter(({ atMs }) => !times.has(Number(atMs)))).toEqual([]);
  });
});

describe('F5: Redis accepts no writes', () => {
  it.each([
    ['it is full', ['CONFIG', 'SET', 'maxmemory', '1mb'], ['CONFIG', 'SET', 'maxmemory', '0']],
    [
      'it lacks the replicas it needs to write',
      ['CONFIG', 'SET', 'min-replicas-to-write', '1'],
      ['CONFIG', 'SET', 'min-replicas-to-write', '0'],
    ],
    ['it is itself a replica', ['REPLICAOF', '127.0.0.1', 'closed'], ['REPLICAOF', 'NO', 'ONE']],
  ])('F5: a flush proceeds by itself while %s, and the queue is used again afterwards', async (_, breaks, mends) => {
    await online();
    const from = lines.length;
    const port = String(await freePort());
    await settings.call(breaks[0]!, ...breaks.slice(1).map((word) => (word === 'closed' ? port : word)));
    try {
      await expect(settings.set('probe', '1')).rejects.toThrow(/OOM|NOREPLICAS|READONLY/);
      await flushNow();
      await flushNow();
    } finally {
      await settings.call(mends[0]!, ...mends.slice(1));
    }
    await flushNow();
    await eventually(
      'the queue is back',
      async () =>
        lines.slice(from).some(({ msg }) => msg === 'resolved: the queue is unavailable; commands are delivered without it') || undefined,
    );
    expect(await settings.set('probe', '1')).toBe('OK');
  });
});
