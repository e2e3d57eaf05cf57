import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Drain } from '../../../controller/peers/drain.service.ts';
import { ReplicasRepository } from '../../../controller/peers/replicas.repository.ts';
import { newId } from '../../../controller/platform/ids.ts';
import { GatewayQueries, type Asking } from '../../../controller/link/gateway-queries.service.ts';
import { Outcome } from '../../../proto/gen/ctfleet/v1/operation.ts';
import type { Query } from '../../../proto/gen/ctfleet/v1/link.ts';
import { routes } from '../../../proto/http/routes.ts';
import { FakeAgent, makeFlows } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, PASSWORD, TestController, type Person } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';

const SEARCH: NonNullable<Query['ask']> = {
  $case: 'search',
  value: { filter: undefined, sort: '', descending: false, limit: 10_000, after: undefined, withFacets: false, maxAgeMs: undefined },
};

let postgres: TestDatabases;
let url: string;
let stateDir: string;
const running: TestController[] = [];
/** Neither holds any link, and both hold links. */
let api: TestController;
let one: TestController;
let two: TestController;
let owner: Person;
let agent: FakeAgent;
let withFlows: FakeAgent['onQuery'];

async function start(env: Record<string, string>): Promise<TestController> {
  const controller = await TestController.start({ CTFLEET_DATABASE_URL: url, ...env }, { stateDir });
  running.push(controller);
  return controller;
}

beforeAll(async () => {
  postgres = await openTestDatabases();
  url = await postgres.newDatabase();
  one = await TestController.start({ CTFLEET_DATABASE_URL: url, CTFLEET_ROLES: 'link', CTFLEET_DRAIN_SECONDS: '1' });
  ({ stateDir } = one);
  running.push(one);
  two = await start({ CTFLEET_ROLES: 'link,work' });
  api = await start({ CTFLEET_ROLES: 'api', CTFLEET_SEARCH_DEADLINE_MS: '20000' });
  await api.person('owner', [{ role: 'owner', tenantId: null }]);
  owner = await api.signIn('owner@example.net', PASSWORD);
  const { joinToken } = await makePlace(owner, 'Acme', 'gw1');
  agent = await FakeAgent.join(one, joinToken);
  withFlows = agent.onQuery;
  agent.flows = makeFlows(3000);
  await agent.connect(one.linkAddress);
});
afterEach(() => {
  agent.onQuery = withFlows;
});
afterAll(async () => {
  agent.disconnect();
  for (const controller of running.reverse()) await controller.stop({ keepState: controller !== one });
  await postgres.stop();
});

const stateOf = async () => (await owner.call(routes.getGateway, { params: { id: agent.gatewayId } })).state;

