import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Route } from '../../../proto/http/route.ts';
import { routes } from '../../../proto/http/routes.ts';
import { enrol, FakeAgent, makeFlows } from '../../support/controller-fake-agent.ts';
import { makePlace, TestController, type Person } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';
import { setUpTotp, Visitor } from '../../support/sign-in.ts';
import { totpOf } from '../../support/totp.ts';

const UNKNOWN = '01a00000-0000-7000-8000-000000000000';
const all = Object.entries<Route>(routes) as [keyof typeof routes, Route][];
const marked = all.filter(([, route]) => route.needsProof);

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let plain: Person;
let visitor: Visitor;
let uri: string;
let aheadMs = 0;

beforeAll(async () => {
  postgres = await openTestDatabases();
  url = await postgres.newDatabase();
  controller = await TestController.start({ CTFLEET_DATABASE_URL: url }, { clock: () => Date.now() + aheadMs });
  plain = await controller.person('plain', [{ role: 'owner', tenantId: null }]);
  await controller.person('careful', [{ role: 'owner', tenantId: null }]);
  visitor = new Visitor(controller);
  await visitor.enter('careful@example.net');
  ({ uri } = await setUpTotp(visitor));
});
beforeEach(() => {
  aheadMs = 0;
});
afterAll(async () => {
  await controller.stop();
  await postgres.stop();
});

const ask = async (who: Person, route: Route): Promise<string | undefined> =>
  ((await who.ask(route, { params: { id: UNKNOWN, gatewayId: UNKNOWN }, body: route.body && {} })).body as { code?: string } | undefined)
    ?.code;

async function prove(): Promise<void> {
  await postgres.query(url, `DELETE FROM rate_limit WHERE key LIKE 'code-once:%'`);
  const answer = await visitor.post('two-factor/verify-totp', { code: totpOf(uri) });
  expect(answer.status).toBe(200);
}

describe('a proof no older than five minutes', () => {
  it('is asked for by these routes and no others', () => {
    expect(Object.fromEntries(marked.map(([name, route]) => [name, route.needsProof]))).toEqual({
      invitePerson: true,
      updatePerson: true,
      suspendPerson: true,
      resumePerson: true,
      createSignInLink: true,
      removePerson: true,
      createGroup: true,
      updateGroup: true,
      removeGroup: true,
      createServiceAccount: true,
      updateServiceAccount: true,
      rotateServiceAccount: true,
      endEarlierSecret: true,
      suspendServiceAccount: true,
      resumeServiceAccount: true,
      removeServiceAccount: true,
      createProvider: true,
      updateProvider: true,
      removeProvider: true,
      removeSecondFactors: true,
      updateTenant: true,
      createReenrolmentToken: true,
      runPlan: 'whole-tables',
      approvePlan: 'unless-signed',
      applyPolicy: true,
      updateLimits: true,
      approveRemediation: true,
      prepareAuthority: true,
      switchAuthority: true,
      retireAuthority: true,
      backAuthority: true,
      createPasskeyOptions: 'of-what-is-there',
      addPasskey: 'of-what-is-there',
      removePasskey: true,
      createToken: true,
    });
  });

  it.each(marked.filter(([, route]) => route.needsProof !== 'whole-tables'))(
    'is asked for by %s, which does nothing without',
    async (_, route) => {
      await prove();
      expect(await ask(visitor.person, route)).not.toBe('STEP_UP_REQUIRED');
      aheadMs = 300_500;
      expect(await ask(visitor.person, route)).toBe('STEP_UP_REQUIRED');
      // Who has no second factor, and of whom none is demanded, is not asked.
      expect(await ask(plain, route)).not.toBe('STEP_UP_REQUIRED');
    },
  );

  it.each(all.filter(([, route]) => !route.needsProof && !route.isStream))('is not asked for by %s', async (_, route) => {
    aheadMs = 300_500;
    expect(await ask(visitor.person, route)).not.toBe('STEP_UP_REQUIRED');
  });

  it('is asked for where a plan of whole tables is run, and the refused run leaves the plan as it was', async () => {
    const { joinToken } = await makePlace(plain, 'Acme', 'gw1');
    const authority = controller.root;
    const agent = new FakeAgent(await enrol(controller.enrolAddress, authority, joinToken));
    agent.flows = makeFlows(5);
    await agent.connect(controller.linkAddress);
    const plan = await plain.call(routes.createPlan, { body: { all: true, reason: 'r' } });
    const run = { params: { id: plan.id }, body: { digest: plan.digest } };
    aheadMs = 300_500;
    expect(await visitor.person.ask(routes.runPlan, run)).toMatchObject({ status: 403, body: { code: 'STEP_UP_REQUIRED' } });
    await prove();
    expect(((await visitor.person.ask(routes.runPlan, run)).body as { code: string }).code).toBe('APPROVAL_NEEDED');
    agent.disconnect();
  });

  it('is not asked of tokens, to which what only people decide is closed anyway', async () => {
    await prove();
    const { secret } = await visitor.person.call(routes.createToken, { body: { name: 't', role: 'owner' } });
    aheadMs = 300_500;
    const answer = await fetch(`${controller.origin}/api/v1/tenants`, { headers: { authorization: `Bearer ${secret}` } });
    expect(answer.status).toBe(200);
  });
});
