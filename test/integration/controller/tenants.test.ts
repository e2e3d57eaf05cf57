import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../../proto/http/routes.ts';
import { Database } from '../../../controller/platform/database.ts';
import { toWireRefused } from '../../../proto/wire/block.ts';
import { newId } from '../../../controller/platform/ids.ts';
import { enrol, FakeAgent, makeFlows } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, startWithOwner, TestController, type Person } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';

const UNKNOWN = '01a00000-0000-7000-8000-000000000000';
const BODIES: Partial<Record<keyof typeof routes, object>> = {
  updateTenant: { demandsSecondFactor: false },
  updateGroup: { revision: 1 },
  renamePasskey: { name: 'x' },
  runPlan: { digest: 'd' },
  approvePlan: { digest: 'd' },
  createApprovalOptions: { digest: 'd' },
  updateRemediation: { revision: 1 },
  approveRemediation: { revision: 1 },
  updateReceiver: { revision: 1 },
  updatePolicy: { revision: 1 },
  updateAlertRules: { revision: 1 },
  assignAlert: { personId: null },
  noteAlert: { note: 'n' },
  silenceAlert: { until: null },
  applyPolicy: { digest: 'd', reason: 'r' },
  resolveDrift: { paths: ['table.max'], way: 'restore' },
  approveEnrolment: { fingerprint: 'f' },
  deleteExpectations: {
    items: [
      {
        id: 1,
        proto: 'tcp',
        src: { address: '198.51.100.1' },
        dst: { address: '10.0.0.1' },
        master: { proto: 'tcp', src: { address: '10.0.0.1' }, dst: { address: '198.51.100.1' } },
        isPermanent: false,
      },
    ],
    reason: 'r',
  },
};

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let owner: Person;
let mine: { tenantId: string; agent: FakeAgent; person: Person };
let theirs: {
  tenantId: string;
  siteId: string;
  agent: FakeAgent;
  planId: string;
  flushId: string;
  auditId: string;
  tokenId: string;
  remediationId: string;
  remediationRunId: string;
  blockId: string;
  personId: string;
  rolloutId: string;
  enrolmentId: string;
  providerId: string;
  serviceAccountId: string;
  policyId: string;
  alertId: string;
  wanEventId: string;
  receiverId: string;
  deliveryId: string;
  alertRulesId: string;
  windowId: string;
  policyRolloutId: string;
  groupId: string;
};

async function join(tenantName: string): Promise<{ tenantId: string; siteId: string; agent: FakeAgent; tokenId: string }> {
  const place = await makePlace(owner, tenantName, `${tenantName}-gw`);
  const agent = await FakeAgent.join(controller, place.joinToken);
  agent.flows = makeFlows(3);
  await agent.connect(controller.linkAddress);
  return { ...place, agent };
}

