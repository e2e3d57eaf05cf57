import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { routes } from '../../../proto/http/routes.ts';
import { MAX_SERVICE_ACCOUNTS } from '../../../proto/http/service-accounts.ts';
import { RetentionService } from '../../../controller/retention/retention.service.ts';
import { makePlace, startWithOwner, Person, TestController } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let owner: Person;
let acme: string;
let other: string;
let acmeOwner: Person;
let aheadMs = 0;
let number = 0;

beforeAll(async () => {
  ({ postgres, url, controller, owner } = await startWithOwner({}, { clock: () => Date.now() + aheadMs }));
  acme = (await makePlace(owner, 'Acme', 'gw1')).tenantId;
  other = (await makePlace(owner, 'Other', 'gw2')).tenantId;
  acmeOwner = await controller.person('acme', [{ role: 'owner', tenantId: acme }]);
});
beforeEach(() => {
  aheadMs = 0;
});
afterAll(async () => {
  await controller.stop();
  await postgres.stop();
});

const make = (change: object = {}, by = owner) =>
  by.call(routes.createServiceAccount, {
    body: { name: `program ${++number}`, purpose: 'tests', role: 'operator', tenantId: acme, ...change },
  });
const program = ({ secret }: { secret: string }): Person => new Person(controller.origin, { authorization: `Bearer ${secret}` });
const found = async (id: string, by = owner) =>
  (await by.call(routes.listServiceAccounts, { query: { limit: '500' } })).items.find((one) => one.id === id);
const statusOf = async (who: Person) => (await who.ask(routes.getMe)).status;
const codeOf = async (answer: Promise<{ status: number; body: unknown }>) => ((await answer).body as { code?: string } | undefined)?.code;

