import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sessionCookie } from '../../../client/sign-in.ts';
import type { Route } from '../../../proto/http/route.ts';
import { routes } from '../../../proto/http/routes.ts';
import { isAllowed, ROLES, type Role } from '../../../proto/model/access.ts';
import { eventually, makePlace, PASSWORD, startWithOwner, Person, TestController } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';

const UNKNOWN = '01a00000-0000-7000-8000-000000000000';
const SOME_TIME = { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' };

const SAVED = { tenantId: UNKNOWN, document: { name: 'r', trigger: { kind: 'manual' }, filter: 'proto:udp' } };
const POLICY = {
  tenantId: UNKNOWN,
  target: { level: 'tenant' },
  document: 'apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: p }\nspec: {}\n',
};

const RULES = {
  tenantId: UNKNOWN,
  target: { level: 'tenant' },
  document: 'apiVersion: ctfleet/v1\nkind: AlertRules\nmetadata: { name: r }\nspec: { rules: {} }\n',
};

const WINDOW = {
  tenantId: UNKNOWN,
  target: { level: 'tenant' },
  name: 'w',
  when: { kind: 'cron', cron: '0 3 * * *', minutes: 60 },
};

const EXPECTATION = {
  id: 1,
  proto: 'tcp',
  src: { address: '198.51.100.1' },
  dst: { address: '10.0.0.1', port: 4000 },
  master: { proto: 'tcp', src: { address: '10.0.0.1', port: 4711 }, dst: { address: '198.51.100.1', port: 21 } },
  helper: 'ftp',
  timeoutSeconds: 300,
  isPermanent: false,
};
const CREDENTIAL = { id: 'AA', rawId: 'AA', type: 'public-key', response: { clientDataJSON: 'AA', attestationObject: 'AA' } };

/** A well-formed request for each route that takes an input; a route that is missing here fails the walk. */
/** Of every route: a path takes those that it names. */
const ANY = { id: UNKNOWN, gatewayId: UNKNOWN };
const INPUTS: Record<keyof typeof routes, { query?: Record<string, string>; body?: unknown }> = {
  listReceivers: {},
  createReceiver: {
    body: { name: 'night desk', kind: 'email', severities: ['critical'], addresses: ['a@example.net'], tenantId: UNKNOWN },
  },
  updateReceiver: { body: { revision: 1 } },
  deleteReceiver: {},
  testReceiver: {},
  listDeliveries: {},
  retryDelivery: {},
  listWanEvents: {},
  getWanEvent: {},
  listPeople: {},
  invitePerson: { body: { name: 'P', email: 'p@example.net', grants: [{ role: 'viewer', tenantId: UNKNOWN }] } },
  updatePerson: { body: { name: 'P' } },
  suspendPerson: {},
  resumePerson: {},
  createSignInLink: {},
  removePerson: {},
  listGroups: {},
  getGroup: {},
  createGroup: { body: { name: 'g', grants: [{ role: 'viewer', tenantId: UNKNOWN }] } },
  updateGroup: { body: { revision: 1 } },
  removeGroup: {},
  listServiceAccounts: {},
  createServiceAccount: { body: { name: 's', purpose: 'p', role: 'viewer', tenantId: UNKNOWN } },
  updateServiceAccount: { body: { name: 's' } },
  rotateServiceAccount: { body: {} },
  endEarlierSecret: {},
  suspendServiceAccount: {},
  resumeServiceAccount: {},
  removeServiceAccount: {},
  listProviders: {},
  createProvider: { body: { name: 'P', issuer: 'https://id.example', clientId: 'x' } },
  updateProvider: { body: { name: 'P' } },
  testProvider: {},
  removeProvider: {},
  removeSecondFactors: {},
  listTenants: {},
  createTenant: { body: { name: 'Other' } },
  updateTenant: { body: { demandsSecondFactor: false } },
  listSites: {},
  createSite: { body: { tenantId: UNKNOWN, name: 'S' } },
  listGateways: {},
  getGateway: {},
  getNeighbours: {},
  getOverview: {},
  updateGateway: { body: { tags: ['x'] } },
  revokeGateway: {},
  reinstateGateway: {},
  listSamples: { query: SOME_TIME },
  getGatewayPolicy: {},
  explainTracking: { query: { proto: 'udp', src: '10.0.0.1', dst: '10.0.0.2' } },
  listExpectations: {},
  deleteExpectations: { body: { items: [EXPECTATION], reason: 'r' } },
  watchFleet: {},
  createEnrolmentToken: { body: { siteId: UNKNOWN, gatewayName: 'g' } },
  createReenrolmentToken: { body: {} },
  listEnrolmentTokens: {},
  revokeEnrolmentToken: {},
  createRollout: { body: { tenantId: UNKNOWN, namePattern: 'gw{n}', maxGateways: 2 } },
  listRollouts: {},
  getRollout: {},
  revokeRollout: {},
  listEnrolments: {},
  approveEnrolment: { body: { fingerprint: 'f' } },
  refuseEnrolment: {},
  searchFlows: { body: { scope: { gateways: [UNKNOWN] } } },
  watchSearch: { body: { scope: { gateways: [UNKNOWN] } } },
  createPlan: { body: { filter: 'proto:udp', scope: { gateways: [UNKNOWN] }, reason: 'r' } },
  getPlan: {},
  listPlanFlows: {},
  runPlan: { body: { digest: 'd' } },
  approvePlan: { body: { digest: 'd' } },
  createApprovalOptions: { body: { digest: 'd' } },
  listFlushes: {},
  getFlush: {},
  watchFlush: {},
  cancelFlush: {},
  stopFlushes: { body: { tenant: UNKNOWN } },
  undoFlush: {},
  retryFlush: {},
  listBlocks: {},
  liftBlock: {},
  getLimits: {},
  updateLimits: { body: { flows: 9 } },
  listAudit: {},
  getAuditEntry: {},
  listAuditFlows: {},
  verifyAudit: {},
  listCheckpoints: {},
  exportAudit: {},
  listRemediations: {},
  listBuiltInRemediations: {},
  getRemediation: {},
  createRemediation: { body: SAVED },
  updateRemediation: { body: { revision: 1 } },
  deleteRemediation: {},
  approveRemediation: { body: { revision: 1 } },
  checkRemediation: { body: SAVED },
  runRemediation: {},
  listRemediationRuns: {},
  getRemediationRun: {},
  listRemediationRunFlows: {},
  listPolicies: {},
  getPolicy: {},
  createPolicy: { body: POLICY },
  updatePolicy: { body: { revision: 1 } },
  deletePolicy: {},
  listPolicyRevisions: {},
  checkPolicy: { body: POLICY },
  listAlerts: {},
  getAlert: {},
  acknowledgeAlert: { body: {} },
  assignAlert: { body: { personId: null } },
  noteAlert: { body: { note: 'n' } },
  silenceAlert: { body: { until: null } },
  listAlertRules: {},
  getAlertRules: {},
  createAlertRules: { body: RULES },
  updateAlertRules: { body: { revision: 1 } },
  deleteAlertRules: {},
  checkAlertRules: { body: RULES },
  getGatewayAlertRules: {},
  listMaintenanceWindows: {},
  createMaintenanceWindow: { body: WINDOW },
  deleteMaintenanceWindow: {},
  planPolicy: { body: {} },
  planNewPolicy: { body: POLICY },
  applyPolicy: { body: { digest: 'd', reason: 'r' } },
  listPolicyRollouts: {},
  getPolicyRollout: {},
  watchPolicyRollout: {},
  getRolloutDifference: {},
  cancelPolicyRollout: {},
  undoPolicyRollout: {},
  listPolicyStates: {},
  resolveDrift: { body: { paths: ['table.max'], way: 'restore' } },
  adoptPolicy: {},
  getAuthority: {},
  prepareAuthority: { body: {} },
  switchAuthority: { body: {} },
  retireAuthority: { body: {} },
  backAuthority: { body: {} },
  getMail: {},
  testMail: {},
  getRetention: {},
  getMe: {},
  getAccount: {},
  endSession: {},
  endOtherSessions: {},
  createPasskeyOptions: { body: { password: 'a guess of a password' } },
  addPasskey: { body: { name: 'k', response: CREDENTIAL } },
  renamePasskey: { body: { name: 'k' } },
  removePasskey: {},
  listTokens: {},
  createToken: { body: { name: 't', role: 'viewer' } },
  revokeToken: {},
};
const all = Object.entries(routes) as [keyof typeof routes, Route][];
const withId = all.filter(([name]) => routes[name].path.includes('{id}'));

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

describe('every route', () => {
  it.each(all)('%s rejects callers with no token and with a false token', async (name, route) => {
    const input = { params: ANY, ...INPUTS[name] };
    const falseToken = new Person(controller.origin, { authorization: `Bearer ctfp_${UNKNOWN.replaceAll('-', '')}_${'A'.repeat(43)}` });
    for (const caller of [controller.nobody, falseToken]) {
      const answer = await caller.ask(route, input);
      expect(answer.status).toBe(401);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.body).toMatchObject({ code: 'UNAUTHENTICATED', status: 401 });
    }
  });

  it.each(withId)('%s says the same of an unknown id whoever asks for it', async (name, route) => {
    if (route.isStream && name === 'watchFleet') return;
    const answer = await owner.ask(route, { params: ANY, ...INPUTS[name] });
    expect(answer).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
  });

  it.each(all.filter(([, route]) => route.body))('%s refuses a body with an extra field, and says where it is', async (name, route) => {
    const answer = await owner.ask(route, { params: ANY, body: { ...(INPUTS[name].body as object), surprise: 1 } });
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST', issues: [{ path: 'body' }] } });
  });

  it('has a single public spelling: the router’s own form of a verb leads nowhere', async () => {
    for (const path of [
      `/plans/${UNKNOWN}/~run`,
      `/plans/${UNKNOWN}/%7erun`,
      `/plans/${UNKNOWN}/run`,
      '/flows/~search',
      '/FLOWS:search',
      '/flows:search/',
    ]) {
      const answer = await fetch(`${controller.origin}/api/v1${path}`, { method: 'POST' });
      expect([path, answer.status]).toEqual([path, 404]);
    }
  });
});

