import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { request } from '../../../client/request.ts';
import { sessionCookie } from '../../../client/sign-in.ts';
import { routes } from '../../../proto/http/routes.ts';
import type { Grant, Role } from '../../../proto/model/access.ts';
import { makePlace, startWithOwner, Person, PASSWORD, TestController } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';

const CHOSEN = 'seven quiet herons at dusk';
const DAY_MS = 86_400_000;

let postgres: TestDatabases;
let controller: TestController;
let owner: Person;
let acme: string;
let other: string;
let aheadMs = 0;
let number = 0;

beforeAll(async () => {
  ({ postgres, controller, owner } = await startWithOwner({}, { clock: () => Date.now() + aheadMs }));
  acme = (await makePlace(owner, 'Acme', 'gw1')).tenantId;
  other = (await makePlace(owner, 'Other', 'gw2')).tenantId;
});
beforeEach(() => {
  aheadMs = 0;
  number += 1;
});
afterAll(async () => {
  await controller.stop();
  await postgres.stop();
});

const at = (role: Role, tenantId: string | null = acme): Grant => ({ role, tenantId });

async function invite(grants: Grant[], by = owner) {
  const email = `p${number}.${Math.random().toString(36).slice(2)}@example.net`;
  return by.call(routes.invitePerson, { body: { name: `Person ${number}`, email, grants } });
}

function post(place: string, body: unknown): Promise<Response> {
  return request({ origin: controller.origin, headers: {} }, `/api/auth/${place}`, { method: 'POST', body });
}

function tokenOf({ link }: { link?: string }): string {
  return new URL(link!).hash.slice(1);
}

async function join(link: { link?: string }, password = CHOSEN): Promise<Person> {
  const response = await post('use-link', { token: tokenOf(link), password });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return new Person(controller.origin, { cookie: sessionCookie(response) });
}

async function joined(grants: Grant[], by = owner) {
  const { made, id, email } = await invite(grants, by);
  return { id, email, person: await join(made) };
}

const codeOf = async (answer: Promise<{ status: number; body: unknown }>) => ((await answer).body as { code?: string } | undefined)?.code;
const found = async (id: string, by = owner) => (await by.call(routes.listPeople)).items.find((person) => person.id === id);

describe('an invitation', () => {
  it('is a link that works once: by it a colleague chooses a password and is signed in, with the roles given and no others', async () => {
    const { made, id, email } = await invite([at('operator')]);
    expect(await found(id)).toMatchObject({ email, state: 'invited', grants: [at('operator')], link: { createdBy: 'owner' } });
    expect(await (await post('look-at-link', { token: tokenOf(made) })).json()).toMatchObject({ email, createdBy: 'owner' });
    const person = await join(made);
    expect(await person.call(routes.getMe)).toMatchObject({ email, grants: [at('operator')] });
    expect((await person.call(routes.listTenants)).items.map((tenant) => tenant.id)).toEqual([acme]);
    expect((await post('use-link', { token: tokenOf(made), password: 'another good password' })).status).toBe(403);
    expect((await controller.attempt(email, CHOSEN)).ok).toBe(true);
    const seen = await found(id);
    expect(seen).toMatchObject({ state: 'active', lastSignInAt: expect.any(String) });
    expect(seen?.link).toBeUndefined();
  });

  it('is refused when it is replaced, too old, invented, or of somebody suspended, and a weak password does not use it up', async () => {
    const refused = async (token: string) =>
      ((await (await post('use-link', { token, password: CHOSEN })).json()) as { code: string }).code;
    const { made, id } = await invite([at('viewer')]);
    expect((await post('use-link', { token: tokenOf(made), password: 'short' })).status).toBe(400);
    const again = await owner.call(routes.createSignInLink, { params: { id } });
    expect(await refused(tokenOf(made))).toBe('LINK_REFUSED');
    expect(await refused(`${tokenOf(again).slice(0, -43)}${'A'.repeat(43)}`)).toBe('LINK_REFUSED');
    expect(await refused('')).toBe('LINK_REFUSED');
    aheadMs = 4 * DAY_MS;
    expect(await refused(tokenOf(again))).toBe('LINK_REFUSED');
    aheadMs = 0;
    await owner.call(routes.suspendPerson, { params: { id } });
    expect(await refused(tokenOf(again))).toBe('LINK_REFUSED');
    expect((await owner.ask(routes.createSignInLink, { params: { id } })).status).toBe(403);
  });

  it('to an address that somebody has is refused, in whatever case it is written', async () => {
    const { email } = await invite([at('viewer')]);
    const body = { name: 'Again', email: email.toUpperCase(), grants: [at('viewer')] };
    expect(await codeOf(owner.ask(routes.invitePerson, { body }))).toBe('ALREADY_EXISTS');
  });

  it('used by two at once is used by one', async () => {
    const { made } = await invite([at('viewer')]);
    const tries = await Promise.all([1, 2, 3].map((n) => post('use-link', { token: tokenOf(made), password: `${CHOSEN} ${n}` })));
    expect(tries.filter(({ ok }) => ok)).toHaveLength(1);
  });

  it('made for somebody who has a password resets it, and ends every session', async () => {
    const { id, email, person } = await joined([at('viewer')]);
    const reset = await owner.call(routes.createSignInLink, { params: { id } });
    await person.call(routes.getMe);
    await join(reset, 'nine loud geese before noon');
    expect((await person.ask(routes.getMe)).status).toBe(401);
    expect((await controller.attempt(email, CHOSEN)).ok).toBe(false);
  });
});

