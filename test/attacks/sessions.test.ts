import { dictionary } from '@zxcvbn-ts/language-common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { passwordProblem } from '../../controller/access/password.ts';
import { UsersService } from '../../controller/access/users.service.ts';
import { sessionCookie } from '../../client/sign-in.ts';
import { routes } from '../../proto/http/routes.ts';
import { PASSWORD, startWithOwner, Person, TestController } from '../support/controller-fleet.ts';
import type { TestDatabases } from '../support/database.ts';

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let owner: Person;

beforeAll(async () => {
  ({ postgres, url, controller, owner } = await startWithOwner());
});
afterAll(async () => {
  await controller.stop();
  await postgres.stop();
});

async function signIn(name: string, password = PASSWORD, headers: Record<string, string> = {}): Promise<string> {
  const response = await controller.attempt(`${name}@example.net`, password, headers);
  if (!response.ok) throw new Error(`sign-in answered ${response.status}`);
  return sessionCookie(response);
}

const statusOf = async (cookie: string): Promise<number> => (await new Person(controller.origin, { cookie }).ask(routes.getMe)).status;
/** The part of a session's cookie before its signature. */
const tokenOf = (cookie: string): string => decodeURIComponent(cookie.split('=')[1]!).split('.')[0]!;

describe('a session', () => {
  it('is a new random one at every sign-in, whatever session the browser came with', async () => {
    const first = await signIn('owner');
    const chosen = `ctfleet.session_token=${'A'.repeat(32)}.${'B'.repeat(43)}=`;
    const all = [first, await signIn('owner', PASSWORD, { cookie: first }), await signIn('owner', PASSWORD, { cookie: chosen })];
    expect(new Set(all.map(tokenOf)).size).toBe(3);
    // 32 of 62 signs are 190 bits.
    for (const cookie of all) expect(tokenOf(cookie)).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(all.map(tokenOf)).not.toContain('A'.repeat(32));
    expect(await statusOf(chosen)).toBe(401);
  });

  it('counts only with the signature of the controller, and only while the controller knows it', async () => {
    const cookie = await signIn('owner');
    expect(await statusOf(cookie)).toBe(200);
    const [name, value] = cookie.split('=') as [string, string];
    const [token, signature] = decodeURIComponent(value).split('.') as [string, string];
    const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    for (const forged of [`${token}.${flipped}`, token, `${token}.`, `${'A'.repeat(32)}.${signature}`])
      expect(await statusOf(`${name}=${encodeURIComponent(forged)}`)).toBe(401);
    await postgres.query(url, 'DELETE FROM session WHERE token = $1', [token]);
    expect(await statusOf(cookie)).toBe(401);
  });

  it('ends at a sign-out on the controller: its cookie is worth nothing from then on', async () => {
    const cookie = await signIn('owner');
    const other = await signIn('owner');
    const answer = await fetch(`${controller.origin}/api/auth/sign-out`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', cookie, origin: 'http://127.0.0.1:3000' },
      body: '{}',
    });
    expect(answer.status).toBe(200);
    expect([await statusOf(cookie), await statusOf(other)]).toEqual([401, 200]);
  });

  it('ends twelve hours after the sign-in, however much it is used', async () => {
    const cookie = await signIn('owner');
    const lasts = async (): Promise<unknown> =>
      (
        await postgres.query(url, 'SELECT extract(epoch FROM expires_at - created_at)::int AS seconds FROM session WHERE token = $1', [
          tokenOf(cookie),
        ])
      )[0];
    const before = await lasts();
    expect([43_199, 43_200, 43_201]).toContain((before as { seconds: number }).seconds);
    for (let use = 0; use < 3; use++) expect(await statusOf(cookie)).toBe(200);
    expect(await lasts()).toEqual(before);
    await postgres.query(url, `UPDATE session SET expires_at = now() - interval '1 second' WHERE token = $1`, [tokenOf(cookie)]);
    expect(await statusOf(cookie)).toBe(401);
  });

  it('begins by a sign-in alone: no request without a password makes one', async () => {
    const count = async (): Promise<unknown> => postgres.query(url, 'SELECT count(*)::int AS n FROM session');
    const before = await count();
    for (const path of ['/api/v1/me', '/api/auth/get-session', '/healthz', '/api/v1/tenants'])
      expect((await fetch(controller.origin + path)).headers.getSetCookie()).toEqual([]);
    expect(await count()).toEqual(before);
  });
});

