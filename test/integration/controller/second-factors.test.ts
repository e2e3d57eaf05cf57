import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { routes } from '../../../proto/http/routes.ts';
import type { Route } from '../../../proto/http/route.ts';
import { PASSWORD, startWithOwner, TestController, type Person } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';
import { setUpTotp, Visitor } from '../../support/sign-in.ts';
import { totpOf } from '../../support/totp.ts';

const UNKNOWN = '01a00000-0000-7000-8000-000000000000';

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let owner: Person;
let number = 0;
let email: string;
let name: string;
let visitor: Visitor;
let uri: string;
let recoveryCodes: string[];

beforeAll(async () => {
  ({ postgres, url, controller, owner } = await startWithOwner());
});
afterAll(async () => {
  await controller.stop();
  await postgres.stop();
});
beforeEach(async () => {
  number += 1;
  [name, email] = [`p${number}`, `p${number}@example.net`];
  await controller.person(name, [{ role: 'operator', tenantId: null }]);
  visitor = new Visitor(controller);
  await visitor.enter(email);
  ({ uri, recoveryCodes } = await setUpTotp(visitor));
});

const codeOf = async (response: Promise<Response>) => ((await (await response).json()) as { code?: string }).code;
const entries = async (action: string) =>
  (await owner.call(routes.listAudit, { query: { action: `session.${action}` } })).items.filter(({ actor }) => actor.name === name);

/** Codes that were accepted a moment ago may be used again, as if two minutes had gone by. */
const forgetUsedCodes = () => postgres.query(url, `DELETE FROM rate_limit WHERE key LIKE 'code-once:%'`);