describe('a change', () => {
  it('of roles counts with the next request, and ends an open stream', async () => {
    const { id, person } = await joined([at('operator'), at('viewer', other)]);
    const events = await person.watch(routes.watchFleet);
    await events.until((event: { kind: string }) => event.kind === 'heartbeat');
    const { secret } = await person.call(routes.createToken, { body: { name: 't', role: 'operator', tenantId: acme } });
    const token = new Person(controller.origin, { authorization: `Bearer ${secret}` });
    await token.call(routes.listGateways);
    await owner.call(routes.updatePerson, { params: { id }, body: { grants: [at('viewer', other)] } });
    expect((await token.ask(routes.listGateways)).status).toBe(403);
    expect((await person.call(routes.listTenants)).items.map((tenant) => tenant.id)).toEqual([other]);
    expect(await events.until(() => false)).toBeUndefined();
  });

  it('to suspended ends sessions, tokens and streams, lets nobody sign in, and is undone by resuming', async () => {
    const { id, email, person } = await joined([at('operator')]);
    const { secret } = await person.call(routes.createToken, { body: { name: 't', role: 'viewer', tenantId: acme } });
    const token = new Person(controller.origin, { authorization: `Bearer ${secret}` });
    const events = await token.watch(routes.watchFleet);
    await events.until((event: { kind: string }) => event.kind === 'heartbeat');
    expect(await owner.call(routes.suspendPerson, { params: { id } })).toMatchObject({ state: 'suspended' });
    expect([(await person.ask(routes.getMe)).status, (await token.ask(routes.getMe)).status]).toEqual([401, 401]);
    expect(await events.until(() => false)).toBeUndefined();
    expect((await controller.attempt(email, CHOSEN)).status).toBe(401);
    expect(await owner.call(routes.resumePerson, { params: { id } })).toMatchObject({ state: 'active', grants: [at('operator')] });
    await controller.signIn(email, CHOSEN);
    await token.call(routes.getMe);
  });

  it('to removed leaves nobody to sign in, and what the person did in the audit trail', async () => {
    const { id, email, person } = await joined([at('admin')]);
    await person.call(routes.createSite, { body: { tenantId: acme, name: `Site ${number}` } });
    await owner.call(routes.removePerson, { params: { id } });
    expect((await person.ask(routes.getMe)).status).toBe(401);
    expect((await controller.attempt(email, CHOSEN)).status).toBe(401);
    expect(await found(id)).toBeUndefined();
    const { items } = await owner.call(routes.listAudit, { query: { action: 'site.made' } });
    expect(items.some(({ summary }) => summary.includes(`Site ${number}`))).toBe(true);
    expect(await owner.call(routes.verifyAudit)).toMatchObject({ isIntact: true });
  });
});

describe('the last owner', () => {
  it('cannot go, whatever way, and of two who unmake each other one remains', async () => {
    const me = (await owner.call(routes.getMe)).id;
    expect(await codeOf(owner.ask(routes.updatePerson, { params: { id: me }, body: { grants: [at('viewer')] } }))).toBe('LAST_OWNER');
    expect(await codeOf(owner.ask(routes.suspendPerson, { params: { id: me } }))).toBe('FORBIDDEN');
    // Somebody who was invited and never came is no owner to rely on.
    await invite([at('owner', null)]);
    expect(await codeOf(owner.ask(routes.updatePerson, { params: { id: me }, body: { grants: [] } }))).toBe('LAST_OWNER');
    const second = await joined([at('owner', null)]);
    const codes = await Promise.all([
      codeOf(owner.ask(routes.updatePerson, { params: { id: second.id }, body: { grants: [at('viewer')] } })),
      codeOf(second.person.ask(routes.updatePerson, { params: { id: me }, body: { grants: [at('viewer')] } })),
    ]);
    expect(codes.filter((code) => code !== undefined)).toHaveLength(1);
    const winner = codes[0] === undefined ? owner : second.person;
    await winner.call(routes.updatePerson, { params: { id: me }, body: { grants: [at('owner', null)] } });
    owner = await controller.signIn('owner@example.net', PASSWORD);
    await owner.call(routes.removePerson, { params: { id: second.id } });
  });
});

