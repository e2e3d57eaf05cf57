import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { routes } from '../../../proto/http/routes.ts';
import { Authenticator, type Mischief } from '../../support/authenticator.ts';
import { PASSWORD, startWithOwner, TestController, type Person } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';
import { setUpTotp, Visitor } from '../../support/sign-in.ts';
import { totpOf } from '../../support/totp.ts';

const ORIGIN = 'https://ctfleet.example.net';

let postgres: TestDatabases;
let controller: TestController;
let owner: Person;
let url: string;
let aheadMs = 0;
let number = 0;
let email: string;
let name: string;
let visitor: Visitor;
let key: Authenticator;

beforeAll(async () => {
  ({ postgres, url, controller, owner } = await startWithOwner({ CTFLEET_PUBLIC_URL: ORIGIN }, { clock: () => Date.now() + aheadMs }));
});
afterAll(async () => {
  await controller.stop();
  await postgres.stop();
});
beforeEach(async () => {
  aheadMs = 0;
  number += 1;
  [name, email] = [`p${number}`, `p${number}@example.net`];
  await controller.person(name, [{ role: 'operator', tenantId: null }]);
  visitor = new Visitor(controller);
  await visitor.enter(email);
  key = new Authenticator(ORIGIN);
});

const codeOf = async (response: Promise<Response>) => ((await (await response).json()) as { code?: string }).code;
const problemOf = async (answer: Promise<{ body: unknown }>) => ((await answer).body as { code?: string } | undefined)?.code;
const makeOptions = async (who = visitor) =>
  (await who.person.call(routes.createPasskeyOptions, { body: { password: PASSWORD } })) as never;

async function add(who = visitor, mischief: Mischief = {}) {
  const response = key.create(await makeOptions(who), mischief);
  return who.person.ask(routes.addPasskey, { body: { name: 'Key ring', response } });
}

async function use(who: Visitor, place: 'sign-in' | 'prove', mischief: Mischief = {}, by = key): Promise<Response> {
  const options = (await (await who.post('passkey/options', { isProof: place === 'prove' })).json()) as never;
  return who.post(`passkey/${place}`, { response: by.use(options, mischief) });
}

const entries = async (action: string) =>
  (await owner.call(routes.listAudit, { query: { action: `session.${action}` } })).items.filter(({ actor }) => actor.name === name);

