import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino, type Logger } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { identityOf } from '../../../agent/enrolment.ts';
import { enrol as enrolOnce, parseJoinToken } from '../../../agent/link/enrol.ts';
import { makeKey, type RequestedKey } from '../../../agent/link/certificate-request.ts';
import type { Identity } from '../../../agent/link/identity.ts';
import type { Enrolment } from '../../../proto/http/rollouts.ts';
import { routes } from '../../../proto/http/routes.ts';
import { enrol } from '../../support/controller-fake-agent.ts';
import { eventually, Person, TestController } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';

const HOUR_MS = 3_600_000;

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let owner: Person;
let ca: string;
let aheadMs = 0;
const folders: string[] = [];
const controllerLog: string[] = [];

beforeAll(async () => {
  postgres = await openTestDatabases();
  url = await postgres.newDatabase();
  const logger = pino({ level: 'trace' }, { write: (line: string) => void controllerLog.push(line) });
  controller = await TestController.start({ CTFLEET_DATABASE_URL: url }, { clock: () => Date.now() + aheadMs, logger });
  owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
  ca = controller.root;
});
afterEach(async () => {
  aheadMs = 0;
  await postgres.query(url, 'DELETE FROM rate_limit');
});
afterAll(async () => {
  await controller.stop();
  await postgres.stop();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function stateFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-rollout-'));
  folders.push(folder);
  return folder;
}

async function makeRollout(tenantName: string, body: object, { withSite = true } = {}) {
  const tenant = await owner.call(routes.createTenant, { body: { name: tenantName } });
  const site = await owner.call(routes.createSite, { body: { tenantId: tenant.id, name: 'HQ' } });
  const made = await owner.call(routes.createRollout, {
    body: { tenantId: tenant.id, namePattern: 'gw{n}', maxGateways: 3, ...(withSite && { siteId: site.id }), ...body },
  });
  return { ...made, siteId: site.id, tenantId: tenant.id };
}
type Made = Awaited<ReturnType<typeof makeRollout>>;

const joined = async ({ tenantId }: { tenantId: string }): Promise<string[]> =>
  (await postgres.query<{ name: string }>(url, 'SELECT name FROM gateway WHERE tenant_id = $1', [tenantId]))
    .map(({ name }) => name)
    .toSorted();
const enrolments = async ({ id }: { id: string }): Promise<Enrolment[]> =>
  (await owner.call(routes.listEnrolments, { params: { id }, query: { limit: '500' } })).items;
const state = async ({ id }: { id: string }) => {
  const { used, waiting, maxGateways, state: word } = await owner.call(routes.getRollout, { params: { id } });
  return { used, waiting, maxGateways, state: word };
};
const audit = async ({ tenantId }: { tenantId: string }, action: string) =>
  (await owner.call(routes.listAudit, { query: { tenant: tenantId, limit: '200', action } })).items;

/** One call of the real agent's code, with this key. */
const ask = (token: string, agent: { hostname: string; site?: string; gatewayId?: string }, key?: RequestedKey) =>
  (key ? Promise.resolve(key) : makeKey(agent.hostname)).then((one) =>
    enrolOnce(controller.enrolAddress, parseJoinToken(token), one, { version: '0.2.0', ...agent }),
  );

/** The whole enrolment of a real agent. Its waits end when the test says so. */
class EnrollingAgent {
  readonly log: Record<string, unknown>[] = [];
  readonly waitsMs: number[] = [];
  readonly identity: Promise<Identity>;
  #next: (() => void) | undefined;
  readonly #stop = new AbortController();

  constructor({ token, stateDir = stateFolder(), ...agent }: { token: string; hostname: string; site?: string; stateDir?: string }) {
    const logger: Logger = pino({ base: undefined }, { write: (line: string) => void this.log.push(JSON.parse(line) as never) });
    this.identity = identityOf({
      ...agent,
      stateDir,
      joinToken: token,
      enrolAddress: controller.enrolAddress,
      clock: {
        now: Date.now,
        delay: (ms, signal) =>
          new Promise((resolve) => {
            this.waitsMs.push(ms);
            this.#next = resolve;
            signal?.addEventListener('abort', () => resolve());
          }),
      },
      random: () => 0.5,
      log: logger,
      signal: this.#stop.signal,
    });
    this.identity.catch(() => undefined);
  }

  /** The fingerprint that it shows, once it awaits approval. */
  async fingerprint(): Promise<string> {
    return eventually(
      'it awaits approval',
      async () => this.log.find(({ fingerprint }) => fingerprint !== undefined)?.fingerprint as string | undefined,
    );
  }

  askAgain(): void {
    this.#next?.();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.identity.catch(() => undefined);
  }
}

describe('a join token for many gateways', () => {
  it('is good for exactly as many: of sixty concurrent agents twenty get in', async () => {
    const rollout = await makeRollout('Sixty', { maxGateways: 20 });
    const results = await Promise.allSettled(Array.from({ length: 60 }, () => enrol(controller.enrolAddress, ca, rollout.token)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(20);
    expect(await joined(rollout)).toEqual(Array.from({ length: 20 }, (_, index) => `gw${index + 1}`).toSorted());
    expect(await state(rollout)).toEqual({ used: 20, waiting: 0, maxGateways: 20, state: 'used' });
    expect(await audit(rollout, 'enrolment.ok')).toHaveLength(20);
    expect(await audit(rollout, 'enrolment.refused')).toMatchObject([{ detail: { why: 'used' } }]);
  });

  it('fills a list: agents of twenty-four machines name their sites, which are added, and get names', async () => {
    const rollout = await makeRollout(
      'Roll-out',
      { maxGateways: 30, namePattern: '{site}-gw{n}', makesSites: true, timeZone: 'Europe/Paris', tags: ['branch'] },
      { withSite: false },
    );
    expect(rollout.command).toContain('CTFLEET_SITE=');
    const agents = Array.from(
      { length: 24 },
      (_, index) => new EnrollingAgent({ token: rollout.token, hostname: `host${index}`, site: `Branch ${Math.floor(index / 2)}` }),
    );
    const identities = await Promise.all(agents.map(({ identity }) => identity));
    expect(new Set(identities.map(({ gatewayId }) => gatewayId)).size).toBe(24);
    expect(await joined(rollout)).toEqual(
      Array.from({ length: 24 }, (_, index) => `Branch ${Math.floor(index / 2)}-gw${(index % 2) + 1}`).toSorted(),
    );
    const { items: sites } = await owner.call(routes.listSites, { query: { tenant: rollout.tenantId } });
    expect(sites.map(({ name, gateways }) => [name, gateways])).toContainEqual(['Branch 11', 2]);
    expect(sites).toHaveLength(13);
    expect((await owner.call(routes.listRollouts)).items).toContainEqual(
      expect.objectContaining({ id: rollout.id, used: 24, maxGateways: 30, state: 'live' }),
    );
    const listed = await enrolments(rollout);
    expect(listed.map(({ state: word, address }) => [word, address])).toEqual(Array.from({ length: 24 }, () => ['enrolled', '127.0.0.1']));
    expect(listed.map(({ gatewayId }) => gatewayId).toSorted()).toEqual(identities.map(({ gatewayId }) => gatewayId).toSorted());
    expect((await audit(rollout, 'site.made')).filter(({ actor }) => actor.kind === 'system')).toHaveLength(12);
  });

  it('refuses a name that exists, an unknown or missing site and another address, says why, and is not used up by it', async () => {
    const rollout = await makeRollout('Reasons', { namePattern: '{hostname}' }, { withSite: false });
    await ask(rollout.token, { hostname: 'gw1', site: 'HQ' });
    await expect(ask(rollout.token, { hostname: 'gw1', site: 'HQ' })).rejects.toThrow('already has a gateway named gw1');
    await expect(ask(rollout.token, { hostname: 'gw1', site: 'HQ' })).rejects.toThrow('already has a gateway named gw1');
    await expect(ask(rollout.token, { hostname: 'gw2' })).rejects.toThrow('CTFLEET_SITE');
    await expect(ask(rollout.token, { hostname: 'gw2', site: 'Elsewhere' })).rejects.toThrow('no site named Elsewhere');
    await expect(ask(rollout.token, { hostname: '<script>', site: 'HQ' })).rejects.toThrow('hostname cannot be part');
    await expect(ask(rollout.token, { hostname: 'gw2', site: 'HQ', gatewayId: rollout.id })).rejects.toThrow('is a gateway already');
    const far = await owner.call(routes.createRollout, {
      body: {
        tenantId: rollout.tenantId,
        siteId: rollout.siteId,
        namePattern: 'far{n}',
        maxGateways: 2,
        sources: ['192.0.2.1/24', '2001:db8::/32'],
      },
    });
    expect(far.sources).toEqual(['192.0.2.0/24', '2001:db8::/32']);
    await expect(ask(far.token, { hostname: 'gw2' })).rejects.toThrow('connect from 127.0.0.1');
    expect(await state(rollout)).toMatchObject({ used: 1, state: 'live' });
    expect(await state(far)).toMatchObject({ used: 0, state: 'live' });
    const reasons = (await audit(rollout, 'enrolment.refused')).map(({ detail }) => detail.why as string);
    expect(reasons.toSorted()).toEqual(['for new gateways', 'no name', 'no site', 'not from this address', 'unknown site'].toSorted());
    await ask(rollout.token, { hostname: 'gw2', site: 'HQ' });
    expect(await joined(rollout)).toEqual(['gw1', 'gw2']);
  });

  it('lets in from the addresses that it names', async () => {
    const rollout = await makeRollout('Near', { sources: ['127.0.0.0/8'] });
    expect(await ask(rollout.token, { hostname: 'x' })).toMatchObject({ kind: 'enrolled', identity: { gatewayName: 'gw1' } });
  });

  it('gives the same key the same gateway again, since the answer may be lost, until that is in use', async () => {
    const rollout = await makeRollout('Lost', { maxGateways: 1 });
    const key = await makeKey('x');
    const [first, second] = [await ask(rollout.token, { hostname: 'x' }, key), await ask(rollout.token, { hostname: 'x' }, key)];
    if (first.kind !== 'enrolled' || second.kind !== 'enrolled') throw new Error('it was not enrolled');
    expect(second.identity.gatewayId).toBe(first.identity.gatewayId);
    expect(await joined(rollout)).toEqual(['gw1']);
    await owner.call(routes.revokeGateway, { params: { id: first.identity.gatewayId } });
    await expect(ask(rollout.token, { hostname: 'x' }, key)).rejects.toMatchObject({ code: 'JOIN_TOKEN_REFUSED' });
    expect(await state(rollout)).toMatchObject({ used: 1 });
  });

  it('is refused if expired, revoked or altered, with the same words', async () => {
    const rollout = await makeRollout('Ended', { ttlMinutes: 60 });
    const words = 'This join token is invalid or has expired';
    aheadMs = 61 * 60_000;
    await expect(ask(rollout.token, { hostname: 'x' })).rejects.toThrow(words);
    expect(await state(rollout)).toMatchObject({ state: 'expired' });
    aheadMs = 0;
    const altered = rollout.token.split('.');
    altered[2] = 'A'.repeat(43);
    await expect(ask(altered.join('.'), { hostname: 'x' })).rejects.toThrow(words);
    await owner.call(routes.revokeRollout, { params: { id: rollout.id } });
    expect(await owner.ask(routes.revokeRollout, { params: { id: rollout.id } })).toMatchObject({ status: 404 });
    await expect(ask(rollout.token, { hostname: 'x' })).rejects.toThrow(words);
    expect(await joined(rollout)).toEqual([]);
  });

  it('is kept as a hash, and in no log', async () => {
    const rollout = await makeRollout('Secret', {});
    const stateDir = stateFolder();
    await new EnrollingAgent({ token: rollout.token, hostname: 'x', stateDir }).identity;
    const secret = rollout.token.split('.')[2]!;
    const rows = await postgres.query<{ row: string }>(
      url,
      'SELECT rollout::text AS row FROM rollout UNION ALL SELECT audit_entry::text FROM audit_entry',
    );
    expect(rows.map(({ row }) => row).join()).not.toContain(secret);
    expect(controllerLog.join()).not.toContain(secret);
    expect(readdirSync(stateDir)).toEqual(['identity.json']);
  });

  it('is limited when it is made', async () => {
    const { tenantId, siteId } = await makeRollout('Limits', {});
    const other = await owner.call(routes.createTenant, { body: { name: 'Other' } });
    const body = { tenantId, namePattern: 'gw{n}', maxGateways: 3 };
    for (const wrong of [
      { namePattern: 'gw' },
      { namePattern: '{n}{nope}' },
      { maxGateways: 0 },
      { maxGateways: 1001 },
      { ttlMinutes: 30 * 1440 + 1 },
      { sources: ['example.net'] },
      { siteId, makesSites: true },
      { makesSites: true, timeZone: 'Mars' },
    ])
      expect([wrong, (await owner.ask(routes.createRollout, { body: { ...body, ...wrong } })).status]).toEqual([wrong, 400]);
    expect(await owner.ask(routes.createRollout, { body: { ...body, tenantId: other.id, siteId } })).toMatchObject({ status: 404 });
  });
});

describe('where approval is needed', () => {
  const waitingOf = async (rollout: Made, fingerprint: string) =>
    (await enrolments(rollout)).find((one) => one.fingerprint === fingerprint && one.state === 'waiting');

  it('an agent waits and shows the fingerprint that the console shows, also after a restart; once approved it joins', async () => {
    const rollout = await makeRollout('Approval', { needsApproval: true });
    const stateDir = stateFolder();
    const agent = new EnrollingAgent({ token: rollout.token, hostname: 'gw-lyon', stateDir });
    const fingerprint = await agent.fingerprint();
    const waiting = (await waitingOf(rollout, fingerprint))!;
    expect(waiting).toMatchObject({ gatewayName: 'gw1', siteName: 'HQ', hostname: 'gw-lyon', address: '127.0.0.1' });
    expect(await state(rollout)).toMatchObject({ used: 0, waiting: 1 });
    expect(agent.waitsMs).toEqual([10_000]);
    await agent.stop();
    const again = new EnrollingAgent({ token: rollout.token, hostname: 'gw-lyon', stateDir });
    expect(await again.fingerprint()).toBe(fingerprint);
    expect(await enrolments(rollout)).toHaveLength(1);

    const wrong = await owner.ask(routes.approveEnrolment, { params: { id: waiting.id }, body: { fingerprint: '0000-0000-0000-0000' } });
    expect(wrong).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
    expect(await owner.call(routes.approveEnrolment, { params: { id: waiting.id }, body: { fingerprint } })).toMatchObject({
      state: 'approved',
      decidedBy: 'owner',
    });
    again.askAgain();
    expect((await again.identity).gatewayName).toBe('gw1');
    expect(await enrolments(rollout)).toMatchObject([{ state: 'enrolled', fingerprint, decidedBy: 'owner' }]);
    expect(await state(rollout)).toMatchObject({ used: 1, waiting: 0 });
    expect((await audit(rollout, 'enrolment.approved'))[0]).toMatchObject({ actor: { name: 'owner' }, detail: { fingerprint } });
    expect((await audit(rollout, 'enrolment.ok'))[0]).toMatchObject({ detail: { approvedBy: 'owner' } });
    expect(readdirSync(stateDir)).toEqual(['identity.json']);
  });

  it('a machine that was cloned while it waited has another fingerprint', async () => {
    const rollout = await makeRollout('Clones', { needsApproval: true });
    const stateDir = stateFolder();
    const agent = new EnrollingAgent({ token: rollout.token, hostname: 'one', stateDir });
    const clone = async (hostname: string): Promise<string> => {
      const other = new EnrollingAgent({ token: rollout.token, hostname, stateDir });
      const fingerprint = await other.fingerprint();
      await other.stop();
      return fingerprint;
    };
    expect(await agent.fingerprint()).not.toBe(await clone('two'));
    await agent.stop();
  });

  it('one that is refused stops, and can still be approved when it comes again', async () => {
    const rollout = await makeRollout('Refused', { needsApproval: true });
    const stateDir = stateFolder();
    const agent = new EnrollingAgent({ token: rollout.token, hostname: 'x', stateDir });
    const fingerprint = await agent.fingerprint();
    const { id } = (await waitingOf(rollout, fingerprint))!;
    expect(await owner.call(routes.refuseEnrolment, { params: { id } })).toMatchObject({ state: 'refused' });
    expect(await audit(rollout, 'enrolment.declined')).toMatchObject([{ actor: { name: 'owner' }, detail: { fingerprint } }]);
    agent.askAgain();
    await expect(agent.identity).rejects.toThrow('refused this gateway');
    await owner.call(routes.approveEnrolment, { params: { id }, body: { fingerprint } });
    const { gatewayId } = await new EnrollingAgent({ token: rollout.token, hostname: 'x', stateDir }).identity;
    expect(await owner.ask(routes.refuseEnrolment, { params: { id } })).toMatchObject({ status: 409, body: { code: 'ENROLMENT_OVER' } });
    expect((await enrolments(rollout))[0]).toMatchObject({ state: 'enrolled', gatewayId });
  });

  it('no more wait than the token has places; whoever stops asking gives its place up', async () => {
    const rollout = await makeRollout('Places', { needsApproval: true, maxGateways: 2, ttlMinutes: 30 * 1440 });
    const answers = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => ask(rollout.token, { hostname: `h${index}` })));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    expect(answers.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'UNAVAILABLE', fields: { retryAfterMs: 120_000 } },
    });
    expect(await state(rollout)).toMatchObject({ waiting: 2, used: 0 });
    aheadMs = 25 * HOUR_MS;
    expect(await state(rollout)).toMatchObject({ waiting: 0 });
    const lapsed = (await enrolments(rollout))[0]!;
    expect(lapsed.state).toBe('lapsed');
    expect(
      await owner.ask(routes.approveEnrolment, { params: { id: lapsed.id }, body: { fingerprint: lapsed.fingerprint } }),
    ).toMatchObject({
      status: 409,
      body: { code: 'ENROLMENT_OVER' },
    });
    expect(await ask(rollout.token, { hostname: 'late' })).toMatchObject({ kind: 'awaiting' });
    expect(await enrolments(rollout)).toMatchObject([{ hostname: 'late', state: 'waiting' }]);
  });

  it('one token fills at most a quarter of the places of its tenant, and another still has some', async () => {
    const rollout = await makeRollout('Flood', { needsApproval: true, maxGateways: 1000 });
    await postgres.query(
      url,
      `INSERT INTO enrolment (id, rollout_id, tenant_id, key_hash, state, gateway_name, site_name, hostname, address, asked_at, last_asked_at)
       SELECT gen_random_uuid(), $1, $2, 'key' || n, 'waiting', 'f' || n, 'HQ', 'h', '127.0.0.1', now(), now() FROM generate_series(1, 250) AS n`,
      [rollout.id, rollout.tenantId],
    );
    await expect(ask(rollout.token, { hostname: 'h' })).rejects.toMatchObject({ fields: { retryAfterMs: 120_000 } });
    const { tenantId, siteId } = rollout;
    const body = { tenantId, siteId, namePattern: 'other{n}', maxGateways: 3, needsApproval: true };
    expect(await ask((await owner.call(routes.createRollout, { body })).token, { hostname: 'x' })).toMatchObject({ kind: 'awaiting' });
  });

  it('an approval that nobody fetched lapses after a day, and the agent awaits another', async () => {
    const rollout = await makeRollout('Unfetched', { needsApproval: true, ttlMinutes: 30 * 1440 });
    const key = await makeKey('x');
    const answer = await ask(rollout.token, { hostname: 'x' }, key);
    if (answer.kind !== 'awaiting') throw new Error('it does not wait');
    const [{ id }] = (await enrolments(rollout)) as [Enrolment];
    await owner.call(routes.approveEnrolment, { params: { id }, body: { fingerprint: answer.fingerprint } });
    aheadMs = 25 * HOUR_MS;
    expect(await ask(rollout.token, { hostname: 'x' }, key)).toMatchObject({ kind: 'awaiting' });
    const [again] = await enrolments(rollout);
    expect(again).toMatchObject({ id, state: 'waiting' });
    expect(again).not.toHaveProperty('decidedBy');
    expect(await joined(rollout)).toEqual([]);
  });

  it('what was approved is what joins: another site or name said later changes nothing', async () => {
    const rollout = await makeRollout('Bait', { needsApproval: true, namePattern: '{hostname}' }, { withSite: false });
    await owner.call(routes.createSite, { body: { tenantId: rollout.tenantId, name: 'Vault' } });
    const key = await makeKey('x');
    const answer = await ask(rollout.token, { hostname: 'humble', site: 'HQ' }, key);
    if (answer.kind !== 'awaiting') throw new Error('it does not wait');
    const [{ id }] = (await enrolments(rollout)) as [Enrolment];
    await owner.call(routes.approveEnrolment, { params: { id }, body: { fingerprint: answer.fingerprint } });
    await ask(rollout.token, { hostname: 'proud', site: 'Vault' }, key);
    const items = await eventually('it is in the list', async () => {
      const list = await owner.call(routes.listGateways, { query: { tenant: rollout.tenantId } });
      return list.total > 0 ? list.items : undefined;
    });
    expect(items).toMatchObject([{ name: 'humble', siteName: 'HQ' }]);
  });

  it('an older agent is told to be updated, and a revoked token refuses whoever waits', async () => {
    const rollout = await makeRollout('Old', { needsApproval: true });
    await expect(enrol(controller.enrolAddress, ca, rollout.token)).rejects.toThrow('this version of the agent cannot wait');
    const agent = new EnrollingAgent({ token: rollout.token, hostname: 'x' });
    await agent.fingerprint();
    await owner.call(routes.revokeRollout, { params: { id: rollout.id } });
    expect((await enrolments(rollout))[0]).toMatchObject({ state: 'lapsed' });
    agent.askAgain();
    await expect(agent.identity).rejects.toMatchObject({ code: 'JOIN_TOKEN_REFUSED' });
  });

  it('only a person decides, of the same tenant: no API token, no operator, nobody from elsewhere', async () => {
    const rollout = await makeRollout('People', { needsApproval: true });
    const other = await makeRollout('Neighbours', {});
    const answer = await ask(rollout.token, { hostname: 'x' });
    if (answer.kind !== 'awaiting') throw new Error('it does not wait');
    const [{ id }] = (await enrolments(rollout)) as [Enrolment];
    const { secret } = await owner.call(routes.createToken, { body: { name: 'script', role: 'owner' } });
    const script = new Person(controller.origin, { authorization: `Bearer ${secret}` });
    const operator = await controller.person('operator', [{ role: 'operator', tenantId: rollout.tenantId }]);
    const neighbour = await controller.person('neighbour', [{ role: 'admin', tenantId: other.tenantId }]);
    const body = { fingerprint: answer.fingerprint };
    expect(await script.ask(routes.approveEnrolment, { params: { id }, body })).toMatchObject({ status: 403 });
    expect(await operator.ask(routes.approveEnrolment, { params: { id }, body })).toMatchObject({ status: 403 });
    expect(await neighbour.ask(routes.approveEnrolment, { params: { id }, body })).toMatchObject({ status: 404 });
    expect((await enrolments(rollout))[0]).toMatchObject({ state: 'waiting' });
  });
});
