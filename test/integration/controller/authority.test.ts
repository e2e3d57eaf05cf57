import { X509Certificate } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RootKeysService } from '../../../controller/authority/root-keys.service.ts';
import { AUTHORITY, type Authority } from '../../../controller/identity/authority.ts';
import { certificatesIn } from '../../../controller/identity/issuers.ts';
import { routes } from '../../../proto/http/routes.ts';
import { enrol, FakeAgent, makeRequest, renew, type Enrolled } from '../../support/controller-fake-agent.ts';
import { makePlace, TestController, type Person } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';
import { oldAuthority, oldStateFolder } from '../../support/lone-authority.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');
let postgres: TestDatabases;
let places = 0;

beforeAll(async () => {
  postgres = await openTestDatabases();
});
afterAll(() => postgres.stop());

const authorityOf = (controller: TestController): Authority => controller.running.app.get<Authority>(AUTHORITY);
const ownerOf = (controller: TestController): Promise<Person> => controller.person(`owner${++places}`, [{ role: 'owner', tenantId: null }]);

async function enrolled(controller: TestController, owner: Person): Promise<Enrolled> {
  const { joinToken } = await makePlace(owner, `Acme ${++places}`, 'gw1');
  return enrol(controller.enrolAddress, authorityOf(controller).root, joinToken);
}

async function holdsSession(identity: Enrolled, controller: TestController): Promise<void> {
  const agent = new FakeAgent(identity);
  try {
    await agent.connect(controller.linkAddress);
  } finally {
    agent.disconnect();
  }
}

describe('the authority', () => {
  it('of a new installation is a root of ten years and an intermediate of two, which signs everything and no other authority', async () => {
    const controller = await TestController.start({ CTFLEET_DATABASE_URL: await postgres.newDatabase() });
    const { response } = await enrolled(controller, await ownerOf(controller));
    const [leaf, intermediate, ...more] = certificatesIn(response.certificatePem.toString()).map((text) => new X509Certificate(text));
    const root = new X509Certificate(authorityOf(controller).root);
    expect(more).toEqual([]);
    expect([leaf!.verify(intermediate!.publicKey), intermediate!.verify(root.publicKey), root.verify(root.publicKey)]).toEqual([
      true,
      true,
      true,
    ]);
    const years = (one: X509Certificate): number => Math.round((Date.parse(one.validTo) - Date.now()) / (365 * 86_400_000));
    expect([years(root), years(intermediate!), leaf!.ca, intermediate!.ca]).toEqual([10, 2, false, true]);
    await controller.stop();
  });

  it('is one for controllers with one database and state folders of their own, which share nothing but a key in the environment', async () => {
    const env = { CTFLEET_DATABASE_URL: await postgres.newDatabase(), CTFLEET_AUTHORITY_KEY: KEY };
    const [one, two] = [await TestController.start(env), await TestController.start(env)];
    const controllers = [one, two];
    expect(new Set(controllers.map((each) => authorityOf(each).pem)).size).toBe(1);
    const atOne = await enrolled(one, await ownerOf(one));
    await holdsSession(atOne, two);
    const renewed = await renew(two.linkAddress, atOne, await makeRequest());
    await holdsSession(renewed, one);
    const atTwo = await enrolled(two, await ownerOf(two));
    await holdsSession(atTwo, one);
    await Promise.all(controllers.map((each) => each.stop()));
  });

  it('is encrypted at rest: no key is in the database as text, and no tenant sees it', async () => {
    const url = await postgres.newDatabase();
    const controller = await TestController.start({ CTFLEET_DATABASE_URL: url });
    const [row] = await postgres.query<{ row: string; key: Buffer }>(
      url,
      'SELECT i::text || r::text AS row, i.sealed_key AS key FROM authority_issuer i JOIN authority_root r ON r.id = i.root_id',
    );
    expect(row!.row).not.toContain('PRIVATE');
    expect(row!.key.toString('latin1')).not.toContain('PRIVATE');
    const policies = await postgres.query<{ tablename: string }>(
      url,
      `SELECT tablename FROM pg_policies WHERE tablename LIKE 'authority%' ORDER BY 1`,
    );
    expect(policies.map(({ tablename }) => tablename)).toEqual(['authority_issuer', 'authority_root']);
    await controller.stop();
  });

  it('of an earlier version is adopted from the state folder by whichever controller is first, and its fleet goes on', async () => {
    const url = await postgres.newDatabase();
    const stateDir = await oldStateFolder();
    const root = await readFile(path.join(stateDir, 'ca.cert.pem'), 'utf8');
    const other = await mkdtemp(path.join(os.tmpdir(), 'ctfleet-state-'));
    await cp(stateDir, other, { recursive: true });
    const env = { CTFLEET_DATABASE_URL: url, CTFLEET_AUTHORITY_KEY: KEY };
    const [one, two] = await Promise.all([stateDir, other].map((folder) => TestController.start(env, { stateDir: folder })));
    expect([authorityOf(one!).root.trim(), authorityOf(two!).root.trim()]).toEqual([root.trim(), root.trim()]);
    const gateway = await enrolled(one!, await ownerOf(one!));
    expect(certificatesIn(gateway.response.certificatePem.toString())).toHaveLength(1);
    await holdsSession(gateway, two!);
    await Promise.all([one!.stop(), two!.stop()]);
    await rm(stateDir, { recursive: true, force: true });
  });
});

