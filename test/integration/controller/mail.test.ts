import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { request } from '../../../client/request.ts';
import { sessionCookie } from '../../../client/sign-in.ts';
import { MailDeliveryService } from '../../../controller/mail/mail-delivery.service.ts';
import { routes } from '../../../proto/http/routes.ts';
import { eventually, makePlace, PASSWORD, Person, TestController } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';
import { linkIn, SmtpServer, textOf } from '../../support/smtp-server.ts';

const CHOSEN = 'seven quiet herons at dusk';
const HOUR_MS = 3_600_000;

let postgres: TestDatabases;
let smtp: SmtpServer;
let url: string;
let controller: TestController;
let owner: Person;
let acme: string;
let aheadMs = 0;
let number = 0;

beforeAll(async () => {
  postgres = await openTestDatabases();
  smtp = await SmtpServer.start();
  url = await postgres.newDatabase();
  controller = await TestController.start({ CTFLEET_DATABASE_URL: url, ...smtp.env }, { clock: () => Date.now() + aheadMs });
  owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
  acme = (await makePlace(owner, 'Acme', 'gw1')).tenantId;
});
beforeEach(() => {
  number += 1;
});
afterEach(async () => {
  aheadMs = 0;
  smtp.script = () => undefined;
  smtp.received.length = 0;
  smtp.commands.length = 0;
  await postgres.query(url, 'DELETE FROM rate_limit');
});
afterAll(async () => {
  await controller.stop();
  await smtp.stop();
  await postgres.stop();
});

const post = (place: string, body: unknown, at = controller): Promise<Response> =>
  request({ origin: at.origin, headers: {} }, `/api/auth/${place}`, { method: 'POST', body });
const found = async (id: string) => (await owner.call(routes.listPeople)).items.find((person) => person.id === id);
const mailTo = (address: string) => eventually(`a mail to ${address}`, async () => smtp.received.find(({ to }) => to.includes(address)));
const codeOf = async (answer: Promise<{ body: unknown }>) => ((await answer).body as { code?: string }).code;

function invite(name = `Person ${number}`, email = `p${number}@example.net`) {
  return owner.call(routes.invitePerson, { body: { name, email, grants: [{ role: 'operator', tenantId: acme }] } });
}

async function use(link: string, password = CHOSEN): Promise<Person> {
  const response = await post('use-link', { token: new URL(link).hash.slice(1), password });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return new Person(controller.origin, { cookie: sessionCookie(response) });
}

