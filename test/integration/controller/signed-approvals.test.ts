import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Plan } from '../../../proto/http/plans.ts';
import { routes } from '../../../proto/http/routes.ts';
import { verifyTrail } from '../../../controller/audit/trail.ts';
import { Method, type Command } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { Authenticator, type Mischief } from '../../support/authenticator.ts';
import { enrol, FakeAgent, makeFlows } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, PASSWORD, TestController, type Person } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';
import { setUpTotp, Visitor } from '../../support/sign-in.ts';

const ORIGIN = 'https://ctfleet.example.net';

let postgres: TestDatabases;
let controller: TestController;
let ann: Person;
let ben: Visitor;
let key: Authenticator;
let agent: FakeAgent;
let tenantId: string;
let aheadMs = 0;

beforeAll(async () => {
  postgres = await openTestDatabases();
  controller = await TestController.start(
    { CTFLEET_DATABASE_URL: await postgres.newDatabase(), CTFLEET_PUBLIC_URL: ORIGIN },
    { clock: () => Date.now() + aheadMs },
  );
  ann = await controller.person('ann', [{ role: 'owner', tenantId: null }]);
  [ben, key] = await withPasskey('ben');
  const place = await makePlace(ann, 'Acme', 'gw1');
  tenantId = place.tenantId;
  await ann.call(routes.updateLimits, { params: { id: tenantId }, body: { flows: 4 } });
  const authority = controller.root;
  agent = new FakeAgent(await enrol(controller.enrolAddress, authority, place.joinToken));
  agent.flows = makeFlows(9);
});
afterAll(async () => {
  agent?.disconnect();
  await controller.stop();
  await postgres.stop();
});
// A test that moved the clock ended the session.
beforeEach(async () => {
  aheadMs = 0;
  agent.disconnect();
  await agent.connect(controller.linkAddress);
});

async function withPasskey(name: string): Promise<[Visitor, Authenticator]> {
  await controller.person(name, [{ role: 'approver', tenantId: null }]);
  const visitor = new Visitor(controller);
  await visitor.enter(`${name}@example.net`);
  const own = new Authenticator(ORIGIN);
  const response = own.create((await visitor.person.call(routes.createPasskeyOptions, { body: { password: PASSWORD } })) as never);
  await visitor.person.call(routes.addPasskey, { body: { name: 'Key ring', response: response as never } });
  return [visitor, own];
}

const newPlan = (body: object = {}): Promise<Plan> => ann.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r', ...body } });
const of = ({ id, digest }: Plan) => ({ params: { id }, body: { digest } });
const optionsOf = async (plan: Plan, who = ben) => (await who.person.call(routes.createApprovalOptions, of(plan))) as never;
const send = (plan: Plan, signature: unknown, who = ben) =>
  who.person.ask(routes.approvePlan, { params: { id: plan.id }, body: { digest: plan.digest, signature: signature as never } });
const sign = async (plan: Plan, mischief: Mischief = {}, who = ben, by = key) =>
  send(plan, by.use(await optionsOf(plan, who), mischief), who);
const codeOf = async (answer: Promise<{ body: unknown }>) => ((await answer).body as { code?: string }).code;
const isReset = (work: Command['work']) => work?.$case === 'runPlan' && work.value.method === Method.METHOD_RESET;
const entryOf = async (plan: Plan) =>
  (await ann.call(routes.listAudit, { query: { action: 'plan.approved' } })).items.find(({ planId }) => planId === plan.id);