describe('a passkey', () => {
  it('is added with the password, signs in alone, and counts as both factors', async () => {
    expect(await problemOf(visitor.person.ask(routes.createPasskeyOptions, { body: {} }))).toBe('FORBIDDEN');
    expect(await add()).toMatchObject({ status: 201, body: { name: 'Key ring', isSynced: false } });
    const fresh = new Visitor(controller);
    const answer = await use(fresh, 'sign-in');
    expect([answer.status, await answer.text()]).toEqual([200, '{}']);
    expect(await fresh.person.call(routes.getMe)).toMatchObject({ email });
    const { sessions, passkeys } = await fresh.person.call(routes.getAccount);
    expect(sessions.find(({ isThis }) => isThis)?.provedAt).toBeDefined();
    expect(passkeys[0]?.lastUsedAt).toBeDefined();
    expect((await entries('signed-in'))[0]).toMatchObject({ summary: `${name} signed in by passkey` });
    expect((await entries('passkey-added'))[0]).toMatchObject({ summary: `${name} added a passkey Key ring` });
  });

  it('is added by whoever has no password only within five minutes of the sign-in', async () => {
    await postgres.query(url, `UPDATE account SET password = NULL WHERE user_id = (SELECT id FROM "user" WHERE email = $1)`, [email]);
    const ask = () => visitor.person.ask(routes.createPasskeyOptions, { body: {} });
    aheadMs = 301_000;
    expect(await ask()).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN', detail: expect.stringContaining('more than five minutes ago') },
    });
    aheadMs = 200_000;
    expect((await ask()).status).toBe(200);
  });

  it('is asked for after the password from then on', async () => {
    await add();
    const fresh = new Visitor(controller);
    expect(await (await fresh.enter(email)).json()).toEqual({ twoFactorRedirect: true, twoFactorMethods: [] });
    expect((await fresh.person.ask(routes.getMe)).status).toBe(401);
    expect(await codeOf(fresh.post('two-factor/verify-totp', { code: '123456' }))).toBe('SECOND_FACTOR_REFUSED');
    expect((await use(fresh, 'sign-in')).status).toBe(200);
  });

  it('of another site, without verification, of another key, copied or answered twice signs nobody in', async () => {
    await add();
    expect((await use(new Visitor(controller), 'sign-in')).status).toBe(200);
    const refused: Mischief[] = [{ isCopy: true }, { origin: 'https://ctfleet.example.org' }, { isUnverified: true }];
    for (const mischief of refused) {
      const fresh = new Visitor(controller);
      expect(await codeOf(use(fresh, 'sign-in', mischief))).toBe('SECOND_FACTOR_REFUSED');
      expect(fresh.cookie).toBe('');
    }
    expect(await codeOf(use(new Visitor(controller), 'sign-in', {}, new Authenticator(ORIGIN)))).toBe('SECOND_FACTOR_REFUSED');
    const fresh = new Visitor(controller);
    const options = (await (await fresh.post('passkey/options')).json()) as never;
    expect((await fresh.post('passkey/sign-in', { response: key.use(options) })).status).toBe(200);
    expect(await codeOf(fresh.post('passkey/sign-in', { response: key.use(options) }))).toBe('SECOND_FACTOR_REFUSED');
    // A challenge for one purpose is none for another, and none is good for ever.
    const toProve = (await (await fresh.post('passkey/options', { isProof: true })).json()) as never;
    expect(await codeOf(fresh.post('passkey/sign-in', { response: key.use(toProve) }))).toBe('SECOND_FACTOR_REFUSED');
    const late = (await (await fresh.post('passkey/options')).json()) as never;
    aheadMs = 301_000;
    expect(await codeOf(fresh.post('passkey/sign-in', { response: key.use(late) }))).toBe('SECOND_FACTOR_REFUSED');
    expect((await entries('passkey-refused'))[0]).toBeDefined();
  });

  it('that is made without verification, for another session or with an old challenge is not added', async () => {
    expect((await add(visitor, { isUnverified: true })).status).toBe(403);
    expect((await add(visitor, { origin: 'https://ctfleet.example.org' })).status).toBe(403);
    const other = new Visitor(controller);
    await other.enter(email);
    const response = key.create(await makeOptions(other));
    expect((await visitor.person.ask(routes.addPasskey, { body: { name: 'x', response } })).status).toBe(403);
    expect((await add()).status).toBe(201);
    expect((await add()).status).toBe(409);
  });

  it('with a statement about its maker is not added, and nothing that the statement names is fetched', async () => {
    const fetched = vi.spyOn(globalThis, 'fetch');
    for (const statement of ['android-key', 'packed', 'tpm', 'apple', 'fido-u2f', 'android-safetynet']) {
      const response = key.create(await makeOptions(), { statement });
      fetched.mockClear();
      expect((await visitor.person.ask(routes.addPasskey, { body: { name: 'x', response } })).status).toBe(403);
      expect(fetched.mock.calls.filter(([place]) => !String(place).startsWith(controller.origin))).toEqual([]);
    }
    fetched.mockRestore();
  });

  it('that is added ends a secret of codes that nobody confirmed: somebody else may have made it', async () => {
    const thief = new Visitor(controller);
    await thief.enter(email);
    const { totpURI } = (await (await thief.post('two-factor/enable', { password: PASSWORD })).json()) as { totpURI: string };
    await add();
    expect((await thief.post('two-factor/verify-totp', { code: totpOf(totpURI) })).status).toBe(403);
  });

  it('of somebody who is suspended signs nobody in', async () => {
    await add();
    const { id } = await visitor.person.call(routes.getMe);
    await owner.call(routes.suspendPerson, { params: { id } });
    const fresh = new Visitor(controller);
    expect(await codeOf(use(fresh, 'sign-in'))).toBe('SECOND_FACTOR_REFUSED');
    expect(fresh.cookie).toBe('');
    expect((await visitor.person.ask(routes.createPasskeyOptions, { body: { password: PASSWORD } })).status).toBe(401);
  });

  it('is renamed and removed, by its person only and after a proof; then the password alone is enough again', async () => {
    const made = (await add()).body as { id: string };
    const params = { id: made.id };
    expect(await visitor.person.call(routes.renamePasskey, { params, body: { name: 'Safe' } })).toMatchObject({ name: 'Safe' });
    expect((await owner.ask(routes.renamePasskey, { params, body: { name: 'Mine' } })).status).toBe(404);
    expect((await owner.ask(routes.removePasskey, { params })).status).toBe(404);
    aheadMs = 301_000;
    expect(await problemOf(visitor.person.ask(routes.removePasskey, { params }))).toBe('STEP_UP_REQUIRED');
    expect(await problemOf(visitor.person.ask(routes.createPasskeyOptions, { body: { password: PASSWORD } }))).toBe('STEP_UP_REQUIRED');
    expect((await use(visitor, 'prove')).status).toBe(200);
    await visitor.person.call(routes.removePasskey, { params });
    expect(await (await new Visitor(controller).enter(email)).json()).toMatchObject({ user: { email } });
    expect((await use(new Visitor(controller), 'sign-in')).status).toBe(403);
  });

  it('of somebody else proves nothing', async () => {
    await add();
    const other = new Visitor(controller);
    await controller.person(`${name}-other`, [{ role: 'viewer', tenantId: null }]);
    await other.enter(`${name}-other@example.net`);
    expect(await codeOf(use(other, 'prove'))).toBe('SECOND_FACTOR_REFUSED');
  });

  it('remains a second factor when the codes are removed, and the codes when the passkey is', async () => {
    await add();
    const { uri } = await setUpTotp(visitor);
    expect(await (await new Visitor(controller).enter(email)).json()).toMatchObject({ twoFactorMethods: ['totp'] });
    expect((await visitor.post('two-factor/disable', { password: PASSWORD })).status).toBe(200);
    expect(await (await new Visitor(controller).enter(email)).json()).toMatchObject({ twoFactorMethods: [] });
    expect(uri).toContain('otpauth');
    const again = await setUpTotp(visitor);
    const [{ id }] = (await visitor.person.call(routes.getAccount)).passkeys as unknown as [{ id: string }];
    await visitor.person.call(routes.removePasskey, { params: { id } });
    const fresh = new Visitor(controller);
    expect(await (await fresh.enter(email)).json()).toMatchObject({ twoFactorMethods: ['totp'] });
    expect((await fresh.post('two-factor/verify-totp', { code: totpOf(again.uri) })).status).toBe(200);
  });
});