describe('an invitation where a mail server is set', () => {
  it('is sent over TLS with user and password, to that person alone, and its link is shown to nobody else', async () => {
    const { made, id, email } = await invite();
    expect(made).toEqual({ isMailed: true });
    const mail = await mailTo(email);
    expect(mail).toMatchObject({ from: 'ctfleet@example.net', to: [email], user: 'ctfleet', isEncrypted: true });
    expect(textOf(mail)).toContain('owner has invited you to ctfleet');
    expect(mail.raw).not.toMatch(/<img|http-equiv|src=/i);
    const person = await use(linkIn(mail));
    expect(await person.call(routes.getMe)).toMatchObject({ email, grants: [{ role: 'operator', tenantId: acme }] });
    expect(await found(id)).toMatchObject({ state: 'active', mail: { state: 'sent' } });
    const { items } = await owner.call(routes.listAudit, { query: { action: 'mail.sent' } });
    expect(items[0]).toMatchObject({ actor: { kind: 'system' }, detail: { personId: id, kind: 'invitation', tries: 1 } });
    expect(JSON.stringify(items)).not.toContain('ctfl_');
  });

  it('is tried again when the server says later, each time with a new link, and then taken', async () => {
    smtp.script = (command) => (command === 'MESSAGE' ? '451 4.7.1 greylisted, come back' : undefined);
    const { id, email } = await invite();
    const waiting = await eventually('a try that failed', async () => {
      const { mail } = (await found(id))!;
      return mail?.reason === undefined ? undefined : mail;
    });
    expect(waiting).toMatchObject({ state: 'waiting', reason: expect.stringContaining('451 4.7.1 greylisted') });
    const delivery = controller.running.app.get(MailDeliveryService);
    await delivery.send(id);
    expect(smtp.received).toEqual([]);
    smtp.script = () => undefined;
    aheadMs = 61_000;
    const mail = await mailTo(email);
    aheadMs = 0;
    await use(linkIn(mail));
  });

  it('is given up after six tries, and the list of people says why it was not delivered', async () => {
    smtp.script = (command) => (command === 'RCPT' ? '450 4.2.0 mailbox busy' : undefined);
    const { id } = await invite();
    const delivery = controller.running.app.get(MailDeliveryService);
    for (let tries = 1; tries <= 6; tries++) {
      await eventually(`try ${tries}`, async () => {
        await delivery.send(id);
        const [row] = await postgres.query<{ tries: number; busy: boolean }>(
          url,
          `SELECT tries, failure IS NULL AS busy FROM mail WHERE user_id = '${id}'`,
        );
        return row!.tries >= tries && !row!.busy ? true : undefined;
      });
      aheadMs += 4 * HOUR_MS;
    }
    aheadMs = 0;
    expect(await found(id)).toMatchObject({ mail: { state: 'failed', reason: expect.stringContaining('450 4.2.0 mailbox busy') } });
    expect(smtp.commands.filter((line) => line.startsWith('RCPT')).length).toBe(6);
    // Another one can be asked for.
    smtp.script = () => undefined;
    expect(await owner.call(routes.createSignInLink, { params: { id } })).toEqual({ isMailed: true });
    await mailTo((await found(id))!.email);
  });

  it('is given up at once where the server says never', async () => {
    smtp.script = (command) => (command === 'RCPT' ? '550 5.1.1 no such user \u001b[31m here' : undefined);
    const { id } = await invite();
    const mail = await eventually('a refusal', async () =>
      (await found(id))?.mail?.state === 'failed' ? (await found(id))!.mail : undefined,
    );
    expect(mail?.reason).toContain('550 5.1.1 no such user');
    expect(mail?.reason).not.toContain('\u001b');
    const { items } = await owner.call(routes.listAudit, { query: { action: 'mail.failed' } });
    expect(items[0]).toMatchObject({ outcome: 'failed', detail: { personId: id, tries: 1 } });
  });

  it('is limited per person', async () => {
    const { id } = await invite();
    for (let n = 0; n < 4; n++) await owner.call(routes.createSignInLink, { params: { id } });
    expect(await codeOf(owner.ask(routes.createSignInLink, { params: { id } }))).toBe('RATE_LIMITED');
  });

  it('ends the link that there was, before the mail is taken', async () => {
    const { id, email } = await invite();
    const first = linkIn(await mailTo(email));
    await eventually('it is sent', async () => ((await found(id))?.mail?.state === 'sent' ? true : undefined));
    smtp.script = (command) => (command === 'RCPT' ? '450 4.2.0 busy' : undefined);
    await owner.call(routes.createSignInLink, { params: { id } });
    expect((await post('use-link', { token: new URL(first).hash.slice(1), password: CHOSEN })).status).toBe(403);
  });

  it('says plainly that a mail server without TLS gets no password', async () => {
    const plain = await SmtpServer.start({ tls: 'none' });
    const env = { ...smtp.env, CTFLEET_SMTP_PORT: String(plain.port) };
    const other = await TestController.start({ CTFLEET_DATABASE_URL: await postgres.newDatabase(), ...env });
    const person = await other.person('owner', [{ role: 'owner', tenantId: null }]);
    const tested = await person.call(routes.testMail);
    expect(tested).toMatchObject({ isTaken: false, answer: expect.stringContaining('offers no TLS') });
    expect(plain.commands.some((line) => /AUTH|MAIL/.test(line))).toBe(false);
    await other.stop();
    await plain.stop();
  });

  it('is not sent to a server that somebody else vouches for', async () => {
    const impostor = await SmtpServer.start();
    const env = { ...smtp.env, CTFLEET_SMTP_PORT: String(impostor.port) };
    const other = await TestController.start({ CTFLEET_DATABASE_URL: await postgres.newDatabase(), ...env });
    const person = await other.person('owner', [{ role: 'owner', tenantId: null }]);
    expect(await person.call(routes.testMail)).toMatchObject({ isTaken: false, answer: expect.stringContaining('certificate') });
    expect(impostor.commands.some((line) => /AUTH|MAIL/.test(line))).toBe(false);
    await other.stop();
    await impostor.stop();
  });
});