describe('an approval by signature', () => {
  it('is given with one gesture, also where the last proof is old, and counts as a proof itself', async () => {
    const plan = await newPlan();
    expect(plan).toMatchObject({ friction: 'second-person', needsSignature: false });
    aheadMs = 301_000;
    expect(await codeOf(ben.person.ask(routes.approvePlan, of(plan)))).toBe('STEP_UP_REQUIRED');
    expect(await codeOf(ben.person.ask(routes.createToken, { body: { name: 't', role: 'approver' } }))).toBe('STEP_UP_REQUIRED');
    expect(await sign(plan)).toMatchObject({ status: 200, body: { approval: { by: 'ben', passkey: 'Key ring' } } });
    expect((await ben.person.ask(routes.createToken, { body: { name: 't', role: 'approver' } })).status).toBe(201);
    const { flushId } = await ann.call(routes.runPlan, of(plan));
    expect(await ann.call(routes.getFlush, { params: { id: flushId } })).toMatchObject({ approval: { by: 'ben', passkey: 'Key ring' } });
    expect((await ann.call(routes.listAudit, { query: { flush: flushId, action: 'flush.started' } })).items[0]?.detail).toMatchObject({
      approvedBy: 'ben',
      signedWith: 'Key ring',
    });
  });

  it('has the whole assertion in its audit entry', async () => {
    const plan = await newPlan();
    await sign(plan);
    expect(await entryOf(plan)).toMatchObject({
      summary: 'ben agreed to the plan of ann, signed with passkey Key ring',
      detail: {
        digest: plan.digest,
        signature: {
          passkey: 'Key ring',
          credentialId: key.id.toString('base64url'),
          publicKey: Buffer.from(key.spki, 'base64').toString('base64url'),
          rpId: 'ctfleet.example.net',
          origin: ORIGIN,
          expiresAt: plan.expiresAt,
        },
      },
    });
  });

  it('needs the person’s own passkey, verified, on this site, and one that was not copied', async () => {
    const plan = await newPlan();
    for (const mischief of [{ isCopy: true }, { origin: 'https://ctfleet.example.org' }, { isUnverified: true }])
      expect(await codeOf(sign(plan, mischief))).toBe('SECOND_FACTOR_REFUSED');
    expect(await codeOf(sign(plan, {}, ben, new Authenticator(ORIGIN)))).toBe('SECOND_FACTOR_REFUSED');
    const [cleo, cleos] = await withPasskey('cleo');
    expect(await codeOf(sign(plan, {}, ben, cleos))).toBe('SECOND_FACTOR_REFUSED');
    // What was signed for one person is no signature by another, even with that other's own passkey.
    expect(await codeOf(send(plan, cleos.use(await optionsOf(plan)), cleo))).toBe('SECOND_FACTOR_REFUSED');
    expect(await codeOf(send(plan, { ...(key.use(await optionsOf(plan)) as object), id: cleos.id.toString('base64url') }))).toBe(
      'SECOND_FACTOR_REFUSED',
    );
    expect(await entryOf(plan)).toBeUndefined();
    expect((await ann.call(routes.getPlan, { params: { id: plan.id } })).approval).toBeUndefined();
    expect((await ann.call(routes.listAudit, { query: { action: 'session.passkey-refused' } })).items.length).toBeGreaterThan(0);
    expect((await sign(plan)).status).toBe(200);
  });

  it('is of one plan, counts once, and not after the plan expired', async () => {
    const [plan, other] = [await newPlan(), await newPlan()];
    const signature = key.use(await optionsOf(plan));
    expect(await codeOf(send(other, signature))).toBe('SECOND_FACTOR_REFUSED');
    expect((await send(plan, signature)).status).toBe(200);
    expect(await codeOf(send(plan, signature))).toBe('ALREADY_EXISTS');
    expect(await codeOf(ben.person.ask(routes.createApprovalOptions, of(plan)))).toBe('ALREADY_EXISTS');
    const late = key.use(await optionsOf(other));
    aheadMs = 15 * 60_000 + 1;
    expect(await codeOf(send(other, late))).toBe('PLAN_EXPIRED');
    expect(await codeOf(ben.person.ask(routes.createApprovalOptions, of(other)))).toBe('PLAN_EXPIRED');
  });

  it('is no proof and no sign-in, and a proof is no approval', async () => {
    const plan = await newPlan();
    const signature = key.use(await optionsOf(plan));
    expect((await ben.post('passkey/prove', { response: signature })).status).toBe(403);
    expect((await new Visitor(controller).post('passkey/sign-in', { response: signature })).status).toBe(403);
    const proof = key.use((await (await ben.post('passkey/options', { isProof: true })).json()) as never);
    expect(await codeOf(send(plan, proof))).toBe('SECOND_FACTOR_REFUSED');
  });

  it('that was refused proves nothing', async () => {
    const plan = await newPlan();
    aheadMs = 301_000;
    expect(await codeOf(send(plan, key.use(await optionsOf(plan), { isUnverified: true })))).toBe('SECOND_FACTOR_REFUSED');
    expect(await codeOf(send(plan, { id: 'x', rawId: 'x', type: 'public-key', response: {} }))).toBe('INVALID_REQUEST');
    expect(await codeOf(send(plan, null))).toBe('INVALID_REQUEST');
    expect(await codeOf(ben.person.ask(routes.approvePlan, of(plan)))).toBe('STEP_UP_REQUIRED');
  });

  it('is not for its maker, nor where there is no passkey', async () => {
    const plan = await newPlan();
    expect(await ann.ask(routes.createApprovalOptions, of(plan))).toMatchObject({ status: 403 });
    const dee = await controller.person('dee', [{ role: 'approver', tenantId: null }]);
    expect(await dee.ask(routes.createApprovalOptions, of(plan))).toMatchObject({ status: 422, body: { code: 'CAPABILITY_MISSING' } });
    expect(await dee.ask(routes.approvePlan, of(plan))).toMatchObject({ status: 200, body: { approval: { by: 'dee' } } });
    expect((await entryOf(plan))?.detail).toEqual({ digest: plan.digest });
  });
});