describe('the root’s key', () => {
  it('is exported, removed and put back; without it nothing daily is missing, and no intermediate is made', async () => {
    const controller = await TestController.start({ CTFLEET_DATABASE_URL: await postgres.newDatabase() });
    const owner = await ownerOf(controller);
    const keys = controller.running.app.get(RootKeysService);
    const actor = { kind: 'system', id: 'test', name: 'root at the command line' };
    const passphrase = 'a passphrase of a test';
    let file = '';
    const write = async (text: string): Promise<void> => void (file = text);
    await expect(keys.removeRoot(actor)).rejects.toThrow(/never exported/);
    await expect(keys.exportRoot(actor, 'short', write)).rejects.toThrow(/at least 15/);
    await expect(keys.exportRoot(actor, passphrase, () => Promise.reject(new Error('the disk is full')))).rejects.toThrow(/disk is full/);
    await expect(keys.removeRoot(actor)).rejects.toThrow(/never exported/);
    await keys.exportRoot(actor, passphrase, write);
    await keys.removeRoot(actor);
    expect(await owner.call(routes.getAuthority)).toMatchObject({ roots: [{ key: 'removed', exportedAt: expect.any(String) }] });
    await holdsSession(await enrolled(controller, owner), controller);
    const intermediate = { body: { kind: 'intermediate' } };
    expect(await owner.ask(routes.prepareAuthority, intermediate)).toMatchObject({
      status: 409,
      body: { code: 'AUTHORITY_STEP_REFUSED', detail: expect.stringContaining('authority.js import-root') },
    });
    await expect(keys.importRoot(actor, file, 'another passphrase of a test')).rejects.toThrow(/passphrase is another/);
    await keys.importRoot(actor, file, passphrase);
    expect(await owner.call(routes.prepareAuthority, intermediate)).toMatchObject({ phase: 'prepared', roots: [{ key: 'here' }] });
    const { items } = await owner.call(routes.listAudit, { query: { limit: '200' } });
    expect(items.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['authority.root-exported', 'authority.root-removed', 'authority.root-imported', 'authority.prepared']),
    );
    expect(JSON.stringify(items)).not.toContain('PRIVATE');
    const { secret } = await owner.call(routes.createToken, { body: { name: 'metrics', role: 'viewer', tenantId: null } });
    const metrics = await (await fetch(`${controller.origin}/metrics`, { headers: { authorization: `Bearer ${secret}` } })).text();
    expect(metrics).toMatch(/ctfleet_authority_certificate_end_timestamp_seconds\{kind="root",name="CN=ctfleet root [0-9a-f]+"\} \d+/);
    expect(metrics.match(/certificate_end_timestamp_seconds\{kind="intermediate"/g)).toHaveLength(2);
    await controller.stop();
  });
});

describe('a controller does not start', () => {
  it('with another key than its database’s authority is encrypted with, and says what to do', async () => {
    const url = await postgres.newDatabase();
    await (await TestController.start({ CTFLEET_DATABASE_URL: url, CTFLEET_AUTHORITY_KEY: KEY })).stop();
    await expect(TestController.start({ CTFLEET_DATABASE_URL: url })).rejects.toThrow(/encrypted with another key than .*authority\.key/);
    const again = await TestController.start({ CTFLEET_DATABASE_URL: url, CTFLEET_AUTHORITY_KEY: KEY });
    await again.stop();
  });

  it('with a key in the environment that is none, or in a file that is not there, or both', async () => {
    const url = await postgres.newDatabase();
    await expect(TestController.start({ CTFLEET_DATABASE_URL: url, CTFLEET_AUTHORITY_KEY: 'short' })).rejects.toThrow(/32 random bytes/);
    const file = path.join(os.tmpdir(), 'ctfleet-no-such-key');
    await expect(TestController.start({ CTFLEET_DATABASE_URL: url, CTFLEET_AUTHORITY_KEY_FILE: file })).rejects.toThrow(/cannot be read/);
    await expect(
      TestController.start({ CTFLEET_DATABASE_URL: url, CTFLEET_AUTHORITY_KEY_FILE: file, CTFLEET_AUTHORITY_KEY: KEY }),
    ).rejects.toThrow(/both set/);
  });

  it('where the key of an earlier version’s authority is not that of its certificate, and takes nothing from it', async () => {
    const stateDir = await oldStateFolder();
    await writeFile(path.join(stateDir, 'ca.key.pem'), (await oldAuthority(Date.now())).key);
    const url = await postgres.newDatabase();
    await expect(TestController.start({ CTFLEET_DATABASE_URL: url }, { stateDir })).rejects.toThrow(/is not the key of ca\.cert\.pem/);
    expect(await postgres.query(url, 'SELECT 1 FROM authority_state')).toEqual([]);
    await rm(stateDir, { recursive: true, force: true });
  });
});