beforeAll(async () => {
  ({ postgres, url, controller, owner } = await startWithOwner());
  const own = await join('mine');
  mine = { ...own, person: await controller.person('admin', [{ role: 'owner', tenantId: own.tenantId }]) };
  const other = await join('theirs');
  const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', scope: { tenants: [other.tenantId] }, reason: 'r' } });
  const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
  await eventually('the flush ends', async () =>
    (await owner.call(routes.getFlush, { params: { id: flushId } })).state === 'verified' ? true : undefined,
  );
  const audit = await owner.call(routes.listAudit, { query: { tenant: other.tenantId } });
  const remediation = await owner.call(routes.createRemediation, {
    body: { tenantId: other.tenantId, document: { name: 'theirs', trigger: { kind: 'manual' }, filter: 'proto:udp' } },
  });
  const { runId } = await owner.call(routes.runRemediation, { params: { id: remediation.id } });
  const refused = toWireRefused({
    anyOf: [[{ field: 'ip', isNot: false, prefixes: [{ family: 4, address: Uint8Array.of(10, 0, 0, 2), bits: 32 }], ranges: [] }]],
    seconds: 60,
  });
  const blockId = newId();
  other.agent.send({
    $case: 'standingBlocks',
    value: {
      blocks: [
        {
          id: blockId,
          planId: '',
          refused,
          flows: 0,
          sinceMs: BigInt(Date.now()),
          untilMs: BigInt(Date.now() + 60_000),
          packetsRefused: 0n,
        },
      ],
    },
  });
  const [since, path] = [BigInt(Date.now()), 'theirs-value'];
  other.agent.send({
    $case: 'policyState',
    value: {
      inForce: { changeId: 'c', policy: 'theirs-policy', documentSha256: '', commandId: '', sinceMs: since },
      drift: [{ path, wanted: '1', actual: '2', sinceMs: since, process: '', isSetAgain: false, isIgnored: false }],
      driftLeft: 0,
      unknown: '',
      pending: undefined,
    },
  });
  await eventually(
    'the drift is listed',
    async () => (await owner.call(routes.listPolicyStates)).items.some(({ drift }) => drift.length === 1) || undefined,
  );
  await eventually('the block is listed', async () => (await owner.call(routes.listBlocks)).items.length === 1 || undefined);
  const { id: personId } = await owner.call(routes.invitePerson, {
    body: { name: 'Theirs', email: 'theirs@example.net', grants: [{ role: 'viewer', tenantId: other.tenantId }] },
  });
  const rollout = await owner.call(routes.createRollout, {
    body: { tenantId: other.tenantId, siteId: other.siteId, namePattern: 'theirs-more{n}', maxGateways: 2 },
  });
  await enrol(controller.enrolAddress, controller.root, rollout.token);
  const { items: enrolments } = await owner.call(routes.listEnrolments, { params: { id: rollout.id } });
  const { id: providerId } = await owner.call(routes.createProvider, {
    body: { name: 'Directory', issuer: 'https://id.example', clientId: 'x' },
  });
  const { id: groupId } = await owner.call(routes.createGroup, {
    body: { name: 'theirs-group', grants: [{ role: 'viewer', tenantId: other.tenantId }], members: [personId] },
  });
  const { id: ofBoth } = await owner.call(routes.invitePerson, {
    body: { name: 'Of both', email: 'both@example.net', grants: [{ role: 'viewer', tenantId: own.tenantId }] },
  });
  const grants = [own, other].map(({ tenantId }) => ({ role: 'viewer', tenantId }));
  await owner.call(routes.createGroup, { body: { name: 'theirs-and-mine', grants, members: [ofBoth] } });
  const { id: serviceAccountId } = await owner.call(routes.createServiceAccount, {
    body: { name: 'theirs-program', purpose: 'p', role: 'viewer', tenantId: other.tenantId },
  });
  await owner.call(routes.createServiceAccount, { body: { name: 'theirs-of-all', purpose: 'p', role: 'viewer', tenantId: null } });
  const policyOf = (tenantId: string | undefined, name: string) =>
    owner.call(routes.createPolicy, {
      body: {
        tenantId,
        target: { level: tenantId === undefined ? 'fleet' : 'tenant' },
        document: `apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: ${name} }\nspec: {}\n`,
      },
    });
  const { id: policyId } = await policyOf(other.tenantId, 'theirs-policy');
  await policyOf(undefined, 'policy-of-all');
  const rulesOf = (tenantId: string | undefined, name: string) =>
    owner.call(routes.createAlertRules, {
      body: {
        tenantId,
        target: { level: tenantId === undefined ? 'fleet' : 'tenant' },
        document: `apiVersion: ctfleet/v1\nkind: AlertRules\nmetadata: { name: ${name} }\nspec: { rules: { drift: { enabled: false } } }\n`,
      },
    });
  const { id: alertRulesId } = await rulesOf(other.tenantId, 'theirs-rules');
  await rulesOf(undefined, 'rules-of-all');
  const { id: windowId } = await owner.call(routes.createMaintenanceWindow, {
    body: {
      tenantId: other.tenantId,
      target: { level: 'tenant' },
      name: 'theirs-window',
      when: { kind: 'cron', cron: '0 3 * * *', minutes: 60 },
    },
  });
  const alertId = newId();
  await postgres.query(
    url,
    `INSERT INTO alert (id, tenant_id, rule, kind, severity, state, fingerprint, title, pending_since, raised_at, changed_at)
     VALUES ('${alertId}', '${other.tenantId}', 'usage-critical', 'usage', 'critical', 'raised', 'theirs', 'theirs-alert',
       now(), now(), now())`,
  );
  await postgres.query(
    url,
    `INSERT INTO alert_transition (id, alert_id, tenant_id, transition, at)
     VALUES (gen_random_uuid(), '${alertId}', '${other.tenantId}', 'raised', now())`,
  );
  const [wanEventId, deliveryId] = [newId(), newId()];
  const { id: receiverId } = await owner.call(routes.createReceiver, {
    body: { tenantId: other.tenantId, name: 'theirs', kind: 'email', severities: ['info'], addresses: ['theirs@example.net'] },
  });
  await postgres.query(
    url,
    `INSERT INTO wan_event (id, gateway_id, tenant_id, site_id, revision, state, wan, began_at, changed_at, reported_at,
       record, run_ids, command_ids)
     VALUES ('${wanEventId}', '${other.agent.gatewayId}', '${other.tenantId}', '${other.siteId}', 1, 'healed', 'theirs',
       now(), now(), now(), '{}', '{}', '{}')`,
  );
  await postgres.query(
    url,
    `INSERT INTO aftermath (id, gateway_id, tenant_id, is_final, watched_at, came_back)
     VALUES ('${newId()}', '${other.agent.gatewayId}', '${other.tenantId}', true, now(), '{}')`,
  );
  await postgres.query(
    url,
    `INSERT INTO delivery (id, tenant_id, alert_id, reason, title, receiver_id, receiver_name, kind, address, state,
       attempts, queued_at, next_attempt_at)
     VALUES ('${deliveryId}', '${other.tenantId}', '${alertId}', 'raised', 'theirs', '${receiverId}', 'theirs', 'email',
       'theirs@example.net', 'failed', 1, now(), now())`,
  );
  await postgres.query(
    url,
    `INSERT INTO alert_state (gateway_id, tenant_id, version, judged_at, rules)
     VALUES (gen_random_uuid(), '${other.tenantId}', 1, now(), '{}')`,
  );
  const policyRolloutId = newId();
  await postgres.query(
    url,
    `INSERT INTO plan (id, subject, tenant_ids, digest, filter, is_everything, method, reason, friction, impact, created_at, expires_at, created_by_id, created_by_name)
     SELECT '${policyRolloutId}', 'policy', tenant_ids, digest, '', false, 'policy', reason, friction, impact, created_at, expires_at, created_by_id, created_by_name
     FROM plan WHERE id = '${plan.id}'`,
  );
  await postgres.query(
    url,
    `INSERT INTO policy_rollout (plan_id, tenant_ids, kind, policy_id, policy_name, policy_revision, with_waves)
     SELECT id, tenant_ids, 'apply', '${policyId}', 'theirs-policy', 1, true FROM plan WHERE id = '${policyRolloutId}'`,
  );
  await owner.call(routes.getPolicyRollout, { params: { id: policyRolloutId } });
  theirs = {
    ...other,
    policyId,
    alertId,
    wanEventId,
    receiverId,
    deliveryId,
    alertRulesId,
    windowId,
    policyRolloutId,
    serviceAccountId,
    groupId,
    personId,
    rolloutId: rollout.id,
    enrolmentId: enrolments[0]!.id,
    providerId,
    blockId,
    remediationId: remediation.id,
    remediationRunId: runId,
    planId: plan.id,
    flushId,
    auditId: audit.items[0]!.id,
  };
});
afterAll(async () => {
  mine.agent.disconnect();
  theirs.agent.disconnect();
  await controller.stop();
  await postgres.stop();
});