describe.each(ROLES)('a person who is %s of one tenant', (role: Role) => {
  let person: Person;
  let own: { tenantId: string };
  beforeAll(async () => {
    own = await makePlace(owner, `Tenant of ${role}`, 'gw1');
    person = await controller.person(`the-${role}`, [{ role, tenantId: own.tenantId }]);
  });

  it.each(all.filter(([, route]) => !route.isStream))('may %s exactly if the table of actions says so', async (name, route) => {
    const ownBodies: Partial<Record<keyof typeof routes, unknown>> = {
      createToken: { name: 't', role, tenantId: own.tenantId },
      createGroup: { name: 'g', grants: [{ role: 'viewer', tenantId: own.tenantId }] },
      createServiceAccount: { name: 's', purpose: 'p', role: 'viewer', tenantId: own.tenantId },
      invitePerson: { name: 'P', email: `invited-by-${role}@example.net`, grants: [{ role: 'viewer', tenantId: own.tenantId }] },
    };
    const body = ownBodies[name] ?? INPUTS[name].body;
    const answer = await person.ask(route, { params: ANY, query: INPUTS[name].query, body });
    const isForbidden = answer.status === 403 && (answer.body as { code: string }).code === 'FORBIDDEN';
    // These require a role over all tenants in addition to the action.
    const isOfAll = ['createTenant', 'testMail', 'listProviders', 'createProvider'].includes(name) || route.path.startsWith('/authority');
    expect(isForbidden).toBe(!isAllowed(role, route.action) || isOfAll);
  });

  it('sees its own tenant and no other', async () => {
    const tenants = await person.call(routes.listTenants);
    expect(tenants.items.map((tenant) => tenant.id)).toEqual([own.tenantId]);
    const sites = await person.call(routes.listSites);
    expect(new Set(sites.items.map((site) => site.tenantId))).toEqual(new Set([own.tenantId]));
  });
});