describe('an administrator of one tenant', () => {
  it('sees the people of that tenant only, and of them no role elsewhere', async () => {
    const admin = await joined([at('admin')]);
    const both = await joined([at('viewer'), at('operator', other)]);
    const elsewhere = await joined([at('viewer', other)]);
    const { items } = await admin.person.call(routes.listPeople);
    expect(items.find(({ id }) => id === both.id)?.grants).toEqual([at('viewer')]);
    expect(items.some(({ id }) => id === elsewhere.id)).toBe(false);
    expect(JSON.stringify(items)).not.toContain(other);
    for (const [route, body] of [
      [routes.updatePerson, { name: 'x' }],
      [routes.suspendPerson, undefined],
      [routes.createSignInLink, undefined],
      [routes.removePerson, undefined],
    ] as const)
      expect(await codeOf(admin.person.ask(route, { params: { id: elsewhere.id }, body }))).toBe('NOT_FOUND');
  });

  it('gives and takes roles there and nowhere else, and nobody becomes an owner by it', async () => {
    const admin = await joined([at('admin')]);
    const give = (grants: Grant[]) =>
      codeOf(admin.person.ask(routes.invitePerson, { body: { name: 'x', email: `x${Math.random()}@example.net`, grants } }));
    expect(await give([at('viewer', other)])).toBe('FORBIDDEN');
    expect(await give([at('viewer', null)])).toBe('FORBIDDEN');
    expect(await give([at('owner')])).toBe('FORBIDDEN');
    expect(await give([at('admin')])).toBeUndefined();
    const both = await joined([at('viewer'), at('operator', other)]);
    await admin.person.call(routes.updatePerson, { params: { id: both.id }, body: { grants: [at('operator')] } });
    expect((await found(both.id))?.grants.toSorted((a, b) => a.role.localeCompare(b.role))).toHaveLength(2);
    // Whoever makes a link for a person becomes that person.
    const boss = await joined([at('owner')]);
    for (const { id } of [both, boss])
      for (const route of [routes.createSignInLink, routes.suspendPerson, routes.removePerson])
        expect(await codeOf(admin.person.ask(route, { params: { id } }))).toBe('FORBIDDEN');
  });

  it('gives nothing and manages nobody where another role of theirs gives no say over people', async () => {
    const mixed = await joined([at('admin'), at('operator', other)]);
    const grants = [at('operator', other)];
    expect(
      await codeOf(mixed.person.ask(routes.invitePerson, { body: { name: 'x', email: `x${Math.random()}@example.net`, grants } })),
    ).toBe('FORBIDDEN');
    const { id } = await joined([at('viewer')]);
    expect(await codeOf(mixed.person.ask(routes.updatePerson, { params: { id }, body: { grants } }))).toBe('FORBIDDEN');
    const account = { name: `x${number}`, purpose: 'p', ...at('operator', other) };
    expect(await codeOf(mixed.person.ask(routes.createServiceAccount, { body: account }))).toBe('FORBIDDEN');
    const both = await joined([at('viewer'), at('operator', other)]);
    for (const route of [routes.createSignInLink, routes.suspendPerson, routes.removePerson])
      expect(await codeOf(mixed.person.ask(route, { params: { id: both.id } }))).toBe('FORBIDDEN');
  });

  it('reads in the audit trail what was done there, without roles elsewhere', async () => {
    const admin = await joined([at('admin')]);
    const { id } = await invite([at('viewer'), at('operator', other)]);
    const { items } = await admin.person.call(routes.listAudit, { query: { action: 'person.invited' } });
    const entry = items.find(({ detail }) => detail?.personId === id);
    expect(entry?.detail?.grants).toEqual([at('viewer')]);
    expect(JSON.stringify(items)).not.toContain(other);
  });
});

it('a token manages nobody', async () => {
  const { secret } = await owner.call(routes.createToken, { body: { name: 't', role: 'owner' } });
  const token = new Person(controller.origin, { authorization: `Bearer ${secret}` });
  expect((await token.call(routes.listPeople)).items.length).toBeGreaterThan(0);
  expect(await codeOf(token.ask(routes.invitePerson, { body: { name: 'x', email: 'x@example.net', grants: [at('viewer')] } }))).toBe(
    'FORBIDDEN',
  );
});
