import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AUTHORITY_CHANGED } from '../../../controller/identity/notifications.ts';
import { Database } from '../../../controller/platform/database.ts';
import { readConfig } from '../../../controller/platform/config.ts';
import { ReplicaNotifications } from '../../../controller/platform/replica-notifications.ts';
import { Outcome } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { routes } from '../../../proto/http/routes.ts';
import { FakeAgent, makeFlows } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, PASSWORD, TestController, type Person } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';

let postgres: TestDatabases;
let one: TestController;
let two: TestController;
let atOne: Person;
let atTwo: Person;
let agent: FakeAgent;

beforeAll(async () => {
  postgres = await openTestDatabases();
  const url = await postgres.newDatabase();
  one = await TestController.start({ CTFLEET_DATABASE_URL: url });
  // A replica shares the database and the state folder: one authority, one secret.
  two = await TestController.start({ CTFLEET_DATABASE_URL: url }, { stateDir: one.stateDir });
  atOne = await one.person('owner', [{ role: 'owner', tenantId: null }]);
  atTwo = await two.signIn('owner@example.net', PASSWORD);
  const { joinToken } = await makePlace(atOne, 'Acme', 'gw1');
  agent = await FakeAgent.join(one, joinToken);
  agent.flows = makeFlows(5);
  agent.onCommand = (command) => agent.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 5 }]);
});
afterAll(async () => {
  agent.disconnect();
  await two.stop({ keepState: true });
  await one.stop();
  await postgres.stop();
});

describe('two controllers on one database', () => {
  it('see each other’s people and gateways', async () => {
    await agent.connect(two.linkAddress);
    expect((await atOne.call(routes.getGateway, { params: { id: agent.gatewayId } })).state).toBe('online');
    expect((await atTwo.call(routes.getMe)).name).toBe('owner');
  });

  it('carry out a flush through whichever holds the link, and each informs its own watchers', async () => {
    const plan = await atTwo.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
    const { flushId } = await atOne.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    const events = await atOne.watch(routes.watchFlush, { id: flushId });
    expect(await events.until((event: { kind: string; flush?: { state: string } }) => event.flush?.state === 'verified')).toBeDefined();
    events.close();
    expect(agent.commands).toHaveLength(1);
    expect((await atTwo.call(routes.getFlush, { params: { id: flushId } })).totals.deleted).toBe(5);
  });

  it('leave a gateway one session: the newer cuts the older on the other replica', async () => {
    const newer = new FakeAgent(agent.identity);
    const older = agent.ended;
    await newer.connect(one.linkAddress);
    expect(newer.epoch).toBe(agent.epoch + 1n);
    expect(await older).toContain('connected elsewhere');
    await eventually('the registry keeps the newer', async () =>
      (await atTwo.call(routes.getGateway, { params: { id: agent.gatewayId } })).state === 'online' ? true : undefined,
    );
    newer.disconnect();
  });

  it('cut a link that the other replica holds when its gateway is revoked', async () => {
    await agent.connect(two.linkAddress);
    await atOne.call(routes.revokeGateway, { params: { id: agent.gatewayId } });
    expect(await agent.ended).toContain('revoked');
  });
});

describe('a controller that starts beside others', () => {
  it('reads again what it read before it could be notified: a change in between is not lost', async () => {
    const config = readConfig({ CTFLEET_DATABASE_URL: await postgres.newDatabase() });
    const database = new Database(config);
    const notifications = new ReplicaNotifications(config, pino({ level: 'silent' }), Date.now);
    const told: string[] = [];
    notifications.on(
      AUTHORITY_CHANGED,
      () => told.push('changed'),
      () => told.push('missed'),
    );
    const change = () => database.transact('all', (t) => notifications.send(t, AUTHORITY_CHANGED));
    await change();
    await notifications.onApplicationBootstrap();
    expect(told).toEqual(['missed']);
    await change();
    await eventually('it is notified', async () => (told.length > 1 ? true : undefined));
    expect(told).toEqual(['missed', 'changed']);
    await notifications.onApplicationShutdown();
    await database.onApplicationShutdown();
  });
});