describe('what belongs to another tenant', () => {
  it('looks exactly like what does not exist, on every route with an id', async () => {
    const ids: Partial<Record<keyof typeof routes, string>> = {
      getGateway: theirs.agent.gatewayId,
      getNeighbours: theirs.agent.gatewayId,
      updateGateway: theirs.agent.gatewayId,
      revokeGateway: theirs.agent.gatewayId,
      reinstateGateway: theirs.agent.gatewayId,
      createReenrolmentToken: theirs.agent.gatewayId,
      updatePerson: theirs.personId,
      suspendPerson: theirs.personId,
      resumePerson: theirs.personId,
      createSignInLink: theirs.personId,
      removePerson: theirs.personId,
      getGroup: theirs.groupId,
      updateGroup: theirs.groupId,
      removeGroup: theirs.groupId,
      updateServiceAccount: theirs.serviceAccountId,
      rotateServiceAccount: theirs.serviceAccountId,
      endEarlierSecret: theirs.serviceAccountId,
      suspendServiceAccount: theirs.serviceAccountId,
      resumeServiceAccount: theirs.serviceAccountId,
      removeServiceAccount: theirs.serviceAccountId,
      updateProvider: theirs.providerId,
      testProvider: theirs.providerId,
      removeProvider: theirs.providerId,
      removeSecondFactors: theirs.personId,
      updateTenant: theirs.tenantId,
      listSamples: theirs.agent.gatewayId,
      getGatewayPolicy: theirs.agent.gatewayId,
      explainTracking: theirs.agent.gatewayId,
      listExpectations: theirs.agent.gatewayId,
      deleteExpectations: theirs.agent.gatewayId,
      resolveDrift: theirs.agent.gatewayId,
      adoptPolicy: theirs.agent.gatewayId,
      revokeEnrolmentToken: theirs.tokenId,
      getRollout: theirs.rolloutId,
      listEnrolments: theirs.rolloutId,
      approveEnrolment: theirs.enrolmentId,
      refuseEnrolment: theirs.enrolmentId,
      revokeRollout: theirs.rolloutId,
      getPlan: theirs.planId,
      listPlanFlows: theirs.planId,
      runPlan: theirs.planId,
      getFlush: theirs.flushId,
      watchFlush: theirs.flushId,
      cancelFlush: theirs.flushId,
      getAuditEntry: theirs.auditId,
      listAuditFlows: theirs.auditId,
      revokeToken: UNKNOWN,
      endSession: UNKNOWN,
      renamePasskey: UNKNOWN,
      removePasskey: UNKNOWN,
      getRemediation: theirs.remediationId,
      updateRemediation: theirs.remediationId,
      deleteRemediation: theirs.remediationId,
      approveRemediation: theirs.remediationId,
      runRemediation: theirs.remediationId,
      getRemediationRun: theirs.remediationRunId,
      listRemediationRunFlows: theirs.remediationRunId,
      undoFlush: theirs.flushId,
      retryFlush: theirs.flushId,
      approvePlan: theirs.planId,
      createApprovalOptions: theirs.planId,
      getLimits: theirs.tenantId,
      updateLimits: theirs.tenantId,
      liftBlock: theirs.blockId,
      getPolicy: theirs.policyId,
      updatePolicy: theirs.policyId,
      deletePolicy: theirs.policyId,
      listPolicyRevisions: theirs.policyId,
      planPolicy: theirs.policyId,
      applyPolicy: theirs.policyId,
      getWanEvent: theirs.wanEventId,
      updateReceiver: theirs.receiverId,
      deleteReceiver: theirs.receiverId,
      testReceiver: theirs.receiverId,
      retryDelivery: theirs.deliveryId,
      getAlert: theirs.alertId,
      acknowledgeAlert: theirs.alertId,
      assignAlert: theirs.alertId,
      noteAlert: theirs.alertId,
      silenceAlert: theirs.alertId,
      getAlertRules: theirs.alertRulesId,
      updateAlertRules: theirs.alertRulesId,
      deleteAlertRules: theirs.alertRulesId,
      getGatewayAlertRules: theirs.agent.gatewayId,
      deleteMaintenanceWindow: theirs.windowId,
      getPolicyRollout: theirs.policyRolloutId,
      watchPolicyRollout: theirs.policyRolloutId,
      getRolloutDifference: theirs.policyRolloutId,
      cancelPolicyRollout: theirs.policyRolloutId,
      undoPolicyRollout: theirs.policyRolloutId,
    };
    const withId = (Object.keys(routes) as (keyof typeof routes)[]).filter((name) => routes[name].path.includes('{id}'));
    expect(Object.keys(ids).toSorted()).toEqual(withId.toSorted());
    const query = { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z', proto: 'udp', src: '10.0.0.1', dst: '10.0.0.2' };
    for (const name of withId) {
      const body = 'body' in routes[name] ? (BODIES[name] ?? {}) : undefined;
      const [foreign, unknown] = await Promise.all(
        [ids[name]!, UNKNOWN].map((id) =>
          mine.person.ask(routes[name], { params: { id, gatewayId: theirs.agent.gatewayId }, query, body }),
        ),
      );
      const bare = (answer: typeof foreign): object => ({ ...(answer!.body as object), instance: undefined, traceId: undefined });
      expect([name, foreign!.status]).toEqual([name, 404]);
      expect(bare(foreign)).toEqual(bare(unknown));
    }
  });

  it('is refused as a scope, and as a place for a new site or join token', async () => {
    for (const scope of [{ gateways: [theirs.agent.gatewayId] }, { sites: [theirs.siteId] }, { tenants: [theirs.tenantId] }]) {
      for (const route of [routes.searchFlows, routes.watchSearch])
        expect(await mine.person.ask(route, { body: { scope } })).toMatchObject({ status: 404 });
      expect(await mine.person.ask(routes.createPlan, { body: { scope, filter: 'proto:udp', reason: 'r' } })).toMatchObject({
        status: 404,
      });
    }
    expect(await mine.person.ask(routes.createSite, { body: { tenantId: theirs.tenantId, name: 'x' } })).toMatchObject({ status: 404 });
    expect(await mine.person.ask(routes.createEnrolmentToken, { body: { siteId: theirs.siteId, gatewayName: 'x' } })).toMatchObject({
      status: 404,
    });
    const many = { namePattern: 'gw{n}', maxGateways: 2 };
    for (const place of [{ tenantId: theirs.tenantId }, { tenantId: mine.tenantId, siteId: theirs.siteId }])
      expect(await mine.person.ask(routes.createRollout, { body: { ...many, ...place } })).toMatchObject({ status: 404 });
  });

  it('in a plan hides the plan and its flush, even if the flush only touched one’s own gateways', async () => {
    theirs.agent.flows = [];
    try {
      const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'both were asked, one had flows' } });
      const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
      expect((await owner.call(routes.getFlush, { params: { id: flushId } })).tenants).toMatchObject([{ id: mine.tenantId }]);
      for (const route of [routes.getFlush, routes.cancelFlush, routes.undoFlush, routes.watchFlush])
        expect(await mine.person.ask(route, { params: { id: flushId } })).toMatchObject({ status: 404 });
      expect((await mine.person.call(routes.listFlushes)).items.map(({ id }) => id)).not.toContain(flushId);
    } finally {
      theirs.agent.flows = makeFlows(3);
    }
  });

  it('is left out of lists filtered by tenant, even for somebody who may see all', async () => {
    for (const [tenant, sees] of [
      [theirs.tenantId, true],
      [mine.tenantId, false],
    ] as const) {
      expect((await owner.call(routes.listFlushes, { query: { tenant } })).items.some(({ id }) => id === theirs.flushId)).toBe(sees);
      expect(
        (await owner.call(routes.listRemediationRuns, { query: { tenant } })).items.some(({ id }) => id === theirs.remediationRunId),
      ).toBe(sees);
      expect(await mine.person.call(routes.listFlushes, { query: { tenant: theirs.tenantId } })).toMatchObject({ items: [] });
    }
  });

  it('is in no list, no search, no metric and no event', async () => {
    const text = JSON.stringify([
      await mine.person.call(routes.listTenants),
      await mine.person.call(routes.listSites),
      await mine.person.call(routes.listGateways),
      await mine.person.call(routes.listGateways, { query: { text: 'theirs' } }),
      (await mine.person.call(routes.listGateways, { query: { tenant: theirs.tenantId } })).items,
      (await mine.person.call(routes.listGateways, { query: { ids: theirs.agent.gatewayId, order: 'place' } })).items,
      await mine.person.call(routes.getOverview),
      await mine.person.call(routes.getOverview, { query: { tenant: theirs.tenantId } }),
      await mine.person.call(routes.getOverview, { query: { gateway: theirs.agent.gatewayId } }),
      await mine.person.call(routes.getNeighbours, { params: { id: mine.agent.gatewayId } }),
      await mine.person.call(routes.listFlushes),
      await mine.person.call(routes.listEnrolmentTokens),
      await mine.person.call(routes.listRollouts),
      await mine.person.call(routes.listRemediations),
      await mine.person.call(routes.listRemediationRuns),
      await mine.person.call(routes.listPeople),
      await mine.person.call(routes.listGroups),
      await mine.person.call(routes.listServiceAccounts),
      await mine.person.call(routes.listPolicies),
      await mine.person.call(routes.listAlerts),
      await mine.person.call(routes.listAlertRules),
      await mine.person.call(routes.listMaintenanceWindows),
      await mine.person.call(routes.getGatewayAlertRules, { params: { id: mine.agent.gatewayId } }),
      await mine.person.call(routes.listPolicyStates),
      await mine.person.call(routes.listPolicyStates, { query: { gateway: theirs.agent.gatewayId } }),
      await mine.person.call(routes.listAudit),
      await mine.person.call(routes.searchFlows, { body: { filter: '' } }),
      await mine.person.call(routes.searchFlows, { body: { filter: 'tenant:theirs' } }),
    ]);
    expect(text).toContain(mine.tenantId);
    expect(text).toContain('Of both');
    expect(text).not.toContain(theirs.tenantId);
    expect(text).not.toContain(theirs.agent.gatewayId);
    expect(text).not.toContain('theirs-gw');
    expect(text).not.toContain('theirs-group');
    expect(text).not.toContain('theirs-and-mine');
    expect(text).not.toContain('theirs-program');
    expect(text).not.toContain('theirs-of-all');
    expect(text).not.toContain('theirs-policy');
    expect(text).not.toContain('theirs-value');
    expect(text).not.toContain('policy-of-all');
    expect(text).not.toContain('theirs-rules');
    expect(text).not.toContain('theirs-window');
    expect(text).not.toContain('theirs-alert');
    expect(text).not.toContain('rules-of-all');
    const ids = `${mine.agent.gatewayId},${theirs.agent.gatewayId}`;
    const events = await mine.person.watch(routes.watchFleet, {}, { ids, watch: 'overview' });
    const seen: { kind: string; gateway?: { id: string }; gatewayId?: string; figures?: { gateways: number } }[] = [];
    await events.until((event: (typeof seen)[number]) => (seen.push(event), event.kind === 'heartbeat'));
    expect(seen.flatMap((event) => event.gateway?.id ?? [])).toEqual([mine.agent.gatewayId]);
    expect(seen.find(({ kind }) => kind === 'overview')!.figures!.gateways).toBe(1);
    expect(seen.filter(({ kind }) => kind === 'gateway-gone').map(({ gatewayId }) => gatewayId)).toEqual([theirs.agent.gatewayId]);
    expect(JSON.stringify(seen)).not.toMatch(/theirs|Theirs/);
    events.close();
  });
});