/** Asks the gateway from a replica, with every row, or says which error came of it. */
async function askFrom(controller: TestController, asking: Partial<Asking> = {}) {
  const ids: number[] = [];
  try {
    const { head, end } = await controller.running.app.get(GatewayQueries).ask(agent.gatewayId, SEARCH, {
      deadlineMs: 20_000,
      maxFlows: 10_000,
      onFlows: (flows) => void ids.push(...flows.map(({ id }) => id)),
      ...asking,
    });
    return { ids, total: head.total, facets: head.facets, end };
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`;
  }
}

/** A question of the second replica that the agent has and has not answered; asked again while a busy replica is taken for dead. */
async function unanswered(): Promise<{ asked: ReturnType<typeof askFrom>; query: Query }> {
  return eventually('the gateway is asked', async () => {
    const waiting = Promise.withResolvers<Query>();
    agent.onQuery = (query) => {
      waiting.resolve(query);
      return undefined;
    };
    const asked = askFrom(two);
    const query = await Promise.race([waiting.promise, asked.then(() => undefined)]);
    return query && { asked, query };
  });
}

describe('a gateway whose link another replica holds', () => {
  it('gives the same rows, head and end to every replica', async () => {
    const here = await askFrom(one);
    expect(here).toMatchObject({ total: 3000n, end: { rows: 3000 } });
    expect(await askFrom(two)).toEqual(here);
    expect(await askFrom(api)).toEqual(here);
  });

  it('is searched, planned on and flushed through a process that has only the role api', async () => {
    const found = await owner.call(routes.searchFlows, { body: { filter: 'proto:udp', limit: 10 } });
    expect([found.total, found.gateways[0]?.state]).toEqual([3000, 'answered']);
    agent.flows = makeFlows(5);
    agent.onCommand = (command) => agent.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 5 }]);
    const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
    const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    await eventually('it is verified', async () =>
      (await owner.call(routes.getFlush, { params: { id: flushId } })).state === 'verified' ? true : undefined,
    );
    expect(agent.commands).toHaveLength(1);
    agent.flows = makeFlows(3000);
  });

  it('refuses every replica with the same words', async () => {
    agent.onQuery = () => [{ $case: 'failure', value: { code: 'CAPABILITY_MISSING', detail: 'I cannot' } }];
    expect(await askFrom(one)).toBe('CAPABILITY_MISSING: I cannot');
    expect(await askFrom(two)).toBe('CAPABILITY_MISSING: I cannot');
  });

  it('is not heard out by any replica if it sends more than was asked for', async () => {
    const here = await askFrom(one, { maxFlows: 100 });
    expect(here).toContain('PLAN_TOO_LARGE');
    expect(await askFrom(two, { maxFlows: 100 })).toBe(here);
  });

  it('is slow for every replica at the deadline', async () => {
    agent.onQuery = () => undefined;
    expect(await askFrom(one, { deadlineMs: 300 })).toBe('GATEWAY_SLOW: No answer within 300 ms.');
    expect(await askFrom(two, { deadlineMs: 300 })).toBe('GATEWAY_SLOW: No answer within 300 ms.');
  });

  it('is no longer asked once nobody waits for its answer', async () => {
    agent.onQuery = () => undefined;
    const abort = new AbortController();
    const asked = askFrom(two, { signal: abort.signal });
    const atOne = one.running.app.get(GatewayQueries);
    await eventually('it is asked', () => Promise.resolve(atOne.isAsked(agent.gatewayId) || undefined));
    abort.abort();
    expect(await asked).toBe('CANCELLED: The request was cancelled.');
    await eventually('its replica asks no more', () => Promise.resolve(!atOne.isAsked(agent.gatewayId) || undefined));
  });

  it('is read no faster than the replica that asks takes its rows', async () => {
    agent.flows = makeFlows(60_000);
    const taken = Promise.withResolvers<void>();
    let rows = 0;
    const asked = askFrom(two, {
      maxFlows: 100_000,
      onFlows: (flows) => {
        rows += flows.length;
        return taken.promise;
      },
    });
    await eventually('it begins', () => Promise.resolve(rows > 0 || undefined));
    expect(rows).toBeLessThanOrEqual(500);
    taken.resolve();
    expect(await asked).toMatchObject({ end: { rows: 10_000 } });
    agent.flows = makeFlows(3000);
  });

  it('says that it has no link if no replica holds it', async () => {
    agent.disconnect();
    await eventually('it is offline', async () => ((await stateOf()) === 'offline' ? true : undefined));
    expect(await askFrom(two)).toBe('GATEWAY_OFFLINE: No controller has a link to the gateway.');
    await agent.connect(one.linkAddress);
  });
});

describe('a replica of the last release', () => {
  // The statements of 0.1.0, which knows neither the registry of replicas nor interrupted sessions.
  const OPEN = `INSERT INTO link_session AS held (
      gateway_id, tenant_id, replica_id, epoch, connected_at, last_heard_at, instance_id, superseded, takeovers, takeovers_since
    )
    SELECT id, tenant_id, $2::uuid, 1, now(), now(), NULL, '{}', 0, NULL FROM gateway WHERE id = $1::uuid
    ON CONFLICT (gateway_id) DO UPDATE
    SET replica_id = excluded.replica_id, epoch = greatest(held.epoch + 1, excluded.epoch), connected_at = excluded.connected_at,
      last_heard_at = excluded.last_heard_at, closed_at = NULL, instance_id = excluded.instance_id, superseded = excluded.superseded,
      takeovers = excluded.takeovers, takeovers_since = excluded.takeovers_since`;
  const IS_ALIVE = `SELECT closed_at IS NULL AND now() - last_heard_at < interval '35 seconds' AS alive
    FROM link_session WHERE gateway_id = $1`;
  const CLOSE = `UPDATE link_session SET closed_at = now() WHERE gateway_id = $1 AND replica_id = $2 AND closed_at IS NULL`;

  it('keeps sessions in the same registry: it sees ours, we see its own, and only its rows cannot be asked for', async () => {
    const old = newId();
    const isAlive = async () => (await postgres.query<{ alive: boolean }>(url, IS_ALIVE, [agent.gatewayId]))[0]?.alive;
    expect(await isAlive()).toBe(true);
    await postgres.query(url, OPEN, [agent.gatewayId, old]);
    expect(await stateOf()).toBe('online');
    agent.disconnect();
    expect(await askFrom(two)).toBe('GATEWAY_OFFLINE: The controller that holds its link does not answer.');
    await postgres.query(url, CLOSE, [agent.gatewayId, old]);
    expect(await stateOf()).toBe('offline');
    await agent.connect(one.linkAddress);
    expect(await isAlive()).toBe(true);
  });
});

describe('a replica that hangs', () => {
  it('has its gateways shown as reconnecting, and its open questions end; when it goes on, so do they', async () => {
    const beats = one.running.app.get(ReplicasRepository);
    const beat = beats.beat.bind(beats);
    agent.onQuery = () => undefined;
    const asked = askFrom(two);
    await eventually('it is asked', () => Promise.resolve(one.running.app.get(GatewayQueries).isAsked(agent.gatewayId) || undefined));
    const frozen = Promise.withResolvers<'went on'>();
    beats.beat = () => frozen.promise;
    await eventually('it is reconnecting', async () => ((await stateOf()) === 'reconnecting' ? true : undefined));
    expect(await asked).toBe('GATEWAY_OFFLINE: The controller that holds its link does not answer.');
    expect((await owner.call(routes.searchFlows, { body: { filter: 'proto:udp' } })).gateways[0]).toMatchObject({
      state: 'offline',
      reason: expect.stringContaining('reconnecting since') as string,
    });
    beats.beat = beat;
    frozen.resolve('went on');
    await eventually('it is online again, in the same session', async () => ((await stateOf()) === 'online' ? true : undefined));
    agent.onQuery = withFlows;
    expect(await askFrom(two)).toMatchObject({ total: 3000n });
  });
});

describe('a replica that is stopped beside others', () => {
  it('leaves its gateways reconnecting, also without time to give them away', async () => {
    const third = await start({ CTFLEET_ROLES: 'link' });
    await agent.connect(third.linkAddress);
    running.splice(running.indexOf(third), 1);
    await third.stop({ keepState: true });
    expect(await stateOf()).toBe('reconnecting');
    expect(await agent.ended).toContain('shutting down');
    const rows = await postgres.query(
      url,
      'SELECT 1 FROM link_session JOIN replica ON id = replica_id WHERE ended_at IS NOT NULL AND closed_at IS NULL',
    );
    expect(rows).toEqual([]);
    await agent.connect(one.linkAddress);
  });

  it('gives its sessions away, answers what is under way, and takes no new ones', async () => {
    const third = await start({ CTFLEET_ROLES: 'api,link', CTFLEET_DRAIN_SECONDS: '1' });
    await agent.connect(third.linkAddress);
    const { asked, query } = await unanswered();
    const drained = third.running.app.get(Drain).drain();
    expect((await fetch(`${third.origin}/readyz`)).status).toBe(503);
    await expect(new FakeAgent(agent.identity).connect(third.linkAddress)).rejects.toThrow('ECONNREFUSED');
    agent.onQuery = withFlows;
    agent.answer(query);
    expect(await asked).toMatchObject({ total: 3000n });
    expect(await agent.ended).toContain('shutting down');
    expect(await stateOf()).toBe('reconnecting');
    await drained;
    await agent.connect(one.linkAddress);
    expect(await stateOf()).toBe('online');
    await third.stop({ keepState: true });
    running.splice(running.indexOf(third), 1);
  });
});