describe('codes of an authenticator app', () => {
  it('count once one of them was entered, and are kept encrypted; set-up needs the password', async () => {
    const other = new Visitor(controller);
    await controller.person(`${name}-other`, []);
    await other.enter(`${name}-other@example.net`);
    expect((await other.post('two-factor/enable', { password: 'not the password at all' })).status).toBe(403);
    const made = (await (await other.post('two-factor/enable', { password: PASSWORD })).json()) as { totpURI: string };
    expect(made.totpURI).toMatch(/^otpauth:\/\/totp\/ctfleet:/);
    // Nothing is asked for yet.
    expect(await (await new Visitor(controller).enter(`${name}-other@example.net`)).json()).toMatchObject({ user: {} });
    const secret = new URL(made.totpURI).searchParams.get('secret')!;
    expect(JSON.stringify(await postgres.query(url, 'SELECT * FROM two_factor'))).not.toContain(secret);
    expect(await entries('totp-added')).toHaveLength(1);
  });

  it('are asked for after the password, and until then no cookie reaches any route', async () => {
    const late = new Visitor(controller);
    const half = await late.enter(email);
    expect(await half.json()).toEqual({ twoFactorRedirect: true, twoFactorMethods: ['totp'] });
    expect(late.cookie).not.toBe('');
    expect(late.cookie).not.toContain('session_token');
    for (const route of Object.values<Route>(routes)) {
      const answer = await late.person.ask(route, { params: { id: UNKNOWN, gatewayId: UNKNOWN }, body: route.body && {} });
      expect([route.path, answer.status]).toEqual([route.path, 401]);
    }
    const session = await fetch(`${controller.origin}/api/auth/get-session`, { headers: { cookie: late.cookie } });
    expect(await session.text()).toBe('null');
    for (const place of ['change-password', 'two-factor/enable', 'two-factor/disable', 'two-factor/generate-backup-codes'])
      expect(
        (await late.post(place, { password: PASSWORD, currentPassword: PASSWORD, newPassword: 'seven purple trams on a roof' })).status,
      ).toBe(401);
    expect(await entries('signed-in')).toHaveLength(2);
    const whole = await late.post('two-factor/verify-totp', { code: totpOf(uri) });
    expect([whole.status, await whole.text()]).toEqual([200, '{}']);
    expect(await late.person.call(routes.getMe)).toMatchObject({ email });
    expect((await entries('signed-in'))[0]).toMatchObject({ summary: `${name} signed in by code` });
    const asked = await owner.call(routes.listAudit, { query: { action: 'session.code-asked' } });
    expect(asked.items.some(({ actor }) => actor.name === email)).toBe(true);
  });

  it('F29: are good once, in whatever place, and of two at the same moment for one', async () => {
    const code = totpOf(uri);
    const visitors = [1, 2, 3, 4].map(() => new Visitor(controller));
    for (const one of visitors) await one.enter(email);
    const answers = await Promise.all(visitors.map((one) => one.post('two-factor/verify-totp', { code })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 403, 403, 403]);
    // The one that is accepted forgives those before it, so that of these three any number may still count.
    await postgres.query(url, `DELETE FROM rate_limit WHERE key LIKE 'code-pair:%'`);
    const again = new Visitor(controller);
    await again.enter(email);
    // Also the one that confirmed the set-up, which is still within its 90 s.
    for (const used of [code, totpOf(uri, -1), `${code.slice(0, 3)} ${code.slice(3)}`])
      expect(await codeOf(again.post('two-factor/verify-totp', { code: used }))).toBe('SECOND_FACTOR_REFUSED');
    expect((await again.person.ask(routes.getMe)).status).toBe(401);
    expect((await again.post('two-factor/verify-totp', { code: totpOf(uri, 1) })).status).toBe(200);
  });

  it('are guessed six times from one address, and nobody else waits for that', async () => {
    const stranger = new Visitor(controller, { address: '203.0.113.7' });
    const statuses: number[] = [];
    for (let guess = 0; guess < 8; guess++) {
      // A challenge ends after five guesses; with the password there is another.
      if (guess % 4 === 0) await stranger.enter(email);
      statuses.push((await stranger.post('two-factor/verify-totp', { code: `00000${guess}` })).status);
    }
    expect(statuses).toEqual([403, 403, 403, 403, 403, 403, 429, 429]);
    expect((await stranger.post('two-factor/verify-backup-code', { code: recoveryCodes[0] })).status).toBe(429);
    expect((await entries('code-refused')).map(({ detail }) => detail?.tries)).toEqual([6, 1]);
    const person = new Visitor(controller, { address: '198.51.100.9' });
    await person.enter(email);
    expect((await person.post('two-factor/verify-totp', { code: totpOf(uri) })).status).toBe(200);
  });

  it('from many addresses are guessed twenty times an hour, and whoever signed in from the same address before does not wait', async () => {
    await postgres.query(url, `UPDATE rate_limit SET points = 20 WHERE key LIKE 'code-account:%'`);
    const stranger = new Visitor(controller, { address: '203.0.113.8' });
    await stranger.enter(email);
    await stranger.post('two-factor/verify-totp', { code: '000000' });
    await postgres.query(url, `UPDATE rate_limit SET points = 20 WHERE key LIKE 'code-account:%'`);
    expect((await stranger.post('two-factor/verify-totp', { code: '000001' })).status).toBe(429);
    const person = new Visitor(controller);
    await person.enter(email);
    expect((await person.post('two-factor/verify-totp', { code: totpOf(uri) })).status).toBe(200);
  });

  it('of somebody who is suspended between password and code are refused', async () => {
    const late = new Visitor(controller);
    await late.enter(email);
    const { id } = await visitor.person.call(routes.getMe);
    await owner.call(routes.suspendPerson, { params: { id } });
    expect(await codeOf(late.post('two-factor/verify-totp', { code: totpOf(uri) }))).toBe('UNAUTHENTICATED');
    expect(await codeOf(late.post('two-factor/verify-backup-code', { code: recoveryCodes[0] }))).toBe('UNAUTHENTICATED');
    expect((await visitor.post('two-factor/verify-totp', { code: totpOf(uri) })).status).toBe(401);
    expect(late.cookie).not.toContain('session_token');
  });

  it('no browser is trusted from then on, and a secret that nobody confirmed signs nobody in', async () => {
    const late = new Visitor(controller);
    await late.enter(email);
    await late.post('two-factor/verify-totp', { code: totpOf(uri), trustDevice: true });
    expect(late.cookie).not.toContain('trust_device');
    late.cookie = late.cookie.replaceAll(/[\w.-]*session_token=[^;]*;? ?/g, '');
    expect(await (await late.enter(email)).json()).toMatchObject({ twoFactorRedirect: true });
    await postgres.query(url, 'UPDATE two_factor SET verified = false');
    for (const [place, code] of [
      ['verify-totp', totpOf(uri, 1)],
      ['verify-backup-code', recoveryCodes[0]!],
    ] as const)
      expect(await codeOf(late.post(`two-factor/${place}`, { code }))).toBe('SECOND_FACTOR_REFUSED');
    await postgres.query(url, 'UPDATE two_factor SET verified = true');
  });

  it('are removed with the password, by a session that proved a second factor lately', async () => {
    expect(await codeOf(visitor.post('two-factor/disable', { password: 'not the password at all' }))).toBe('FORBIDDEN');
    await postgres.query(url, `UPDATE session SET second_factor_at = now() - interval '6 minutes'`);
    for (const place of ['two-factor/disable', 'two-factor/generate-backup-codes', 'two-factor/enable'])
      expect(await codeOf(visitor.post(place, { password: PASSWORD }))).toBe('STEP_UP_REQUIRED');
    const change = { currentPassword: PASSWORD, newPassword: 'seven purple trams on a roof' };
    expect(await codeOf(visitor.post('change-password', change))).toBe('STEP_UP_REQUIRED');
    expect((await visitor.post('two-factor/verify-totp', { code: totpOf(uri) })).status).toBe(200);
    expect((await visitor.post('two-factor/disable', { password: PASSWORD })).status).toBe(200);
    expect(await visitor.person.call(routes.getMe)).toMatchObject({ email });
    expect(await (await new Visitor(controller).enter(email)).json()).toMatchObject({ user: { email } });
    expect(await entries('totp-removed')).toHaveLength(1);
  });

  it('are asked for after a reset by link too', async () => {
    const { id } = await visitor.person.call(routes.getMe);
    const { link } = await owner.call(routes.createSignInLink, { params: { id } });
    const late = new Visitor(controller);
    const half = await late.post('use-link', { token: new URL(link!).hash.slice(1), password: 'seven quiet herons at dusk' });
    expect(await half.json()).toMatchObject({ twoFactorRedirect: true });
    expect((await late.person.ask(routes.getMe)).status).toBe(401);
    await forgetUsedCodes();
    expect((await late.post('two-factor/verify-totp', { code: totpOf(uri) })).status).toBe(200);
    expect(await late.person.call(routes.getMe)).toMatchObject({ email });
  });
});

