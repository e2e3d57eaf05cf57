import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsersService } from '../../controller/access/users.service.ts';
import { sessionCookie } from '../../client/sign-in.ts';
import { routes } from '../../proto/http/routes.ts';
import { PASSWORD, startWithOwner, TestController, type Person } from '../support/controller-fleet.ts';
import type { TestDatabases } from '../support/database.ts';

const BETTER = 'seven purple trams on a roof';

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

const from = (address: string): Record<string, string> => ({ 'x-forwarded-for': address });
const attempt = async (name: string, password: string, address: string): Promise<number> =>
  (await controller.attempt(`${name}@example.net`, password, from(address))).status;
const entries = async (action: string): Promise<{ actor: { name: string }; summary: string; detail: Record<string, unknown> }[]> =>
  (await owner.call(routes.listAudit, { query: { action } })).items;

/** As the console sends it. */
function change(cookie: string, currentPassword: string, newPassword: string): Promise<Response> {
  return fetch(`${controller.origin}/api/auth/change-password`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie, origin: 'http://127.0.0.1:3000' },
    body: JSON.stringify({ currentPassword, newPassword, revokeOtherSessions: false }),
  });
}

async function cookieOf(name: string, password: string): Promise<string> {
  const response = await controller.attempt(`${name}@example.net`, password);
  expect(response.status).toBe(200);
  return sessionCookie(response);
}

describe('guesses at an account', () => {
  it('from one address block that address, and nobody else', async () => {
    await controller.person('victim', []);
    for (let guess = 0; guess < 10; guess++) expect(await attempt('victim', `wrong password ${guess}`, '203.0.113.1')).toBe(401);
    expect(await attempt('victim', PASSWORD, '203.0.113.1')).toBe(429);
    expect(await attempt('victim', PASSWORD, '198.51.100.77')).toBe(200);
    expect(await attempt('victim', PASSWORD, '127.0.0.1')).toBe(200);
  });

  it('from many addresses block strangers, and not someone who has signed in from the same address before', async () => {
    await controller.person('famous', []);
    await postgres.query(url, `UPDATE rate_limit SET points = 29 WHERE key LIKE 'sign-in-account:%'`);
    expect(await attempt('famous', 'a guess of a password', '203.0.113.40')).toBe(401);
    const refused = await controller.attempt('famous@example.net', 'a guess of a password', from('203.0.113.41'));
    expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([429, true]);
    expect(await attempt('famous', PASSWORD, '127.0.0.1')).toBe(200);
  });

  it('that does not exist are blocked alike, and by the /64 in IPv6', async () => {
    const statuses: number[] = [];
    for (let guess = 0; guess < 11; guess++)
      statuses.push(await attempt('nobody-at-all', 'a guess of a password', `2001:db8:5:5::${guess + 1}`));
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429]);
  });

  it('are two entries in the trail, however many there are', async () => {
    const ofVictim = (await entries('session.refused')).filter(({ actor }) => actor.name === 'victim@example.net');
    expect(ofVictim.map(({ summary, detail }) => [summary, detail])).toEqual([
      ['Sign-in refused for victim@example.net, 10 times', { address: '203.0.113.1', tries: 10 }],
      ['Sign-in refused for victim@example.net', { address: '203.0.113.1', tries: 1 }],
    ]);
  });

  it('with an invalid address, or control characters in the account, leave neither in the trail', async () => {
    expect(await attempt('red\u001b[31m', 'a guess of a password', '203.0.113.9')).toBe(400);
    expect(await attempt('plain', 'a guess of a password', 'forged')).toBe(401);
    expect((await entries('session.refused'))[0]).toMatchObject({ actor: { name: 'plain@example.net' }, detail: { address: 'unknown' } });
  });
});

describe('a change of a password', () => {
  it('ends all other sessions whatever the request says, and is in the trail', async () => {
    const other = await controller.person('changer', [{ role: 'viewer', tenantId: null }]);
    const cookie = await cookieOf('changer', PASSWORD);
    expect((await change(cookie, PASSWORD, BETTER)).status).toBe(200);
    expect(await other.ask(routes.getMe)).toMatchObject({ status: 401 });
    expect((await entries('session.password-changed'))[0]).toMatchObject({
      actor: { name: 'changer' },
      summary: 'changer changed the password; all other sessions ended',
    });
    expect(await attempt('changer', PASSWORD, '127.0.0.1')).not.toBe(200);
    await cookieOf('changer', BETTER);
  });

  it('accepts ten guesses of the current one, with two entries, and then none', async () => {
    await controller.person('stolen', []);
    const cookie = await cookieOf('stolen', PASSWORD);
    const statuses: number[] = [];
    for (let guess = 0; guess < 11; guess++) statuses.push((await change(cookie, `wrong password ${guess}`, BETTER)).status);
    expect(statuses.slice(0, 10).every((status) => status >= 400 && status < 429)).toBe(true);
    expect(statuses[10]).toBe(429);
    expect((await change(cookie, PASSWORD, BETTER)).status).toBe(429);
    expect((await entries('session.password-refused')).map(({ detail }) => detail.tries)).toEqual([10, 1]);
  });

  it.each(['aaaaaaaaaaaaaaa', 'passwordpassword', 'too short', 'x'.repeat(300)])(
    'to %j is refused with an explanation, as it is for a new person',
    async (weak) => {
      await controller.person(`weak${weak.length}`, []);
      const answer = await change(await cookieOf(`weak${weak.length}`, PASSWORD), PASSWORD, weak);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([400, expect.stringContaining('application/problem+json')]);
      await expect(
        controller.running.app.get(UsersService).create({ email: 'new@example.net', name: 'New', password: weak, grants: [] }),
      ).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    },
  );
});

it('a sign-out is in the trail', async () => {
  await controller.person('leaver', []);
  const cookie = await cookieOf('leaver', PASSWORD);
  await fetch(`${controller.origin}/api/auth/sign-out`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie, origin: 'http://127.0.0.1:3000' },
    body: '{}',
  });
  expect((await entries('session.signed-out'))[0]).toMatchObject({ actor: { name: 'leaver' } });
});
