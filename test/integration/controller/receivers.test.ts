import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../../proto/http/routes.ts';
import { newId } from '../../../controller/platform/ids.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';
import { eventually, makePlace, TestController, type Person } from '../../support/controller-fleet.ts';
import { RaisedAlerts } from '../../support/raised-alerts.ts';
import { SmtpServer } from '../../support/smtp-server.ts';

const MINUTE_MS = 60_000;
let aheadMs = 0;
let postgres: TestDatabases;
let url: string;
let smtp: SmtpServer;
let controller: TestController;
let owner: Person;
let place: { tenantId: string; siteId: string };
let alerts: RaisedAlerts;

beforeAll(async () => {
  postgres = await openTestDatabases();
  smtp = await SmtpServer.start();
  url = await postgres.newDatabase();
  controller = await TestController.start({ CTFLEET_DATABASE_URL: url, ...smtp.env }, { clock: () => Date.now() + aheadMs });
  owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
  place = await makePlace(owner, 'Acme', 'gw1');
  alerts = new RaisedAlerts(postgres, url, place, () => Date.now() + aheadMs);
});
afterEach(async () => {
  smtp.script = () => undefined;
  smtp.received.length = 0;
  for (const { id } of (await owner.call(routes.listReceivers)).items) await owner.call(routes.deleteReceiver, { params: { id } });
});
afterAll(async () => {
  await controller.stop();
  await smtp.stop();
  await postgres.stop();
});

const receiver = (address: string, over: object = {}) =>
  owner.call(routes.createReceiver, {
    body: { name: `to ${address}`, kind: 'email', severities: ['critical'], addresses: [address], ...over },
  });
const told = (address: string) => smtp.received.filter(({ to }) => to.includes(address));
const mailTo = (address: string, count = 1) =>
  eventually(`mail to ${address}`, async () => (told(address).length >= count ? told(address) : undefined));
const idOf = (raw: string) => /^message-id:\s*<([^>]+)>/im.exec(raw)?.[1];
const deliveries = async (alert: string) => (await owner.call(routes.listDeliveries, { query: { alert } })).items;

const raise = (over?: Parameters<RaisedAlerts['raise']>[0]): Promise<string> => alerts.raise(over);
const clear = (id: string): Promise<void> => alerts.clear(id);
const allRouted = () =>
  eventually('everything was planned', async () => {
    const [row] = await postgres.query<{ n: string }>(url, 'SELECT count(*) AS n FROM alert_transition WHERE routed_at IS NULL');
    return Number(row!.n) === 0 || undefined;
  });

