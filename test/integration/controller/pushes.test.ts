import { status, type ServiceError } from '@grpc/grpc-js';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RETRY_AFTER_KEY, retryAfterMs } from '../../../agent/link/backoff.ts';
import { Database } from '../../../controller/platform/database.ts';
import { routes } from '../../../proto/http/routes.ts';
import { FakeAgent } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, startWithOwner, TestController, type Person } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let owner: Person;
let acme: { tenantId: string; siteId: string };
let first: FakeAgent;
let second: FakeAgent;
let other: FakeAgent;

beforeAll(async () => {
  ({ postgres, url, controller, owner } = await startWithOwner());
  const place = await makePlace(owner, 'Acme', 'gw1');
  acme = place;
  first = await FakeAgent.join(controller, place.joinToken);
  second = await join('gw2');
  other = await FakeAgent.join(controller, (await makePlace(owner, 'Umbra', 'gw1')).joinToken);
  await save('for all of Acme', { tenants: [acme.tenantId] });
  await save('for one', { gateways: [second.gatewayId] });
});
afterEach(() => {
  for (const agent of [first, second, other]) {
    agent.disconnect();
    agent.remediations.length = 0;
    agent.checkpoints.length = 0;
  }
});
afterAll(async () => {
  await controller.stop();
  await postgres.stop();
});

async function join(gatewayName: string): Promise<FakeAgent> {
  const { token } = await owner.call(routes.createEnrolmentToken, { body: { siteId: acme.siteId, gatewayName } });
  return FakeAgent.join(controller, token);
}

async function joinMany(namePattern: string, count: number): Promise<FakeAgent[]> {
  const body = { tenantId: acme.tenantId, siteId: acme.siteId, namePattern, maxGateways: count };
  const { token } = await owner.call(routes.createRollout, { body });
  const joined: FakeAgent[] = [];
  for (let number = 0; number < count; number++) joined.push(await FakeAgent.join(controller, token));
  return joined;
}

async function save(name: string, scope: object): Promise<string> {
  const document = { name, scope, trigger: { kind: 'wan-down' }, filter: '$address' };
  return (await owner.call(routes.createRemediation, { body: { document } })).id;
}

let batch = 0n;
/** Connects, and returns once all is sent that a session begins with: messages are taken only after that. */
async function begin(agent: FakeAgent, hello: Parameters<FakeAgent['connect']>[1] = {}): Promise<void> {
  await agent.connect(controller.linkAddress, hello);
  await settled(agent);
}

async function settled(agent: FakeAgent): Promise<void> {
  const own = ++batch;
  agent.sendSamples(own, []);
  await eventually('the receipt comes', async () => agent.sampleReceipts.includes(own) || undefined);
}

const namesOf = (set: FakeAgent['remediations'][number]): string[] =>
  set.map(({ document }) => (JSON.parse(document) as { name: string }).name).sort();

describe('remediations', () => {
  it('are all sent to an agent that says nothing of them, as older ones do, at each session', async () => {
    for (let time = 1; time <= 2; time++) {
      await begin(second);
      expect(second.remediations.map(namesOf)).toEqual(Array.from({ length: time }, () => ['for all of Acme', 'for one']));
      second.disconnect();
    }
  });

  it('are not sent to an agent that has them, and all are sent to one that has others', async () => {
    await begin(second);
    const has = second.remediationsDigest;
    expect(has).toHaveLength(16);
    second.disconnect();
    await begin(second, { remediationsDigest: has });
    expect(second.remediations).toHaveLength(1);
    second.disconnect();
    const id = await save('for both', { gateways: [first.gatewayId, second.gatewayId] });
    await begin(second, { remediationsDigest: has });
    expect(second.remediations.map(namesOf)).toEqual([
      ['for all of Acme', 'for one'],
      ['for all of Acme', 'for both', 'for one'],
    ]);
    second.disconnect();
    await owner.call(routes.deleteRemediation, { params: { id } });
  });

  it('are sent by a change to the agents whose set it changes, and to no other', async () => {
    for (const agent of [first, second, other]) await begin(agent);
    const id = await save('for one more', { gateways: [first.gatewayId] });
    await eventually('it is there', async () => first.remediations.some((set) => namesOf(set).includes('for one more')) || undefined);
    await owner.call(routes.deleteRemediation, { params: { id } });
    await eventually(
      'it is gone',
      async () => (first.remediations.length > 2 && namesOf(first.remediations.at(-1)!).length === 1) || undefined,
    );
    await Promise.all([second, other].map(settled));
    expect([second.remediations.length, other.remediations.length]).toEqual([1, 1]);
  });

  it('of others are not learnt by saying that one has them', async () => {
    await begin(second);
    await begin(other, { remediationsDigest: second.remediationsDigest });
    expect(other.remediations).toEqual([[]]);
    other.disconnect();
    // Nor by a word of any other length, which says nothing.
    await begin(other, { remediationsDigest: Buffer.alloc(100_000, 7) });
    expect(other.remediations).toEqual([[], []]);
  });

  it('that an agent only claims to have are missing there, until they change, and nowhere else', async () => {
    await begin(second);
    const real = second.remediationsDigest;
    second.disconnect();
    second.remediations.length = 0;
    await begin(second, { remediationsDigest: real });
    await begin(first);
    expect([second.remediations.length, first.remediations.length]).toEqual([0, 1]);
    const id = await save('a change', { tenants: [acme.tenantId] });
    await eventually('both have it', async () => (second.remediations.length === 1 && first.remediations.length === 2) || undefined);
    await owner.call(routes.deleteRemediation, { params: { id } });
  });
});