describe('a recovery code', () => {
  it('signs in once, also of two at the same moment for one', async () => {
    const [first, second] = recoveryCodes;
    const visitors = [1, 2, 3].map(() => new Visitor(controller));
    for (const one of visitors) await one.enter(email);
    const answers = await Promise.all(visitors.map((one) => one.post('two-factor/verify-backup-code', { code: first })));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    const again = new Visitor(controller);
    await again.enter(email);
    expect(await codeOf(again.post('two-factor/verify-backup-code', { code: first }))).toBe('SECOND_FACTOR_REFUSED');
    expect((await again.post('two-factor/verify-backup-code', { code: second })).status).toBe(200);
    expect(await entries('recovery-code-used')).toHaveLength(2);
  });

  it('ends when new ones are made', async () => {
    const made = await visitor.post('two-factor/generate-backup-codes', { password: PASSWORD });
    const { backupCodes } = (await made.json()) as { backupCodes: string[] };
    expect(backupCodes).toHaveLength(10);
    const late = new Visitor(controller);
    await late.enter(email);
    expect(await codeOf(late.post('two-factor/verify-backup-code', { code: recoveryCodes[0] }))).toBe('SECOND_FACTOR_REFUSED');
    expect((await late.post('two-factor/verify-backup-code', { code: backupCodes[0] })).status).toBe(200);
  });
});

it('a session from before the set-up reaches nothing until it proves the second factor', async () => {
  await controller.person(`${name}-old`, [{ role: 'operator', tenantId: null }]);
  const [here, there] = [new Visitor(controller), new Visitor(controller)];
  for (const one of [here, there]) await one.enter(`${name}-old@example.net`);
  const events = await there.person.watch(routes.watchFleet);
  await events.until((event: { kind: string }) => event.kind === 'heartbeat');
  const set = await setUpTotp(here);
  expect(await here.person.call(routes.getMe)).toBeDefined();
  expect(await there.person.ask(routes.getMe)).toMatchObject({ status: 403, body: { code: 'STEP_UP_REQUIRED' } });
  expect(await events.until(() => false)).toBeUndefined();
  expect((await there.post('two-factor/verify-totp', { code: totpOf(set.uri) })).status).toBe(200);
  expect(await there.person.call(routes.getMe)).toBeDefined();
});