describe('a service account', () => {
  it('calls with a secret that is shown once and stored as a hash, with its role over its tenant, and belongs to no person', async () => {
    const maker = await controller.person('leaver', [{ role: 'owner', tenantId: null }]);
    const made = await make({}, maker);
    expect(made).toMatchObject({ state: 'active', createdBy: 'leaver', secrets: [{ shownTo: 'leaver' }] });
    expect(made.secret).toMatch(/^ctfs_[0-9a-f]{32}_[\w-]{43}$/);
    const caller = program(made);
    expect(await caller.call(routes.getMe)).toEqual({
      kind: 'service-account',
      id: made.id,
      name: `service account ${made.name}`,
      grants: [{ role: 'operator', tenantId: acme }],
      version: expect.any(String),
    });
    expect((await caller.call(routes.listTenants)).items.map(({ id }) => id)).toEqual([acme]);
    expect(JSON.stringify(await found(made.id))).not.toContain(made.secret.slice(-43));
    expect(JSON.stringify(await postgres.query(url, 'SELECT * FROM service_account_secret'))).not.toContain(made.secret.slice(-43));
    await owner.call(routes.removePerson, { params: { id: (await maker.call(routes.getMe)).id } });
    expect(await statusOf(caller)).toBe(200);
  });

  it('with actions of its own may do these of what its role allows, and nothing else', async () => {
    const made = await make({ actions: ['gateways.read'] });
    const caller = program(made);
    expect(await caller.call(routes.getMe)).toMatchObject({ actions: ['gateways.read'] });
    await caller.call(routes.listGateways);
    expect(await codeOf(caller.ask(routes.listFlushes))).toBe('FORBIDDEN');
    const body = { name: 'x', purpose: 'p', role: 'viewer', tenantId: acme, actions: ['plans.run'] };
    expect(await codeOf(owner.ask(routes.createServiceAccount, { body }))).toBe('INVALID_REQUEST');
    expect(await codeOf(owner.ask(routes.updateServiceAccount, { params: { id: made.id }, body: { actions: ['audit.read'] } }))).toBe(
      'INVALID_REQUEST',
    );
    await owner.call(routes.updateServiceAccount, { params: { id: made.id }, body: { actions: null } });
    await caller.call(routes.listFlushes);
  });

  it('ends on its day, a year at most after it was made or given another, and shows when it was last used', async () => {
    const made = await make({ expiresInDays: 30 });
    expect(made.lastUsedAt).toBeUndefined();
    const caller = program(made);
    await caller.call(routes.getMe);
    expect((await found(made.id))!.lastUsedAt).toBeDefined();
    const first = (await found(made.id))!.lastUsedAt;
    aheadMs = 30_000;
    await caller.call(routes.getMe);
    expect((await found(made.id))!.lastUsedAt).toBe(first);
    aheadMs = 30 * DAY_MS;
    expect(await statusOf(caller)).toBe(401);
    // The owner's session has ended long before.
    aheadMs = 0;
    await owner.call(routes.updateServiceAccount, { params: { id: made.id }, body: { expiresInDays: 366 } });
    aheadMs = 366 * DAY_MS - HOUR_MS;
    expect(await statusOf(caller)).toBe(200);
    aheadMs = 0;
    for (const expiresInDays of [0, 367])
      expect(await codeOf(owner.ask(routes.updateServiceAccount, { params: { id: made.id }, body: { expiresInDays } }))).toBe(
        'INVALID_REQUEST',
      );
    expect(Date.parse((await make()).expiresAt) - Date.now()).toBeLessThanOrEqual(365 * DAY_MS);
  });

  it('is in the audit trail as what it is, in the chain of its tenant', async () => {
    const made = await make({ role: 'admin' });
    await program(made).call(routes.createSite, { body: { tenantId: acme, name: `Site of ${made.name}` } });
    const { items } = await acmeOwner.call(routes.listAudit, { query: { action: 'site.made' } });
    expect(items[0]).toMatchObject({
      actor: { kind: 'service-account', id: made.id, name: `service account ${made.name}` },
      summary: expect.stringMatching(new RegExp(`^service account ${made.name} added`)),
    });
    await owner.call(routes.updateServiceAccount, { params: { id: made.id }, body: { purpose: 'another', role: 'viewer' } });
    const [entry] = (await acmeOwner.call(routes.listAudit, { query: { action: 'service-account.changed' } })).items;
    expect(entry!.detail).toMatchObject({
      serviceAccountId: made.id,
      before: { purpose: 'tests', role: 'admin' },
      after: { purpose: 'another', role: 'viewer' },
    });
    expect(await owner.call(routes.verifyAudit)).toMatchObject({ isIntact: true });
  });

  it('has a name that no other of its tenant has, and one of another tenant may have', async () => {
    const { name } = await make();
    const again = { name, purpose: 'p', role: 'viewer' };
    expect(await codeOf(owner.ask(routes.createServiceAccount, { body: { ...again, tenantId: acme } }))).toBe('ALREADY_EXISTS');
    await make({ ...again, tenantId: other });
    await make({ ...again, tenantId: null });
    expect(await codeOf(owner.ask(routes.createServiceAccount, { body: { ...again, tenantId: null } }))).toBe('ALREADY_EXISTS');
  });

  it('is one of a bounded number in its tenant', async () => {
    const place = await makePlace(owner, 'Full', 'gw');
    await postgres.query(
      url,
      `INSERT INTO service_account (id, tenant_id, name, purpose, role, actions, created_by_name, created_at, expires_at)
      SELECT gen_random_uuid(), $1, 'filler ' || n, 'p', 'viewer', '{}', 'test', now(), now() + interval '1 day' FROM generate_series(2, $2::int) AS n`,
      [place.tenantId, MAX_SERVICE_ACCOUNTS],
    );
    await make({ tenantId: place.tenantId });
    const body = { name: 'one more', purpose: 'p', role: 'viewer', tenantId: place.tenantId };
    expect(await codeOf(owner.ask(routes.createServiceAccount, { body }))).toBe('INVALID_REQUEST');
    await make();
  });

  it('is dropped 90 days after it expired, and not before', async () => {
    const [short, long] = [await make({ expiresInDays: 1 }), await make({ expiresInDays: 200 })];
    const drop = async (days: number) => {
      aheadMs = days * DAY_MS;
      await controller.running.app.get(RetentionService).drop();
      const rows = await postgres.query<{ id: string }>(url, 'SELECT id FROM service_account');
      return [short, long].map(({ id }) => rows.some((row) => row.id === id));
    };
    expect(await drop(90)).toEqual([true, true]);
    expect(await drop(92)).toEqual([false, true]);
    // Sessions ended meanwhile.
    aheadMs = 0;
    owner = await controller.signIn('owner@example.net', 'a password of a test');
    acmeOwner = await controller.signIn('acme@example.net', 'a password of a test');
  });
});