describe('a test mail', () => {
  it('goes to whoever asks, and says what the server answered', async () => {
    expect(await owner.call(routes.getMail)).toEqual({
      isSet: true,
      from: 'ctfleet@example.net',
      server: { host: 'localhost', port: smtp.port, tls: 'starttls', hasUser: true },
    });
    expect(await owner.call(routes.testMail)).toEqual({ isTaken: true, answer: '250 2.0.0 taken as 4711' });
    await mailTo('owner@example.net');
    smtp.script = (command) => (command === 'AUTH' ? '535 5.7.8 no' : undefined);
    expect(await owner.call(routes.testMail)).toEqual({
      isTaken: false,
      answer: 'The mail server refused user and password: 535 5.7.8 no',
    });
  });

  it('is for owners over all tenants, and bounded', async () => {
    const admin = await controller.person(`admin${number}`, [{ role: 'admin', tenantId: null }]);
    const local = await controller.person(`local${number}`, [{ role: 'owner', tenantId: acme }]);
    expect((await admin.ask(routes.testMail)).status).toBe(403);
    expect((await local.ask(routes.testMail)).status).toBe(403);
    expect(await local.call(routes.getMail)).toEqual({ isSet: true, from: 'ctfleet@example.net' });
    for (let n = 0; n < 5; n++) await owner.call(routes.testMail);
    expect(await codeOf(owner.ask(routes.testMail))).toBe('RATE_LIMITED');
  });
});

