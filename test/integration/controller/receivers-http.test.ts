import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { whyRefused } from '../../../controller/remediations/hook-signature.ts';
import { DAYS } from '../../../proto/model/alerts/hours.ts';
import type { ReceiverKind } from '../../../proto/model/alerts/receiver-kinds.ts';
import { routes } from '../../../proto/http/routes.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';
import { eventually, makePlace, TestController, type Person } from '../../support/controller-fleet.ts';
import { RaisedAlerts } from '../../support/raised-alerts.ts';

const MINUTE_MS = 60_000;
const KEY = 'r'.repeat(32);
interface Call {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}
let aheadMs = 0;
let postgres: TestDatabases;
let url: string;
let controller: TestController;
let owner: Person;
let alerts: RaisedAlerts;
let server: Server;
let origin: string;
const calls: Call[] = [];
let answer: { status: number; headers?: Record<string, string>; body?: string } = { status: 200 };

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      calls.push({ path: request.url!, headers: request.headers, body });
      response.writeHead(answer.status, answer.headers).end(answer.body ?? 'ok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  postgres = await openTestDatabases();
  url = await postgres.newDatabase();
  // No mail server: what goes by HTTP does not need one.
  controller = await TestController.start(
    { CTFLEET_DATABASE_URL: url, CTFLEET_OUTBOUND_ALLOW: '127.0.0.1' },
    { clock: () => Date.now() + aheadMs },
  );
  owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
  alerts = new RaisedAlerts(postgres, url, await makePlace(owner, 'Acme', 'gw1'), () => Date.now() + aheadMs);
});
afterEach(async () => {
  answer = { status: 200 };
  for (const { id } of (await owner.call(routes.listReceivers)).items) await owner.call(routes.deleteReceiver, { params: { id } });
  calls.length = 0;
});
afterAll(async () => {
  await controller.stop();
  server.close();
  await postgres.stop();
});

const add = (kind: ReceiverKind, target: { url?: string; key?: string }, over: object = {}) =>
  owner.call(routes.createReceiver, { body: { name: `by ${kind}`, kind, severities: ['critical'], ...target, ...over } });
const deliveries = async (alert: string) => (await owner.call(routes.listDeliveries, { query: { alert } })).items;
const settled = (alert: string, state: string, count = 1) =>
  eventually(`${count} are ${state}`, async () => {
    const all = (await deliveries(alert)).filter((one) => one.state === state);
    return all.length >= count ? all : undefined;
  });

it('every kind is told that an alert was raised and that it was cleared, without a mail server', async () => {
  await add('webhook', { url: `${origin}/webhook` });
  await add('slack', { url: `${origin}/slack` });
  await add('teams', { url: `${origin}/teams` });
  await add('pagerduty', { url: `${origin}/pagerduty`, key: KEY });
  await add('alertmanager', { url: origin, key: 'token' });
  await add('ntfy', { url: `${origin}/ntfy/topic` });
  const id = await alerts.raise();
  await settled(id, 'sent', 6);
  await alerts.clear(id);
  await settled(id, 'sent', 12);
  for (const path of ['/webhook', '/slack', '/teams', '/pagerduty', '/api/v2/alerts', '/ntfy/']) {
    const told = calls.filter((call) => call.path === path);
    expect([path, told.length]).toEqual([path, 2]);
    expect(`${path} ${told[0]!.body}`).toMatch(path === '/webhook' ? /"alert\.raised"/ : /critical/);
  }
});

it('a webhook is signed with a secret that was shown once, and is found nowhere again', async () => {
  const { secret, ...made } = await add('webhook', { url: `${origin}/hook?token=in-the-address` });
  expect(secret).toMatch(/^whsec_/);
  expect(made.addresses).toEqual([`${origin}/…`]);
  const id = await alerts.raise();
  const [told] = await settled(id, 'sent');
  const [{ headers, body }] = calls as [Call];
  const call = {
    id: headers['webhook-id'] as string,
    timestamp: headers['webhook-timestamp'] as string,
    signatures: headers['webhook-signature'] as string,
    body,
  };
  expect(call.id).toBe(told!.id);
  expect(whyRefused(call, secret!, Date.now() + aheadMs)).toBeUndefined();
  const shown = JSON.stringify([
    await owner.call(routes.listReceivers),
    await deliveries(id),
    (await owner.call(routes.listAudit, { query: {} })).items,
    await postgres.query(url, 'SELECT * FROM receiver'),
  ]);
  expect(shown).not.toContain('in-the-address');
  expect(shown).not.toContain(secret!.slice(6, 30));
});