it('heads of audit chains are sent to an agent that does not keep them, and to no other', async () => {
  await owner.text(routes.exportAudit);
  await begin(first);
  const [head] = first.checkpoints;
  expect(head).toBeDefined();
  const heads = [...first.checkpoints];
  first.disconnect();
  first.checkpoints.length = 0;
  await begin(first, { witnessed: heads });
  expect(first.checkpoints.filter((one) => heads.some((known) => known.chain === one.chain && known.seq === one.seq))).toEqual([]);
  first.disconnect();
  await begin(first, { witnessed: heads.map((one) => ({ ...one, seq: one.seq - 1n })).filter(({ seq }) => seq > 0n) });
  expect(first.checkpoints.length).toBeGreaterThanOrEqual(heads.length);
});

it('agents that come back together cost few statements each, and nothing is written of what they said before', async () => {
  const crowd = await joinMany('crowd{n}', 12);
  const hello = (agent: FakeAgent) => ({ remediationsDigest: agent.remediationsDigest, instanceId: agent.gatewayId });
  await Promise.all(crowd.map((agent) => begin(agent, hello(agent))));
  crowd.forEach((agent) => agent.disconnect());
  await eventually('all are gone', async () => {
    const [row] = await postgres.query<{ open: number }>(url, 'SELECT count(*)::int AS open FROM link_session WHERE closed_at IS NULL');
    return row!.open === 0 || undefined;
  });
  const written = async (): Promise<string> =>
    (
      await postgres.query<{ rows: string }>(
        url,
        `SELECT string_agg(xmin::text, ' ' ORDER BY id) AS rows FROM gateway WHERE name LIKE 'crowd%'`,
      )
    )[0]!.rows;
  const before = await written();
  const statements = countStatements(controller.running.app.get(Database).pool);
  await Promise.all(crowd.map((agent) => agent.connect(controller.linkAddress, hello(agent))));
  const count = statements();
  await Promise.all(crowd.map(settled));
  process.stdout.write(`${count / crowd.length} statements for each of ${crowd.length} agents\n`);
  // Each alone took more than forty; what runs by itself meanwhile counts too.
  expect(count / crowd.length).toBeLessThan(20);
  expect(await written()).toBe(before);
  crowd.forEach((agent) => agent.disconnect());
});

/** Counts from now on; the returned function says how many, and ends it. */
function countStatements(pool: pg.Pool): () => number {
  const wrapped = new Map<pg.PoolClient, pg.PoolClient['query']>();
  let count = 0;
  const wrap = (client: pg.PoolClient): void => {
    if (wrapped.has(client)) return;
    const query = client.query;
    wrapped.set(client, query);
    client.query = function counted(this: pg.PoolClient, ...args: unknown[]) {
      count++;
      return (query as (...given: unknown[]) => unknown).apply(this, args);
    } as never;
  };
  pool.on('acquire', wrap);
  return () => {
    pool.off('acquire', wrap);
    for (const [client, query] of wrapped) client.query = query;
    return count;
  };
}

describe('a controller to which more agents come than it admits', () => {
  it('admits them at its rate, and tells each of the others its own moment, at which it is admitted', async () => {
    const slow = await TestController.start(
      { CTFLEET_DATABASE_URL: url, CTFLEET_SESSIONS_PER_SECOND: '1' },
      { stateDir: controller.stateDir },
    );
    const crowd = await joinMany('late{n}', 12);
    try {
      // One is admitted now, three keep their streams for up to 3 s, the others are told when.
      const results = await Promise.allSettled(crowd.map((agent) => agent.connect(slow.linkAddress)));
      const refused = results.flatMap((result, index) =>
        result.status === 'rejected' ? [{ agent: crowd[index]!, error: result.reason as ServiceError }] : [],
      );
      expect(refused.length).toBeGreaterThan(0);
      expect(refused.every(({ error }) => error.code === status.UNAVAILABLE)).toBe(true);
      const waits = refused.map(({ error }) => hintOf(error));
      expect(Math.min(...waits)).toBeGreaterThan(3000);
      expect(new Set(waits).size).toBe(waits.length);
      const [soonest] = refused.toSorted((one, next) => hintOf(one.error) - hintOf(next.error));
      soonest!.agent.disconnect();
      await new Promise((resolve) => {
        setTimeout(resolve, hintOf(soonest!.error));
      });
      await soonest!.agent.connect(slow.linkAddress);
    } finally {
      crowd.forEach((agent) => agent.disconnect());
      await slow.stop({ keepState: true });
    }
  });
});

function hintOf(error: ServiceError): number {
  return retryAfterMs(error.metadata.get(RETRY_AFTER_KEY));
}
