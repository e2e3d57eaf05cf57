import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuthorityService } from '../../../controller/authority/authority.service.ts';
import { Authority } from '../../../controller/identity/authority.ts';
import { makeIntermediate, makeRoot, provenKey } from '../../../controller/identity/certificates.ts';
import { certificatesIn } from '../../../controller/identity/issuers.ts';
import type { AuthorityView } from '../../../proto/http/authority.ts';
import { routes } from '../../../proto/http/routes.ts';
import { enrol, FakeAgent, makeRequest, renew, type Enrolled } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, TestController, type Person } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';
import { oldStateFolder } from '../../support/lone-authority.ts';
import { SleepingAgent } from '../../support/sleeping-agent.ts';

let postgres: TestDatabases;
let stateDir: string;
let one: TestController;
let two: TestController;
let owner: Person;
let places = 0;
const agents: SleepingAgent[] = [];

beforeAll(async () => {
  postgres = await openTestDatabases();
  const env = { CTFLEET_DATABASE_URL: await postgres.newDatabase(), CTFLEET_AUTHORITY_KEY: Buffer.alloc(32, 3).toString('base64') };
  // The fleet of an earlier version, whose authority has no intermediate.
  stateDir = await oldStateFolder();
  one = await TestController.start(env, { stateDir });
  two = await TestController.start(env);
  owner = await one.person('owner', [{ role: 'owner', tenantId: null }]);
});
afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.end()));
  await two.stop();
  await one.stop();
  await rm(stateDir, { recursive: true, force: true });
  await postgres.stop();
});

async function agentNamed(name: string, controller = one): Promise<SleepingAgent> {
  const { joinToken } = await makePlace(owner, `Tenant ${++places}`, name);
  const agent = await SleepingAgent.enrol(name, controller, joinToken);
  agents.push(agent);
  await online(agent);
  return agent;
}

const online = (agent: SleepingAgent): Promise<true> =>
  eventually(`${agent.name} is online`, async () => {
    const { state } = await owner.call(routes.getGateway, { params: { id: agent.gatewayId } });
    return state === 'online' ? true : undefined;
  });
async function comesBack(agent: SleepingAgent, controller = two): Promise<void> {
  await agent.wake(controller);
  await online(agent);
}
async function isGone(agent: SleepingAgent): Promise<void> {
  await agent.sleep();
  await eventually(`${agent.name} is away`, async () => {
    const { state } = await owner.call(routes.getGateway, { params: { id: agent.gatewayId } });
    return state === 'online' ? undefined : true;
  });
}

const view = (): Promise<AuthorityView> => owner.call(routes.getAuthority);
const onIssuer = (role: 'current' | 'next', count: number): Promise<AuthorityView> =>
  eventually(`${count} gateways are on the ${role} issuer`, async () => {
    const now = await view();
    return now.issuers.find((issuer) => issuer.role === role)?.gateways === count ? now : undefined;
  });
const trusts = (agent: SleepingAgent, count: number): Promise<true> =>
  eventually(`${agent.name} trusts ${count} roots`, async () => (certificatesIn(agent.identity.ca).length === count ? true : undefined));

/** An agent of 0.1.0: it trusts what enrolment and renewal gave it as it is, and dials one name. */
async function holdsSession(identity: Enrolled, controller: TestController): Promise<void> {
  const agent = new FakeAgent(identity);
  try {
    await agent.connect(controller.linkAddress);
  } finally {
    agent.disconnect();
  }
}

const refusedByTls = (identity: Enrolled, controller: TestController): Promise<true> =>
  eventually('TLS refuses a certificate', () =>
    holdsSession(identity, controller).then(
      () => Promise.reject(new Error('it was accepted')),
      ({ code }: { code: number }) => (code === 14 ? true : undefined),
    ),
  );