it('one that answers 500 for an hour gets it in the end, under the same id, and the log says what it answered', async () => {
  await add('webhook', { url: `${origin}/hook` });
  answer = { status: 500, body: 'still starting' };
  const id = await alerts.raise();
  for (let attempts = 1; attempts <= 5; attempts++) {
    const [waiting] = await eventually(`attempt ${attempts}`, async () => {
      const all = await deliveries(id);
      return all[0]?.state === 'retrying' && all[0].attempts === attempts ? all : undefined;
    });
    expect(waiting!.answer).toBe('500: still starting');
    aheadMs += Date.parse(waiting!.nextAttemptAt!) - Date.now() - aheadMs + 1;
  }
  answer = { status: 204 };
  const [sent] = await settled(id, 'sent');
  expect(new Set(calls.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([sent!.id]));
  expect(calls).toHaveLength(6);
});

it('one that asks to be left alone is left alone for as long', async () => {
  await add('slack', { url: `${origin}/slack` });
  answer = { status: 429, headers: { 'retry-after': '1800' } };
  const id = await alerts.raise();
  const [waiting] = await settled(id, 'retrying');
  expect(Date.parse(waiting!.nextAttemptAt!) - Date.now() - aheadMs).toBeGreaterThan(25 * MINUTE_MS);
});

it('an address that is not public is dialled neither for a test nor for an alert, and both say why', async () => {
  const { id: receiver } = await add('slack', { url: 'https://169.254.169.254/latest/meta-data' });
  const why = expect.stringContaining('169.254.169.254 is not a public address');
  expect(await owner.call(routes.testReceiver, { params: { id: receiver } })).toMatchObject({ isTaken: false, answer: why });
  const id = await alerts.raise();
  expect(await settled(id, 'failed')).toMatchObject([{ attempts: 1, answer: why }]);
});

it('is set to another address without being told the key again, and what its kind does not have is refused with the place', async () => {
  const made = await add('pagerduty', { key: KEY });
  expect(made.addresses).toEqual(['PagerDuty …rrrr']);
  const params = { id: made.id };
  const changed = await owner.call(routes.updateReceiver, { params, body: { revision: made.revision, url: `${origin}/pagerduty` } });
  expect(changed).toMatchObject({ revision: 2, addresses: [`${origin}/…`] });
  const id = await alerts.raise();
  await settled(id, 'sent');
  expect(JSON.parse(calls[0]!.body)).toMatchObject({ routing_key: KEY, dedup_key: id });
  for (const body of [
    { kind: 'slack', url: `${origin}/x`, key: 'k' },
    { kind: 'slack' },
    { kind: 'email' },
    { kind: 'email', addresses: ['a@example.net'], url: origin },
    { kind: 'webhook', url: `${origin}/x`, addresses: ['a@example.net'] },
  ]) {
    const refused = await owner.ask(routes.createReceiver, { body: { name: 'x', severities: ['critical'], ...body } as never });
    expect([refused.status, JSON.stringify(refused.body)]).toEqual([400, expect.stringContaining('"path"')]);
  }
});

it('what was not yet told when its receiver was removed is left out, and the log says so', async () => {
  const made = await add('webhook', { url: `${origin}/hook` });
  answer = { status: 500 };
  const id = await alerts.raise();
  await settled(id, 'retrying');
  await owner.call(routes.deleteReceiver, { params: { id: made.id } });
  aheadMs += 2 * MINUTE_MS;
  expect(await settled(id, 'left-out')).toMatchObject([{ answer: 'The receiver was removed.' }]);
});

it('who asks for it is reminded until somebody acknowledges the alert, and the log has each reminder', async () => {
  await add('webhook', { url: `${origin}/hook` }, { remindMinutes: 30 });
  const id = await alerts.raise();
  await settled(id, 'sent');
  for (const count of [2, 3]) {
    aheadMs += 31 * MINUTE_MS;
    const all = await settled(id, 'sent', count);
    expect(all[0]!.reason).toBe('reminder');
  }
  const types = calls.map(({ body }) => (JSON.parse(body) as { type: string }).type);
  expect(types).toEqual(['alert.raised', 'alert.reminder', 'alert.reminder']);
  await postgres.query(url, `UPDATE alert SET state = 'acknowledged' WHERE id = '${id}'`);
  aheadMs += 31 * MINUTE_MS;
  const other = await alerts.raise();
  await settled(other, 'sent');
  expect(await deliveries(id)).toHaveLength(3);
  await alerts.clear(id);
  await settled(id, 'sent', 4);
});

it('a receiver sleeps outside its hours, and is told of what is still raised when they begin', async () => {
  const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 16);
  const nowMs = Date.now() + aheadMs;
  const hours = { timeZone: 'UTC', days: [...DAYS], from: clock(nowMs + 120 * MINUTE_MS), to: clock(nowMs + 240 * MINUTE_MS) };
  const made = await add('webhook', { url: `${origin}/hook` }, { hours });
  expect(made.hours).toEqual(hours);
  await add('slack', { url: `${origin}/slack` });
  const id = await alerts.raise();
  await settled(id, 'sent');
  expect(calls.map(({ path }) => path)).toEqual(['/slack']);
  aheadMs += 125 * MINUTE_MS;
  await settled(id, 'sent', 2);
  expect(calls.map(({ path }) => path)).toEqual(['/slack', '/hook']);
  const params = { id: made.id };
  const changed = await owner.call(routes.updateReceiver, { params, body: { revision: made.revision, hours: null } });
  expect(changed.hours).toBeUndefined();
  const wrong = { ...hours, timeZone: 'Europe/Nowhere' };
  expect((await owner.ask(routes.updateReceiver, { params, body: { revision: 2, hours: wrong } })).status).toBe(400);
});