describe('the second wall', () => {
  it('stands in front of every table with a tenant: row-level security is forced and has a policy', async () => {
    const open = await postgres.query(
      url,
      `
      SELECT DISTINCT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname IN ('tenant_id', 'tenant_ids') AND NOT a.attisdropped
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid))`,
    );
    expect(open).toEqual([]);
    const guarded = await postgres.query<{ n: string }>(url, `SELECT count(*) AS n FROM pg_policy`);
    expect(Number(guarded[0]!.n)).toBeGreaterThan(15);
  });

  it('reads the caller’s tenants once per statement in every policy, which the planner needs to know', async () => {
    const perRow = await postgres.query(url, `SELECT tablename FROM pg_policies WHERE qual NOT LIKE '%SELECT app_sees_everything()%'`);
    expect(perRow).toEqual([]);
  });

  it('lets the application’s role see nothing without a tenant, and nothing of another', async () => {
    const database = controller.running.app.get(Database);
    const tables = [
      'tenant',
      'site',
      'gateway',
      'wan_event',
      'receiver',
      'delivery',
      'aftermath',
      'link_session',
      'enrolment_token',
      'rollout',
      'enrolment',
      'plan',
      'plan_gateway',
      'plan_chunk',
      'flush',
      'flush_target',
      'command',
      'audit_entry',
      'audit_head',
      'remediation',
      'remediation_run',
      'person_group',
      'person_group_grant',
      'person_group_member',
      'service_account',
      'service_account_secret',
      'policy',
      'policy_revision',
      'policy_state',
      'policy_drift',
      'alert',
      'alert_transition',
      'alert_state',
      'alert_rules',
      'maintenance_window',
    ];
    const count = async (table: string, tenants?: string): Promise<number> => {
      const client = await database.pool.connect();
      try {
        await client.query('BEGIN');
        if (tenants !== undefined) await client.query(`SELECT set_config('app.tenants', $1, true)`, [tenants]);
        return Number((await client.query(`SELECT count(*) AS n FROM "${table}"`)).rows[0].n);
      } finally {
        await client.query('ROLLBACK');
        client.release();
      }
    };
    for (const table of tables) {
      expect([table, await count(table)]).toEqual([table, 0]);
      expect([table, await count(table, UNKNOWN)]).toEqual([table, 0]);
      expect([table, (await count(table, theirs.tenantId)) > 0]).toEqual([table, true]);
    }
  });

  it('lets the application’s role change no audit entry, plan or partition, nor add a second first administrator', async () => {
    const { pool } = controller.running.app.get(Database);
    for (const sql of [
      'UPDATE audit_entry SET summary = $$x$$',
      'DELETE FROM audit_entry',
      'TRUNCATE audit_entry',
      'UPDATE plan SET digest = $$x$$',
      'DELETE FROM plan',
      'DELETE FROM plan_chunk',
      'DELETE FROM first_administrator',
      'UPDATE first_administrator SET "only" = false',
      'ALTER TABLE audit_entry DISABLE ROW LEVEL SECURITY',
    ])
      await expect(pool.query(sql)).rejects.toMatchObject({ code: '42501' });
    const [partition] = await postgres.query<{ name: string }>(
      url,
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'sample'::regclass LIMIT 1`,
    );
    await expect(pool.query(`SELECT * FROM ${partition!.name}`)).rejects.toMatchObject({ code: '42501' });
  });
});