describe('the authority is replaced on a running fleet', () => {
  let awake: SleepingAgent;
  let sleeper: SleepingAgent;
  let inEach: SleepingAgent;
  let old: Enrolled;
  /** As an agent renews: a controller that has not heard of the change yet has it try again. */
  const renewed = async (controller: TestController): Promise<Enrolled> => {
    const request = await makeRequest();
    return eventually('the certificate is renewed', () =>
      renew(controller.linkAddress, old, request).catch((error: { code: number }) => {
        if (error.code === 14) return undefined;
        throw error;
      }),
    );
  };

  it('prepare: both are trusted, agents on the link learn the new root at once, and one that was away comes back', async () => {
    awake = await agentNamed('awake');
    sleeper = await agentNamed('sleeper');
    inEach = await agentNamed('in-each', two);
    const { joinToken } = await makePlace(owner, `Tenant ${++places}`, 'old');
    old = await enrol(one.enrolAddress, (await view()).roots[0]!.certificate, joinToken);
    await holdsSession(old, two);
    expect(await view()).toMatchObject({ phase: 'steady', steps: ['prepare'], roots: [{ source: 'adopted', key: 'signing' }] });
    await isGone(sleeper);
    await isGone(inEach);
    const prepared = await owner.call(routes.prepareAuthority, { body: {} });
    expect(prepared).toMatchObject({ phase: 'prepared', roots: [{ isPinned: true }, { source: 'made', key: 'here', isPinned: false }] });
    await trusts(awake, 2);
    await comesBack(inEach);
    await holdsSession(old, one);
    await isGone(inEach);
  });

  it('switch: the fleet renews by itself under the new one, and whoever slept through prepare and switch still comes back', async () => {
    await owner.call(routes.switchAuthority, { body: {} });
    await onIssuer('next', 1);
    await online(awake);
    await holdsSession(old, two);
    old = await renewed(one);
    await holdsSession(old, two);
    await onIssuer('next', 2);
    const refused = await owner.ask(routes.retireAuthority, { body: {} });
    expect(refused).toMatchObject({ status: 409, body: { code: 'AUTHORITY_STEP_REFUSED' } });
    expect((refused.body as { detail: string }).detail).toContain('2 gateways have not renewed yet: in-each, sleeper.');
    expect((await view()).stranded).toMatchObject({ step: 'retire', total: 2 });
    await comesBack(sleeper);
    await comesBack(inEach, one);
    await onIssuer('next', 4);
    await isGone(inEach);
  });

  it('retire: the old one is no longer trusted, and everybody, away or not, is there', async () => {
    const before = await view();
    await owner.call(routes.retireAuthority, { body: {} });
    await trusts(awake, 1);
    expect(await view()).toMatchObject({ phase: 'steady', roots: [{ source: 'made', key: 'here', isPinned: true }] });
    expect(certificatesIn(awake.identity.ca)[0]).toBe(before.roots.find(({ source }) => source === 'made')!.certificate);
    await comesBack(inEach);
    await holdsSession(old, one);
    await agentNamed('new');
    const { items } = await owner.call(routes.listAudit, { query: { limit: '200' } });
    expect(items.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['authority.prepared', 'authority.switched', 'authority.retired']),
    );
  });

  it('back from each phase: who had renewed renews under the old one again, also after being away', async () => {
    const all = (await view()).issuers.find(({ role }) => role === 'current')!.gateways;
    await owner.call(routes.prepareAuthority, { body: { kind: 'intermediate' } });
    await owner.call(routes.backAuthority, { body: {} });
    expect(await view()).toMatchObject({ phase: 'steady' });
    await owner.call(routes.prepareAuthority, { body: {} });
    await owner.call(routes.switchAuthority, { body: {} });
    // All but the one of 0.1.0, which renews at half of its certificate's life.
    await onIssuer('next', all - 1);
    await isGone(sleeper);
    await owner.call(routes.backAuthority, { body: {} });
    await onIssuer('next', 1);
    expect((await owner.ask(routes.backAuthority, { body: {} })).body).toMatchObject({ detail: expect.stringContaining('sleeper') });
    await comesBack(sleeper);
    await onIssuer('current', all);
    await isGone(sleeper);
    expect(await owner.call(routes.backAuthority, { body: {} })).toMatchObject({ phase: 'steady' });
    await comesBack(sleeper, one);
    await holdsSession(old, two);
    await trusts(awake, 1);
  });

  it('an intermediate is replaced below the same root, which nobody has to learn', async () => {
    const [root] = (await view()).roots;
    await owner.call(routes.prepareAuthority, { body: { kind: 'intermediate' } });
    await owner.call(routes.switchAuthority, { body: {} });
    old = await renewed(one);
    await holdsSession(old, two);
    const all = (await view()).issuers.reduce((sum, { gateways }) => sum + gateways, 0);
    await onIssuer('next', all);
    const after = await owner.call(routes.retireAuthority, { body: {} });
    expect(after.roots).toMatchObject([{ id: root!.id }]);
    await holdsSession(old, one);
    await online(awake);
  });

  it('a gateway may be left behind by name: it is recorded, is refused from then on, and comes back with a join token', async () => {
    await isGone(sleeper);
    await owner.call(routes.prepareAuthority, { body: {} });
    await owner.call(routes.switchAuthority, { body: {} });
    old = await renewed(one);
    await holdsSession(old, two);
    const left = await eventually('only one is missing', async () => {
      const { stranded } = await view();
      return stranded?.total === 1 ? stranded.gateways : undefined;
    });
    expect(left).toMatchObject([{ id: sleeper.gatewayId, name: 'sleeper' }]);
    expect((await owner.ask(routes.retireAuthority, { body: { without: [awake.gatewayId] } })).status).toBe(409);
    await owner.call(routes.retireAuthority, { body: { without: [sleeper.gatewayId] } });
    const { items } = await owner.call(routes.listAudit, { query: { action: 'authority.retired' } });
    expect(items[0]).toMatchObject({ summary: expect.stringContaining('left sleeper to be enrolled again') });
    const { key, certificate } = sleeper.identity;
    const asBefore = { ...old, key, response: { ...old.response, certificatePem: Buffer.from(certificate) } };
    // By TLS, or by the link where the listener has not heard of it yet.
    await expect(holdsSession(asBefore, one)).rejects.toMatchObject({ code: expect.toBeOneOf([14, 16]) });
    await refusedByTls(asBefore, one);
    const { token } = await owner.call(routes.createReenrolmentToken, { params: { id: sleeper.gatewayId }, body: {} });
    await sleeper.wake(one, token);
    await online(sleeper);
  });

  it('a company’s own intermediate takes over, and what else its root vouches for is refused', async () => {
    const root = await makeRoot(Date.now());
    const [ours, sibling] = [await makeIntermediate(root, Date.now()), await makeIntermediate(root, Date.now())];
    const actor = { kind: 'system', id: 'test', name: 'test' };
    const service = one.running.app.get(AuthorityService);
    await expect(service.prepareGiven(actor, ours.certificate, ours.key)).rejects.toThrow(/Nothing was changed/);
    expect((await view()).phase).toBe('steady');
    await service.prepareGiven(actor, ours.certificate + root.certificate, ours.key);
    await owner.call(routes.switchAuthority, { body: {} });
    old = await renewed(two);
    await holdsSession(old, one);
    await eventually('nobody is missing', async () => ((await view()).stranded?.total === 0 ? true : undefined));
    expect((await owner.call(routes.retireAuthority, { body: {} })).roots).toMatchObject([{ source: 'company', key: 'elsewhere' }]);
    await holdsSession(old, two);
    await online(awake);
    const issuer = { id: 'sibling', ...sibling, chain: '', root: root.certificate };
    const foreign = await Authority.of({ rotation: { phase: 'steady', current: issuer.id }, issuers: new Map([[issuer.id, issuer]]) });
    const { key, csr } = await makeRequest();
    const { tenantId } = await owner.call(routes.getGateway, { params: { id: awake.gatewayId } });
    const identity = { tenantId, gatewayId: awake.gatewayId };
    const { certificatePem } = await foreign.issueGateway(await provenKey(csr), identity, 99, Date.now());
    const forger = { ...old, key, response: { ...old.response, certificatePem: Buffer.from(certificatePem) } };
    await expect(holdsSession(forger, one)).rejects.toMatchObject({ code: 14 });
    await online(awake);
  });
});