describe('own sessions', () => {
  it('are listed with address and browser, and ended one by one or all others, with their streams', async () => {
    const [second, third] = [new Visitor(controller, { address: '203.0.113.9' }), new Visitor(controller)];
    await second.enter(email);
    await third.enter(email);
    const { sessions } = await visitor.person.call(routes.getAccount);
    expect(sessions.filter(({ isThis }) => isThis)).toHaveLength(1);
    const away = sessions.find(({ address }) => address === '203.0.113.9');
    expect(away).toMatchObject({ isThis: false, userAgent: expect.any(String) });
    const events = await second.person.watch(routes.watchFleet);
    await events.until((event: { kind: string }) => event.kind === 'heartbeat');
    expect((await owner.ask(routes.endSession, { params: { id: away!.id } })).status).toBe(404);
    await visitor.person.call(routes.endSession, { params: { id: away!.id } });
    expect((await second.person.ask(routes.getMe)).status).toBe(401);
    expect(await events.until(() => false)).toBeUndefined();
    // The controller's own `person` signed in once more.
    expect(await visitor.person.call(routes.endOtherSessions)).toEqual({ ended: 2 });
    expect((await third.person.ask(routes.getMe)).status).toBe(401);
    expect((await visitor.person.call(routes.getAccount)).sessions).toHaveLength(1);
    expect([await entries('ended'), await entries('others-ended')].map(({ length }) => length)).toEqual([1, 1]);
  });
});

it('at an IP address there are no passkeys, and the account says why', async () => {
  const plain = await TestController.start({ CTFLEET_DATABASE_URL: await postgres.newDatabase() });
  try {
    const person = await plain.person('plain', [{ role: 'viewer', tenantId: null }]);
    expect((await person.call(routes.getAccount)).passkeyRefusal).toContain('CTFLEET_PUBLIC_URL');
    expect(await problemOf(person.ask(routes.createPasskeyOptions, { body: { password: PASSWORD } }))).toBe('CAPABILITY_MISSING');
    expect((await new Visitor(plain).post('passkey/options')).status).toBe(422);
  } finally {
    await plain.stop();
  }
});