describe('an alert', () => {
  it('is mailed once to each address of its tenant and of all, when it is raised and when it is cleared', async () => {
    await receiver('all@example.net');
    await receiver('acme@example.net', { tenantId: place.tenantId });
    await receiver('info@example.net', { severities: ['info'] });
    const id = await raise();
    const [mail] = await mailTo('acme@example.net');
    await mailTo('all@example.net');
    expect(mail!.raw).toMatch(/^Subject: \[critical\] the table of gw1 is 91 % full/m);
    expect(mail!.raw).toContain(`/alerts/${id}`);
    await eventually('both are noted', async () => (await deliveries(id)).every(({ state }) => state === 'sent') || undefined);
    await clear(id);
    await mailTo('acme@example.net', 2);
    await mailTo('all@example.net', 2);
    expect(told('info@example.net')).toEqual([]);
    expect((await deliveries(id)).map(({ reason }) => reason)).toEqual(['cleared', 'cleared', 'raised', 'raised']);
    const { items } = await owner.call(routes.listReceivers);
    expect(items.find(({ name }) => name === 'to all@example.net')!.last).toMatchObject({ isTaken: true });
  });

  it('that is a part of another, silenced or another tenant’s is not, and what nobody was told of is not cleared to anybody', async () => {
    const other = await makePlace(owner, `Pine ${newId()}`, 'gw2');
    await receiver('pine@example.net', { tenantId: other.tenantId });
    const parent = await raise({ tenantId: other.tenantId });
    await mailTo('pine@example.net');
    const others = [
      await raise(),
      await raise({ parentId: parent, tenantId: other.tenantId }),
      await raise({ state: 'silenced', tenantId: other.tenantId }),
    ];
    for (const id of others) await clear(id);
    await allRouted();
    for (const id of others) expect(await deliveries(id)).toEqual([]);
    expect(told('pine@example.net')).toHaveLength(1);
  });

  it('that a server does not take is tried again later under the same id, and told as failing meanwhile', async () => {
    await receiver('slow@example.net');
    smtp.script = (command) => (command === 'MAIL' ? '451 4.3.0 try later' : undefined);
    const id = await raise();
    const waiting = await eventually('it is retried', async () => (await deliveries(id)).find(({ state }) => state === 'retrying'));
    expect(waiting).toMatchObject({ attempts: 1, answer: expect.stringContaining('451') });
    expect((await owner.call(routes.listReceivers)).items[0]!.last).toMatchObject({ isTaken: false, failingSince: expect.any(String) });
    smtp.script = () => undefined;
    aheadMs += 2 * MINUTE_MS;
    const [mail] = await mailTo('slow@example.net');
    expect(idOf(mail!.raw)).toBe(`${waiting.id}@example.net`);
    await eventually('it is noted', async () => (await deliveries(id))[0]!.state === 'sent' || undefined);
  });

  it('that is over before the server took it is not told as raised any more, nor as cleared', async () => {
    await receiver('late@example.net');
    smtp.script = (command) => (command === 'MAIL' ? '451 4.3.0 try later' : undefined);
    const id = await raise();
    await eventually('it is retried', async () => (await deliveries(id)).find(({ state }) => state === 'retrying'));
    await clear(id);
    await allRouted();
    smtp.script = () => undefined;
    aheadMs += 10 * MINUTE_MS;
    const other = await raise();
    await mailTo('late@example.net');
    expect(await deliveries(id)).toMatchObject([{ reason: 'raised', state: 'left-out', answer: expect.stringContaining('cleared') }]);
    expect(told('late@example.net')).toHaveLength(1);
    expect(told('late@example.net')[0]!.raw).toContain(`/alerts/${other}`);
  });

  it('that was told as raised is told as cleared too, also if the receiver is set to others meanwhile', async () => {
    const made = await receiver('was@example.net');
    const id = await raise();
    await mailTo('was@example.net');
    await eventually('it is noted', async () => (await deliveries(id))[0]!.state === 'sent' || undefined);
    const body = { revision: made.revision, severities: ['info' as const], addresses: ['now@example.net'] };
    await owner.call(routes.updateReceiver, { params: { id: made.id }, body });
    await clear(id);
    await mailTo('was@example.net', 2);
    expect(told('now@example.net')).toEqual([]);
  });

  it('that was sent by a process that died before it noted that is sent again under the same id', async () => {
    await receiver('twice@example.net');
    const id = await raise();
    await mailTo('twice@example.net');
    const [sent] = await eventually('it is noted', async () => {
      const all = await deliveries(id);
      return all[0]?.state === 'sent' ? all : undefined;
    });
    await postgres.query(url, `UPDATE delivery SET state = 'sending', next_attempt_at = now() WHERE id = '${sent!.id}'`);
    const mails = await mailTo('twice@example.net', 2);
    expect(new Set(mails.map(({ raw }) => idOf(raw)))).toEqual(new Set([`${sent!.id}@example.net`]));
  });

  it('that is refused for good has failed, says why, and can be tried again by a person', async () => {
    await receiver('gone@example.net');
    smtp.script = (command) => (command === 'RCPT' ? '550 5.1.1 nobody' : undefined);
    const id = await raise();
    const failed = await eventually('it failed', async () => (await deliveries(id)).find(({ state }) => state === 'failed'));
    expect(failed.answer).toContain('550');
    smtp.script = () => undefined;
    await owner.call(routes.retryDelivery, { params: { id: failed.id } });
    await mailTo('gone@example.net');
    expect((await owner.call(routes.listAudit, { query: { action: 'delivery.retried' } })).items).toHaveLength(1);
    await eventually('it is noted', async () => (await deliveries(id))[0]!.state === 'sent' || undefined);
    expect((await owner.ask(routes.retryDelivery, { params: { id: failed.id } })).status).toBe(400);
  });

  it('is planned and sent once where two replicas work', async () => {
    const second = await TestController.start(
      { CTFLEET_DATABASE_URL: url, ...smtp.env },
      { clock: () => Date.now() + aheadMs, stateDir: controller.stateDir },
    );
    await receiver('both@example.net');
    const ids = await Promise.all(Array.from({ length: 10 }, () => raise()));
    await mailTo('both@example.net', 10);
    await eventually('all are noted', async () => {
      const all = await Promise.all(ids.map(deliveries));
      return all.every((some) => some.length === 1 && some[0]!.state === 'sent') || undefined;
    });
    expect(told('both@example.net')).toHaveLength(10);
    await second.stop();
  });
});

describe('a receiver', () => {
  it('is tested at once, and says what the server answered', async () => {
    const { id } = await receiver('test@example.net');
    expect(await owner.call(routes.testReceiver, { params: { id } })).toMatchObject({ isTaken: true });
    smtp.script = (command) => (command === 'RCPT' ? '550 5.1.1 nobody' : undefined);
    expect(await owner.call(routes.testReceiver, { params: { id } })).toMatchObject({
      isTaken: false,
      answer: expect.stringContaining('550'),
    });
  });

  it('is changed by the revision that was seen, and bad addresses are refused', async () => {
    const made = await receiver('first@example.net');
    const params = { id: made.id };
    const changed = await owner.call(routes.updateReceiver, {
      params,
      body: { revision: made.revision, isOn: false, addresses: ['b@example.net'] },
    });
    expect(changed).toMatchObject({ revision: 2, isOn: false, addresses: ['b@example.net'], severities: ['critical'] });
    expect((await owner.ask(routes.updateReceiver, { params, body: { revision: 1, isOn: true } })).status).toBe(409);
    for (const address of ['x', 'a@b\r\nBcc: c@d', 'a b@example.net'])
      expect((await owner.ask(routes.updateReceiver, { params, body: { revision: 2, addresses: [address] } })).status).toBe(400);
    const id = await raise();
    await allRouted();
    expect(await deliveries(id)).toEqual([]);
  });

  it('of all tenants is not for the owner of one', async () => {
    const own = await controller.person(`own${newId()}`, [{ role: 'owner', tenantId: place.tenantId }]);
    const body = { name: 'n', kind: 'email' as const, severities: ['critical' as const], addresses: ['o@example.net'] };
    expect((await own.ask(routes.createReceiver, { body })).status).toBeGreaterThanOrEqual(403);
    await own.call(routes.createReceiver, { body: { ...body, tenantId: place.tenantId } });
    await receiver('hidden@example.net');
    expect((await own.call(routes.listReceivers)).items.map(({ addresses }) => addresses[0])).toEqual(['o@example.net']);
  });
});