describe('a forgotten password', () => {
  it('is replaced by a link that is mailed; all sessions end, and it is in the audit trail', async () => {
    const person = await controller.person(`ada${number}`, [{ role: 'viewer', tenantId: acme }]);
    const email = `ada${number}@example.net`;
    expect(await (await request({ origin: controller.origin, headers: {} }, '/api/auth/ways', { method: 'GET' })).json()).toEqual({
      resetsByMail: true,
    });
    expect((await post('forgot-password', { email: `  ${email.toUpperCase()} ` })).status).toBe(200);
    const mail = await mailTo(email);
    expect(textOf(mail)).toContain('If it was not you, ignore this');
    await person.call(routes.getMe);
    const again = await use(linkIn(mail));
    await again.call(routes.getMe);
    expect((await person.ask(routes.getMe)).status).toBe(401);
    expect((await controller.attempt(email, PASSWORD)).ok).toBe(false);
    const actions = (await owner.call(routes.listAudit, { query: { limit: '50' } })).items.map(({ action }) => action);
    expect(actions).toEqual(expect.arrayContaining(['session.reset-asked', 'mail.sent', 'session.password-chosen']));
    expect((await post('use-link', { token: new URL(linkIn(mail)).hash.slice(1), password: CHOSEN })).status).toBe(403);
  });

  it('has a link of one hour', async () => {
    await controller.person(`late${number}`, [{ role: 'viewer', tenantId: acme }]);
    await post('forgot-password', { email: `late${number}@example.net` });
    const link = linkIn(await mailTo(`late${number}@example.net`));
    aheadMs = HOUR_MS + 60_000;
    expect((await post('use-link', { token: new URL(link).hash.slice(1), password: CHOSEN })).status).toBe(403);
  });

  it('is answered alike for known and unknown addresses, and what is done before the answer does not look at people', async () => {
    // Without the role that works, what was left behind by the answers is still there.
    const env = { CTFLEET_DATABASE_URL: await postgres.newDatabase(), CTFLEET_ROLES: 'api', ...smtp.env };
    const api = await TestController.start(env);
    await api.person('known', [{ role: 'owner', tenantId: null }]);
    const answers = [];
    for (const email of ['known@example.net', 'unknown@example.net', 'no address', 'suspended@example.net']) {
      const response = await post('forgot-password', { email }, api);
      const headers = Object.fromEntries([...response.headers].filter(([name]) => !['date', 'x-request-id'].includes(name)));
      answers.push({ status: response.status, headers, body: await response.text() });
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    const rows = await postgres.query<{ email: string }>(env.CTFLEET_DATABASE_URL, 'SELECT email FROM reset_request ORDER BY id');
    expect(rows.map(({ email }) => email)).toEqual(['known@example.net', 'unknown@example.net', 'no address', 'suspended@example.net']);
    expect(await postgres.query(env.CTFLEET_DATABASE_URL, 'SELECT 1 FROM mail')).toEqual([]);
    await api.stop();
  });

  it('sends nothing to strangers, to whoever is suspended, and to whoever never had a password', async () => {
    const { id, email } = await invite();
    await mailTo(email);
    await controller.person(`gone${number}`, [{ role: 'viewer', tenantId: acme }]);
    const gone = (await owner.call(routes.listPeople)).items.find((one) => one.email === `gone${number}@example.net`)!;
    await owner.call(routes.suspendPerson, { params: { id: gone.id } });
    smtp.received.length = 0;
    for (const asked of [email, gone.email, 'stranger@example.net']) await post('forgot-password', { email: asked });
    await eventually('all were looked at', async () => {
      const rows = await postgres.query(url, 'SELECT 1 FROM reset_request');
      return rows.length === 0 ? true : undefined;
    });
    const rows = await postgres.query<{ kind: string }>(url, `SELECT kind FROM mail WHERE user_id IN ('${id}', '${gone.id}')`);
    expect(rows.map(({ kind }) => kind)).toEqual(['invitation']);
    expect(smtp.received).toEqual([]);
  });

  it('is limited per account without a word, and per client with one', async () => {
    await controller.person(`often${number}`, [{ role: 'viewer', tenantId: acme }]);
    const statuses = [];
    for (let n = 0; n < 10; n++) statuses.push((await post('forgot-password', { email: `often${number}@example.net` })).status);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect((await post('forgot-password', { email: 'other@example.net' })).status).toBe(429);
    const [row] = await postgres.query<{ points: number }>(url, `SELECT points FROM rate_limit WHERE key LIKE 'reset-account:%'`);
    expect(row!.points).toBe(10);
  });
});

describe('without a mail server', () => {
  it('a link is handed over as ever, and no new password can be asked for', async () => {
    const bare = await TestController.start({ CTFLEET_DATABASE_URL: await postgres.newDatabase() });
    const person = await bare.person('owner', [{ role: 'owner', tenantId: null }]);
    expect(await person.call(routes.getMail)).toEqual({ isSet: false });
    const body = { name: 'Ada', email: 'ada@example.net', grants: [{ role: 'viewer', tenantId: null }] };
    expect((await person.call(routes.invitePerson, { body })).made).toMatchObject({
      isMailed: false,
      link: expect.stringContaining('/welcome#ctfl_'),
    });
    expect(await (await request({ origin: bare.origin, headers: {} }, '/api/auth/ways', { method: 'GET' })).json()).toEqual({
      resetsByMail: false,
    });
    expect((await post('forgot-password', { email: 'ada@example.net' }, bare)).status).not.toBe(200);
    expect(await codeOf(person.ask(routes.testMail))).toBe('CAPABILITY_MISSING');
    await bare.stop();
  });

  it('a controller does not start with settings that cannot work, and says which', async () => {
    const start = (env: Record<string, string>) => TestController.start({ CTFLEET_DATABASE_URL: url, ...smtp.env, ...env });
    await expect(start({ CTFLEET_SMTP_TLS: 'none' })).rejects.toThrow(/CTFLEET_SMTP_TLS: .*never sent without TLS/);
    await expect(start({ CTFLEET_SMTP_CA_FILE: '/nowhere/ca.pem' })).rejects.toThrow(
      /CTFLEET_SMTP_CA_FILE: \/nowhere\/ca.pem cannot be read/,
    );
    await expect(start({ CTFLEET_SMTP_PASSWORD: '', CTFLEET_SMTP_PASSWORD_FILE: '/nowhere/p' })).rejects.toThrow(
      /CTFLEET_SMTP_PASSWORD_FILE/,
    );
  });
});