describe('a rotation', () => {
  it('leaves no gap: both secrets work until the moment that was chosen, then the earlier one ends by itself', async () => {
    const made = await make();
    const rotated = await owner.call(routes.rotateServiceAccount, { params: { id: made.id }, body: { overlapHours: 2 } });
    expect(rotated.secrets).toHaveLength(2);
    const [before, after] = [program(made), program(rotated)];
    expect([await statusOf(before), await statusOf(after)]).toEqual([200, 200]);
    aheadMs = 2 * HOUR_MS - 60_000;
    expect([await statusOf(before), await statusOf(after)]).toEqual([200, 200]);
    aheadMs = 2 * HOUR_MS + 60_000;
    expect([await statusOf(before), await statusOf(after)]).toEqual([401, 200]);
    expect((await found(made.id))!.secrets).toHaveLength(1);
  });

  it('lasts a day unless said otherwise, and 30 days at most', async () => {
    const made = await make();
    const { secrets } = await owner.call(routes.rotateServiceAccount, { params: { id: made.id }, body: {} });
    const overlapMs = Date.parse(secrets[1]!.endsAt!) - Date.parse(secrets[0]!.createdAt);
    expect(Math.round(overlapMs / HOUR_MS)).toBe(24);
    expect(secrets[0]!.endsAt).toBeUndefined();
    for (const overlapHours of [-1, 721])
      expect(await codeOf(owner.ask(routes.rotateServiceAccount, { params: { id: made.id }, body: { overlapHours } }))).toBe(
        'INVALID_REQUEST',
      );
  });

  it('never leaves three secrets, and cuts none off unasked: a second one waits, ends the earlier, or ends both', async () => {
    const made = await make();
    const params = { id: made.id };
    const rotate = (overlapHours: number) => owner.ask(routes.rotateServiceAccount, { params, body: { overlapHours } });
    const second = await owner.call(routes.rotateServiceAccount, { params, body: {} });
    expect(await codeOf(rotate(24))).toBe('ALREADY_EXISTS');
    expect(await owner.call(routes.endEarlierSecret, { params })).toMatchObject({ secrets: [{}] });
    expect([await statusOf(program(made)), await statusOf(program(second))]).toEqual([401, 200]);
    await owner.call(routes.endEarlierSecret, { params });
    expect(await statusOf(program(second))).toBe(200);
    const answers = await Promise.all([rotate(24), rotate(24), rotate(24)]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409]);
    const third = answers.find(({ status }) => status === 201)!.body as { secret: string };
    const last = await owner.call(routes.rotateServiceAccount, { params, body: { overlapHours: 0 } });
    expect(last.secrets).toHaveLength(1);
    expect([await statusOf(program(second)), await statusOf(program(third)), await statusOf(program(last))]).toEqual([401, 401, 200]);
  });
});

describe('an end', () => {
  it('by suspending or removing is effective with the next call and on open streams within five seconds', async () => {
    for (const end of [routes.suspendServiceAccount, routes.removeServiceAccount]) {
      const made = await make();
      const caller = program(made);
      const events = await caller.watch(routes.watchFleet);
      await events.until((event: { kind: string }) => event.kind === 'heartbeat');
      await owner.call(end, { params: { id: made.id } });
      expect(await statusOf(caller)).toBe(401);
      expect(await events.until(() => false)).toBeUndefined();
      if (end !== routes.suspendServiceAccount) continue;
      await owner.call(routes.resumeServiceAccount, { params: { id: made.id } });
      expect(await statusOf(caller)).toBe(200);
    }
  });

  it('of a right is effective with the next call and on open streams, as for people', async () => {
    const made = await make({ role: 'admin' });
    const caller = program(made);
    const events = await caller.watch(routes.watchFleet);
    await events.until((event: { kind: string }) => event.kind === 'heartbeat');
    await owner.call(routes.updateServiceAccount, { params: { id: made.id }, body: { actions: ['sites.read'] } });
    expect(await codeOf(caller.ask(routes.listGateways))).toBe('FORBIDDEN');
    expect(await events.until(() => false)).toBeUndefined();
  });
});