describe('a password', () => {
  it.each([
    'only small letters of several words',
    '1928 4756 3019 8823 7465',
    'Ünïcödé 会議室 with «signs» & 🚋 in it',
    `a rather long one ${'mixing 7 herons, trams & fog; '.repeat(6)}`,
  ])('of any composition and more than 64 characters is taken, and is that very text: %s', async (password) => {
    const name = `p${Buffer.from(password).toString('hex').slice(0, 12)}${password.length}`;
    await controller.running.app.get(UsersService).create({ email: `${name}@example.net`, name, password, grants: [] });
    for (const other of [`${password} `, ` ${password}`, password.toUpperCase(), password.slice(0, -1), password.slice(0, 72)])
      if (other !== password) expect((await controller.attempt(`${name}@example.net`, other)).status).toBe(401);
    expect((await controller.attempt(`${name}@example.net`, password)).status).toBe(200);
  });

  it('that is on the list of common ones is refused, each of them', () => {
    const { passwords } = dictionary as unknown as { passwords: (string | number)[] };
    const common = passwords.map(String);
    const longEnough = common.filter(({ length }) => length >= 15);
    expect(longEnough.length).toBeGreaterThan(20);
    expect(longEnough.filter((password) => passwordProblem(password, []) === undefined)).toEqual([]);
  });

  it('is kept as scrypt with its own salt, and does not expire', async () => {
    await controller.person('salted', []);
    const rows = (await postgres.query(
      url,
      `SELECT a.password FROM account a JOIN "user" u ON u.id = a.user_id WHERE u.email IN ('owner@example.net', 'salted@example.net')`,
    )) as { password: string }[];
    expect(rows).toHaveLength(2);
    // 16 bytes of salt and 64 of scrypt, in hexadecimal.
    for (const { password } of rows) expect(password).toMatch(/^[0-9a-f]{32}:[0-9a-f]{128}$/);
    expect(new Set(rows.map(({ password }) => password)).size).toBe(2);
    await postgres.query(url, `UPDATE account SET created_at = now() - interval '5 years', updated_at = now() - interval '5 years'`);
    await signIn('salted');
  });

  it('is changed only by whoever knows the current one', async () => {
    await controller.person('keeper', []);
    const cookie = await signIn('keeper');
    const change = (body: object): Promise<Response> =>
      fetch(`${controller.origin}/api/auth/change-password`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', cookie, origin: 'http://127.0.0.1:3000' },
        body: JSON.stringify(body),
      });
    const newPassword = 'seven purple trams on a roof';
    expect((await change({ newPassword })).status).toBe(400);
    expect((await change({ currentPassword: 'not the password at all', newPassword })).status).toBe(400);
    expect((await change({ currentPassword: PASSWORD, newPassword })).status).toBe(200);
    await signIn('keeper', newPassword);
  });
});

it('a sign-in is in the trail with who, from where and when, in UTC', async () => {
  await signIn('owner');
  const [entry] = (await owner.call(routes.listAudit, { query: { action: 'session.signed-in' } })).items;
  expect(entry).toMatchObject({ actor: { name: 'owner' }, detail: { address: '127.0.0.1' }, at: expect.stringMatching(/Z$/) });
});

it('an installation has nobody in it: no person, no token, no password of the maker’s', async () => {
  const empty = await postgres.newDatabase();
  const fresh = await TestController.start({ CTFLEET_DATABASE_URL: empty });
  try {
    for (const table of ['"user"', 'account', 'session', 'api_token', 'role_grant'])
      expect(await postgres.query(empty, `SELECT count(*)::int AS n FROM ${table}`)).toEqual([{ n: 0 }]);
    for (const [email, password] of [
      ['admin@example.net', 'admin'],
      ['root@localhost.example', 'root'],
    ] as const)
      expect((await fresh.attempt(email, password)).status).toBe(401);
  } finally {
    await fresh.stop();
  }
});