describe('sessions and tokens', () => {
  it('a wrong password and an unknown address are refused alike, and both are in the audit trail', async () => {
    const wrong = await controller.attempt('owner@example.net', 'not the password at all');
    const unknown = await controller.attempt('nobody@example.net', 'not the password at all');
    expect([wrong.status, unknown.status]).toEqual([401, 401]);
    const { traceId: _, ...said } = (await wrong.json()) as Record<string, unknown>;
    expect(await unknown.json()).toEqual({ ...said, traceId: expect.any(String) });
    const audit = await owner.call(routes.listAudit, { query: { action: 'session.refused' } });
    expect(audit.items.map((entry) => entry.actor.name)).toEqual(['nobody@example.net', 'owner@example.net']);
  });

  it('the session cookie is same-site, and no script can read it', async () => {
    const response = await controller.attempt('owner@example.net', PASSWORD);
    expect(response.headers.getSetCookie().join()).toMatch(/HttpOnly; SameSite=Strict/i);
  });

  it('nobody can sign up, and no other endpoint of the sign-in library is reachable', async () => {
    for (const path of [
      'sign-up/email',
      'ok',
      'list-sessions',
      'update-user',
      'request-password-reset',
      'verify-email',
      'sign-in/social',
      'sign-up/../sign-up/email',
      'two-factor/get-totp-uri',
      'two-factor/send-otp',
      'two-factor/verify-otp',
      'two-factor/view-backup-codes',
      'two-factor/challenged-person',
    ]) {
      const response = await fetch(`${controller.origin}/api/auth/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: 'new@example.net', password: PASSWORD, name: 'New' }),
      });
      expect([path, response.status]).toEqual([path, 404]);
    }
  });

  it('repeated guesses at one account are blocked', async () => {
    await controller.person('guessed', []);
    const statuses = [];
    for (let guess = 0; guess < 12; guess++)
      statuses.push((await controller.attempt('guessed@example.net', `wrong password ${guess}`)).status);
    expect(statuses.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 401));
    expect(statuses.slice(10)).toEqual([429, 429]);
    expect((await controller.attempt('guessed@example.net', PASSWORD)).status).toBe(429);
  });

  it('a page of another site cannot make a signed-in browser change anything', async () => {
    const cookie = sessionCookie(await controller.attempt('owner@example.net', PASSWORD));
    for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }]) {
      const answer = await new Person(controller.origin, { cookie, ...headers } as unknown as Record<string, string>).ask(
        routes.createTenant,
        { body: { name: 'Evil' } },
      );
      expect(answer).toMatchObject({ status: 403, body: { code: 'CROSS_SITE_REFUSED' } });
    }
    expect((await controller.attempt('owner@example.net', PASSWORD, { origin: 'https://evil.example' })).status).toBe(403);
  });

  it('a token has its own role, is shown once, is never stronger than its maker, and can be revoked at once', async () => {
    const { tenantId } = await makePlace(owner, 'Token tenant', 'gw1');
    const operator = await controller.person('tokenmaker', [{ role: 'operator', tenantId }]);
    for (const grant of [
      { role: 'owner', tenantId },
      { role: 'operator', tenantId: null },
      { role: 'auditor', tenantId },
    ]) {
      expect(await operator.ask(routes.createToken, { body: { name: 'too strong', ...grant } })).toMatchObject({ status: 403 });
    }
    const made = await operator.call(routes.createToken, { body: { name: 'script', role: 'viewer', tenantId } });
    const script = new Person(controller.origin, { authorization: `Bearer ${made.secret}` });
    expect(await script.call(routes.getMe)).toMatchObject({ kind: 'token', grants: [{ role: 'viewer', tenantId }] });
    expect(await script.ask(routes.searchFlows, { body: {} })).toMatchObject({ status: 403 });
    expect(JSON.stringify((await operator.call(routes.listTokens)).items)).not.toContain(made.secret);
    expect(await postgres.query(url, 'SELECT * FROM api_token')).not.toContainEqual(expect.objectContaining({ secret: expect.anything() }));
    await operator.call(routes.revokeToken, { params: { id: made.id } });
    expect(await script.ask(routes.getMe)).toMatchObject({ status: 401 });
  });

  it('decisions on people, tokens, limits and second persons are closed to every token, with an explanation', async () => {
    const { secret, id } = await owner.call(routes.createToken, { body: { name: 'strongest', role: 'owner' } });
    const script = new Person(controller.origin, { authorization: `Bearer ${secret}` });
    const forPeople = all.filter(([, route]) => route.isForPeople);
    expect(forPeople.map(([name]) => name).toSorted()).toEqual([
      'addPasskey',
      'approveEnrolment',
      'approvePlan',
      'backAuthority',
      'createApprovalOptions',
      'createGroup',
      'createPasskeyOptions',
      'createProvider',
      'createServiceAccount',
      'createSignInLink',
      'createToken',
      'endEarlierSecret',
      'endOtherSessions',
      'endSession',
      'getAccount',
      'invitePerson',
      'listProviders',
      'listTokens',
      'prepareAuthority',
      'refuseEnrolment',
      'removeGroup',
      'removePasskey',
      'removePerson',
      'removeProvider',
      'removeSecondFactors',
      'removeServiceAccount',
      'renamePasskey',
      'resumePerson',
      'resumeServiceAccount',
      'retireAuthority',
      'revokeToken',
      'rotateServiceAccount',
      'suspendPerson',
      'suspendServiceAccount',
      'switchAuthority',
      'testMail',
      'testProvider',
      'updateGroup',
      'updateLimits',
      'updatePerson',
      'updateProvider',
      'updateServiceAccount',
      'updateTenant',
    ]);
    for (const [name, route] of forPeople) {
      expect(await script.ask(route, { params: { ...ANY, id }, ...INPUTS[name] })).toMatchObject({
        status: 403,
        body: { code: 'FORBIDDEN', detail: expect.stringContaining('Sign in to the console') },
      });
    }
    expect(await script.ask(routes.getMe)).toMatchObject({ status: 200 });
  });

  it('a token loses what its maker loses', async () => {
    const { tenantId } = await makePlace(owner, 'Demotion', 'gw1');
    const admin = await controller.person('demoted', [{ role: 'admin', tenantId }]);
    const { secret } = await admin.call(routes.createToken, { body: { name: 'script', role: 'admin', tenantId } });
    const script = new Person(controller.origin, { authorization: `Bearer ${secret}` });
    expect(await script.ask(routes.listEnrolmentTokens)).toMatchObject({ status: 200 });
    await postgres.query(url, `UPDATE role_grant SET role = 'viewer' WHERE tenant_id = $1`, [tenantId]);
    expect(await script.ask(routes.listEnrolmentTokens)).toMatchObject({ status: 403 });
  });

  it('an open stream is cut within five seconds of a lost session', async () => {
    const person = await controller.person('watcher', [{ role: 'viewer', tenantId: null }]);
    const stream = await person.watch(routes.watchFleet);
    expect(await stream.until((event: { kind: string }) => event.kind === 'heartbeat')).toMatchObject({ kind: 'heartbeat' });
    await postgres.query(url, `DELETE FROM session WHERE user_id = (SELECT id FROM "user" WHERE email = 'watcher@example.net')`);
    const cutAt = performance.now();
    expect(await stream.until(() => false)).toBeUndefined();
    expect(performance.now() - cutAt).toBeLessThan(5000);
  });

  it('a refused action is in the audit trail', async () => {
    const viewer = await controller.person('curious', [{ role: 'viewer', tenantId: null }]);
    await viewer.ask(routes.createTenant, { body: { name: 'Mine' } });
    const [entry] = (await owner.call(routes.listAudit, { query: { action: 'access.denied' } })).items;
    expect(entry).toMatchObject({ actor: { name: 'curious' }, detail: { action: 'tenants.write' }, outcome: 'refused' });
  });
});

describe('the public endpoints', () => {
  it('reveal nothing about any tenant, and are the only ones', async () => {
    expect(await (await fetch(`${controller.origin}/healthz`)).json()).toEqual({ status: 'ok' });
    expect(await (await fetch(`${controller.origin}/readyz`)).json()).toEqual({ status: 'ok' });
    expect((await fetch(`${controller.origin}/metrics`)).status).toBe(401);
    expect(((await (await fetch(`${controller.origin}/api/openapi.json`)).json()) as { openapi: string }).openapi).toBe('3.1.0');
    expect((await fetch(`${controller.origin}/api/v1/nothing`)).status).toBe(404);
  });

  it('metrics use node_exporter’s names, for those who may read them', async () => {
    const { secret } = await owner.call(routes.createToken, { body: { name: 'prometheus', role: 'viewer' } });
    const response = await eventually('metrics', async () =>
      fetch(`${controller.origin}/metrics`, { headers: { authorization: `Bearer ${secret}` } }),
    );
    expect(response.headers.get('content-type')).toContain('text/plain');
    expect(await response.text()).toContain('# TYPE node_nf_conntrack_entries gauge');
  });
});