describe('whoever manages service accounts', () => {
  it('gives no right that they do not have, and manages none that has more', async () => {
    const admin = await controller.person('acme-admin', [{ role: 'admin', tenantId: acme }]);
    const give = (change: object) =>
      codeOf(admin.ask(routes.createServiceAccount, { body: { name: 'x', purpose: 'p', role: 'viewer', tenantId: acme, ...change } }));
    for (const change of [{ role: 'owner' }, { tenantId: other }, { tenantId: null }]) expect(await give(change)).toBe('FORBIDDEN');
    const strong = await make({ role: 'owner' });
    for (const [route, body] of [
      [routes.updateServiceAccount, { name: 'mine' }],
      [routes.rotateServiceAccount, {}],
      [routes.suspendServiceAccount, undefined],
      [routes.removeServiceAccount, undefined],
    ] as const)
      expect(await codeOf(admin.ask(route, { params: { id: strong.id }, body }))).toBe('FORBIDDEN');
    const own = await make({}, admin);
    expect(await codeOf(admin.ask(routes.updateServiceAccount, { params: { id: own.id }, body: { role: 'owner' } }))).toBe('FORBIDDEN');
  });

  it('in one tenant sees those of that tenant: those of others and over all look like what does not exist', async () => {
    const [mine, theirs, ofAll] = [await make({}, acmeOwner), await make({ tenantId: other }), await make({ tenantId: null })];
    const text = JSON.stringify((await acmeOwner.call(routes.listServiceAccounts, { query: { limit: '500' } })).items);
    expect(text).toContain(mine.id);
    for (const { id, name } of [theirs, ofAll]) {
      expect(text).not.toContain(id);
      expect(text).not.toContain(`"${name}"`);
      expect(await codeOf(acmeOwner.ask(routes.rotateServiceAccount, { params: { id }, body: {} }))).toBe('NOT_FOUND');
    }
  });

  it('is a person: no token and no service account adds, changes or ends one, however strong', async () => {
    const strong = await make({ role: 'owner', tenantId: null });
    const caller = program(strong);
    expect((await caller.call(routes.listServiceAccounts)).items.length).toBeGreaterThan(0);
    for (const [name, route] of Object.entries(routes).filter(([, { path }]) => path.startsWith('/service-accounts')))
      if (name !== 'listServiceAccounts')
        expect([name, (await caller.ask(route, { params: { id: strong.id }, body: {} })).status]).toEqual([name, 403]);
  });
});

describe('a second person', () => {
  it('is no service account, and nobody who was shown the secret with which something was decided', async () => {
    const second = await controller.person('second', [{ role: 'approver', tenantId: null }]);
    const made = await make({ role: 'admin' });
    const caller = program(made);
    const document = { name: `acts ${number}`, trigger: { kind: 'manual' }, filter: 'proto:udp', mode: 'auto', limits: { maxFlows: 1 } };
    const saved = await caller.call(routes.createRemediation, { body: { tenantId: acme, document } });
    expect(saved.approval).toMatchObject({ state: 'needed', why: expect.stringContaining('service account') });
    const approve = (by: Person) => codeOf(by.ask(routes.approveRemediation, { params: { id: saved.id }, body: { revision: 1 } }));
    expect(await approve(caller)).toBe('FORBIDDEN');
    expect(await approve(owner)).toBe('FORBIDDEN');
    expect(await approve(second)).toBeUndefined();
  });
});
