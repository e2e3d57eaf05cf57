import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuthorityCareService } from '../../../controller/authority/authority-care.service.ts';
import { RootKeysService } from '../../../controller/authority/root-keys.service.ts';
import { AUTHORITY, type Authority } from '../../../controller/identity/authority.ts';
import { routes } from '../../../proto/http/routes.ts';
import { enrol, FakeAgent, makeRequest, renew } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, TestController } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';

const DAY_MS = 86_400_000;
let postgres: TestDatabases;

beforeAll(async () => {
  postgres = await openTestDatabases();
});
afterAll(() => postgres.stop());

const lookOf = (controller: TestController): Promise<void> => controller.running.app.get(AuthorityCareService).look();
const versionOf = (controller: TestController): number => controller.running.app.get<Authority>(AUTHORITY).version;

describe('an intermediate whose root key is here', () => {
  it('is replaced by itself at half of its life, once among two controllers, with both trusted until the fleet has renewed', async () => {
    // Behind, not ahead: TLS checks certificates by the machine's own clock.
    let behindMs = 370 * DAY_MS;
    const clock = (): number => Date.now() - behindMs;
    const env = { CTFLEET_DATABASE_URL: await postgres.newDatabase(), CTFLEET_AUTHORITY_KEY: Buffer.alloc(32, 5).toString('base64') };
    const first = await TestController.start(env, { clock });
    await lookOf(first);
    expect(versionOf(first)).toBe(1);
    await first.stop();

    behindMs = 4 * DAY_MS;
    const one = await TestController.start(env, { clock });
    const two = await TestController.start(env, { clock });
    const both = [one, two];
    const owner = await one.person('owner', [{ role: 'owner', tenantId: null }]);
    const view = () => owner.call(routes.getAuthority);
    const { joinToken } = await makePlace(owner, 'Acme', 'gw1');
    let gateway = await enrol(one.enrolAddress, one.running.app.get<Authority>(AUTHORITY).root, joinToken);
    const connects = async (controller: TestController): Promise<void> => {
      const agent = new FakeAgent(gateway);
      await agent.connect(controller.linkAddress);
      agent.disconnect();
    };
    const known = (version: number) =>
      eventually(`version ${version} is known to both`, async () => (both.every((each) => versionOf(each) === version) ? true : undefined));
    await connects(two);

    // Half of its life is over: one of the two prepares the next, and nobody does anything else for an hour.
    await Promise.all([...both, ...both].map(lookOf));
    await known(2);
    expect(await view()).toMatchObject({
      phase: 'prepared',
      roots: [{ isPinned: true }],
      issuers: [{ role: 'current' }, { role: 'next' }],
    });
    await connects(one);

    behindMs = 3.9 * DAY_MS;
    await Promise.all([...both, ...both].map(lookOf));
    await known(3);
    expect(await view()).toMatchObject({ phase: 'switched' });
    await connects(two);

    // A gateway is still on the old one: it is not left behind, however long that takes.
    behindMs = 2 * DAY_MS;
    await Promise.all(both.map(lookOf));
    expect(await view()).toMatchObject({ phase: 'switched', stranded: { total: 1 } });
    gateway = await renew(two.linkAddress, gateway, await makeRequest());
    await connects(two);
    await eventually('the gateway has renewed', async () => ((await view()).stranded?.total === 0 ? true : undefined));
    await Promise.all([...both, ...both].map(lookOf));
    await known(4);
    expect(await view()).toMatchObject({ phase: 'steady', roots: [{ key: 'here' }] });
    await connects(one);

    const { items } = await owner.call(routes.listAudit, { query: { limit: '200' } });
    const deeds = items
      .filter(({ action }) => action.startsWith('authority.'))
      .map(({ action, actor }) => `${action} by ${actor.kind} ${actor.name}`);
    expect(deeds.toReversed()).toEqual([
      'authority.prepared by system ctfleet',
      'authority.switched by system ctfleet',
      'authority.retired by system ctfleet',
    ]);
    await Promise.all(both.map((each) => each.stop()));
  });
});

describe('an intermediate whose root key was removed', () => {
  it('is not replaced, and somebody is told in time: in the API, in /metrics, and in the log once a day', async () => {
    let behindMs = 700 * DAY_MS;
    const logged: string[] = [];
    const logger = pino({ level: 'warn' }, { write: (line) => void logged.push(line) });
    const controller = await TestController.start(
      { CTFLEET_DATABASE_URL: await postgres.newDatabase() },
      { clock: () => Date.now() - behindMs, logger },
    );
    const keys = controller.running.app.get(RootKeysService);
    const actor = { kind: 'system', id: 'test', name: 'root at the command line' };
    await keys.exportRoot(actor, 'a passphrase of a test', async () => undefined);
    await keys.removeRoot(actor);
    behindMs = 0;
    const owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
    const said = () =>
      logged.filter((line) => line.includes('that the fleet depends on ends soon') && line.includes('"kind":"intermediate"'));
    await lookOf(controller);
    await lookOf(controller);
    expect(said()).toHaveLength(1);
    expect(JSON.parse(said()[0]!)).toMatchObject({ remedy: expect.stringContaining('authority.js import-root') });
    behindMs = -DAY_MS;
    await lookOf(controller);
    expect(said()).toHaveLength(2);
    behindMs = 0;
    const { phase, ends } = await owner.call(routes.getAuthority);
    expect(phase).toBe('steady');
    expect(ends.find(({ kind }) => kind === 'intermediate')).toMatchObject({
      isReplacedByItself: false,
      remedy: expect.stringContaining('The root’s key was removed from here'),
    });
    const { secret } = await owner.call(routes.createToken, { body: { name: 'metrics', role: 'viewer', tenantId: null } });
    const metrics = await (await fetch(`${controller.origin}/metrics`, { headers: { authorization: `Bearer ${secret}` } })).text();
    expect(metrics).toMatch(
      /ctfleet_authority_certificate_needs_someone\{kind="intermediate",name="CN=ctfleet intermediate [0-9a-f]+"\} 1/,
    );
    expect(metrics).toMatch(/ctfleet_authority_certificate_end_timestamp_seconds\{kind="controller",name=".+:0"\} \d+/);
    await controller.stop();
  });
});