describe('a signature is demanded', () => {
  it('where the tenant says so: whoever is only signed in cannot approve', async () => {
    const before = await newPlan();
    await ann.call(routes.updateLimits, { params: { id: tenantId }, body: { approvalsBySignature: true } });
    const plan = await newPlan();
    expect([before.needsSignature, plan.needsSignature]).toEqual([false, true]);
    const coded = new Visitor(controller);
    await controller.person('eva', [{ role: 'approver', tenantId: null }]);
    await coded.enter('eva@example.net');
    await setUpTotp(coded);
    for (const one of [before, plan]) {
      expect(await codeOf(coded.person.ask(routes.approvePlan, of(one)))).toBe('FORBIDDEN');
      expect((await sign(one)).status).toBe(200);
    }
    await ann.call(routes.updateLimits, { params: { id: tenantId }, body: { approvalsBySignature: false } });
  });

  it('by a gateway’s guard file: the plan says so whatever its size, and the command carries the signature', async () => {
    agent.disconnect();
    await agent.connect(controller.linkAddress, {
      capabilities: { can: ['delete', 'reset'], cannot: {} },
      guard: { isReadOnly: false, methods: [], protected: [], isBuiltIn: false, signedFor: ['reset', 'no such'], error: '' },
    });
    await ann.call(routes.updateLimits, { params: { id: tenantId }, body: { flows: null } });
    const gateway = await ann.call(routes.getGateway, { params: { id: agent.gatewayId } });
    expect(gateway.guard).toMatchObject({ signedFor: ['reset'] });
    expect(await newPlan()).toMatchObject({ friction: 'none', needsSignature: false });
    const plan = await newPlan({ method: 'reset' });
    expect(plan).toMatchObject({ friction: 'second-person', needsSignature: true });
    expect(await ann.ask(routes.runPlan, of(plan))).toMatchObject({
      status: 409,
      body: { code: 'APPROVAL_NEEDED', detail: expect.stringContaining('signature') },
    });
    const dee = await controller.signIn('dee@example.net', PASSWORD);
    expect(await codeOf(dee.ask(routes.approvePlan, of(plan)))).toBe('FORBIDDEN');
    await sign(plan);
    await ann.call(routes.runPlan, of(plan));
    const work = await eventually('the command arrives', async () => agent.commands.map((command) => command.work).find(isReset));
    expect(work?.value).toMatchObject({ planId: plan.id, approval: { index: 0, parts: 1, path: [] } });
  });
});

describe('offline', () => {
  it('verify-trail says who signed with which key, from the trail alone', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-trail-'));
    const response = await fetch(`${controller.origin}/api/v1/audit:export?format=ndjson`, { headers: { cookie: ben.cookie } });
    const trail = await response.text();
    const { publicKey } = await ann.call(routes.listCheckpoints);
    const verdict = verifyTrail(trail.trimEnd().split('\n'), publicKey);
    expect(verdict).toMatchObject({
      isIntact: true,
      approvals: { unsigned: 1, keys: [{ person: 'ben', passkey: 'Key ring', publicKey: key.spki }] },
    });
    writeFileSync(path.join(folder, 'trail.ndjson'), trail);
    writeFileSync(path.join(folder, 'key.pem'), publicKey);
    const said = execFileSync(
      process.execPath,
      [path.resolve('tools/verify-trail.ts'), path.join(folder, 'trail.ndjson'), path.join(folder, 'key.pem')],
      { encoding: 'utf8' },
    );
    expect(said).toMatch(/Plans approved by a second person: \d+, of which \d+ signed\.\n {2}\d+ by ben with passkey Key ring, key /);
    rmSync(folder, { recursive: true });
  });
});
