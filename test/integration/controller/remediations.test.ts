import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Outcome } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { RemediationRun, RemediationRun_State } from '../../../proto/gen/ctfleet/v1/remediation.ts';
import { routes } from '../../../proto/http/routes.ts';
import { toWireFlow } from '../../../proto/wire/flow.ts';
import { ProcessGroup } from '../../../tools/process-group.ts';
import { startRedis, type Redis } from '../../../tools/redis.ts';
import { FakeAgent, makeFlows } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, Person, TestController } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';

let postgres: TestDatabases;
let redis: Redis;
let url: string;
let controller: TestController;
let owner: Person;
let tenantId: string;
let agent: FakeAgent;
let aheadMs = 0;
const family = new ProcessGroup();

beforeAll(async () => {
  postgres = await openTestDatabases();
  redis = await startRedis();
  family.adopt(redis.pid);
  url = await postgres.newDatabase();
  controller = await TestController.start(
    { CTFLEET_DATABASE_URL: url, CTFLEET_REDIS_URL: redis.url },
    { clock: () => Date.now() + aheadMs },
  );
  owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
  const place = await makePlace(owner, 'Acme', 'gw1');
  ({ tenantId } = place);
  agent = await FakeAgent.join(controller, place.joinToken);
  agent.flows = makeFlows(5);
  agent.onCommand = (command) => agent.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 5 }]);
  await agent.connect(controller.linkAddress);
});
afterAll(async () => {
  agent.disconnect();
  await controller.stop();
  await family.end();
  await postgres.stop();
});

const document = (change: object = {}) => ({
  name: 'WAN down',
  mode: 'auto',
  trigger: { kind: 'wan-down' },
  filter: 'stale:yes wan:$wan',
  ...change,
});
const make = (change: object = {}, more: object = {}) =>
  owner.call(routes.createRemediation, { body: { tenantId, document: document(change), ...more } });
const runOf = (remediation: string) =>
  eventually('a run that has ended', async () => {
    const [run] = (await owner.call(routes.listRemediationRuns, { query: { remediation } })).items;
    return run && run.state !== 'running' ? run : undefined;
  });

describe('a remediation', () => {
  it('is refused with the path of each problem, and nothing is saved', async () => {
    const answer = await owner.ask(routes.createRemediation, {
      body: { tenantId, document: document({ trigger: { kind: 'schedule', cron: '0 2 * *' } }) },
    });
    expect(answer).toMatchObject({
      status: 400,
      body: { code: 'INVALID_REQUEST', issues: [{ path: 'body.document.filter' }, { path: 'body.document.trigger.cron' }] },
    });
    expect((await owner.call(routes.listRemediations)).items).toEqual([]);
  });

  it('reaches the gateways that run it when it is created, changed or switched off, and at each hello', async () => {
    const made = await make();
    await eventually('the agent has it', async () => (agent.remediations.at(-1)?.[0]?.id === made.id ? true : undefined));
    expect(JSON.parse(agent.remediations.at(-1)![0]!.document)).toMatchObject({
      name: 'WAN down',
      trigger: { kind: 'wan-down', wan: '*' },
      filter: 'stale:yes wan:$wan',
    });
    const changed = await owner.call(routes.updateRemediation, {
      params: { id: made.id },
      body: { revision: 1, document: document({ name: 'Another name' }) },
    });
    expect(changed).toMatchObject({ revision: 2, document: { name: 'Another name' } });
    await eventually('the agent has the second', async () => (agent.remediations.at(-1)?.[0]?.revision === 2 ? true : undefined));
    expect(await owner.ask(routes.updateRemediation, { params: { id: made.id }, body: { revision: 1, isEnabled: false } })).toMatchObject({
      status: 409,
    });
    await owner.call(routes.updateRemediation, { params: { id: made.id }, body: { revision: 2, isEnabled: false } });
    await eventually('the agent has none', async () => (agent.remediations.at(-1)?.length === 0 ? true : undefined));
    await owner.call(routes.deleteRemediation, { params: { id: made.id } });
    expect(await owner.ask(routes.getRemediation, { params: { id: made.id } })).toMatchObject({ status: 404 });
    expect((await owner.call(routes.listAudit, { query: { q: 'remediation' } })).items.map((entry) => entry.action)).toEqual([
      'remediation.deleted',
      'remediation.changed',
      'remediation.changed',
      'remediation.made',
    ]);
  });

  it('of another tenant is not found, and one for all tenants is made by those who act on all', async () => {
    const other = await makePlace(owner, 'Other', 'gw9');
    const admin = await controller.person('admin', [{ role: 'admin', tenantId: other.tenantId }]);
    const made = await make();
    expect(await admin.ask(routes.getRemediation, { params: { id: made.id } })).toMatchObject({ status: 404 });
    expect(await admin.ask(routes.createRemediation, { body: { document: document() } })).toMatchObject({ status: 403 });
    expect(await admin.ask(routes.createRemediation, { body: { tenantId, document: document() } })).toMatchObject({ status: 404 });
    await owner.call(routes.deleteRemediation, { params: { id: made.id } });
  });
});

describe('a run that a gateway reports', () => {
  const report = (change: Partial<RemediationRun>) =>
    RemediationRun.fromPartial({
      id: '019b0000-0000-7000-8000-000000000001',
      revision: 1,
      state: RemediationRun_State.STATE_DONE,
      trigger: 'wan1 went down',
      wan: 'wan1',
      triggeredAtMs: BigInt(Date.now() - 5000),
      startedAtMs: BigInt(Date.now() - 4000),
      finishedAtMs: BigInt(Date.now() - 3000),
      matched: 3,
      filter: 'stale:yes wan:wan1',
      method: 1,
      ...change,
    });

  it('is recorded once with every flow named, however often it is repeated, and only then receipted', async () => {
    const made = await make();
    const flows = makeFlows(3).map(toWireFlow);
    const first = report({
      remediationId: made.id,
      part: 0,
      sweeps: [{ number: 1, flows: flows.slice(0, 2), runs: [{ outcome: Outcome.OUTCOME_DELETED, count: 2 }] }],
    });
    const last = report({
      remediationId: made.id,
      part: 1,
      isLastPart: true,
      sweeps: [{ number: 2, flows: flows.slice(2), runs: [{ outcome: Outcome.OUTCOME_REBUILT, count: 1 }] }],
    });
    for (const part of [first, last, first, last]) agent.send({ $case: 'remediationRun', value: part });
    // One for the last part, and one for each that was repeated.
    await eventually('three receipts', async () => (agent.runReceipts.length === 3 ? true : undefined));
    expect(await runOf(made.id)).toMatchObject({
      state: 'done',
      matched: 3,
      ended: 3,
      gatewayName: 'gw1',
      trigger: 'wan1 went down',
      wan: 'wan1',
    });
    const page = await owner.call(routes.listRemediationRunFlows, { params: { id: last.id } });
    expect(page.items.map(({ sweep, outcome }) => [sweep, outcome])).toEqual([
      [1, 'deleted'],
      [1, 'deleted'],
    ]);
    const next = await owner.call(routes.listRemediationRunFlows, { params: { id: last.id }, query: { cursor: page.cursor! } });
    expect(next.items.map(({ sweep, outcome }) => [sweep, outcome])).toEqual([[2, 'rebuilt']]);
    const entries = (await owner.call(routes.listAudit, { query: { action: 'remediation.ran' } })).items;
    expect(entries.map((entry) => entry.summary)).toEqual(['WAN down ended 3 of 3 flows on gw1 (wan1 went down)']);
    expect(agent.runReceipts).toHaveLength(3);
    await owner.call(routes.deleteRemediation, { params: { id: made.id } });
  });
});

describe('a run of the controller', () => {
  it('observes, suggests or acts by its mode, and follows its flush to the end', async () => {
    for (const [mode, expected] of [
      ['observe', { state: 'observed', matched: 5, ended: 0 }],
      ['suggest', { state: 'suggested', matched: 5, ended: 0 }],
      ['auto', { state: 'done', matched: 5, ended: 5 }],
    ] as const) {
      const made = await make({
        name: mode,
        mode,
        trigger: { kind: 'manual' },
        filter: 'proto:udp',
        limits: { maxFlows: 1000, maxPercentOfTable: 100 },
      });
      await owner.call(routes.runRemediation, { params: { id: made.id } });
      const run = await runOf(made.id);
      expect(run).toMatchObject(expected);
      if (mode === 'auto')
        expect(await owner.call(routes.getFlush, { params: { id: run.flushId! } })).toMatchObject({ state: 'verified', createdBy: 'auto' });
    }
  });

  it('is shown to those who watch the fleet, from its beginning to its end', async () => {
    const made = await make({ name: 'watched', mode: 'observe', trigger: { kind: 'manual' }, filter: 'proto:udp' });
    const events = await owner.watch(routes.watchFleet);
    await events.until((event: { kind: string }) => event.kind === 'heartbeat');
    await owner.call(routes.runRemediation, { params: { id: made.id } });
    await events.until(
      (event: { kind: string; remediationId?: string; state?: string }) =>
        event.kind === 'remediation-run' && event.remediationId === made.id && event.state === 'observed',
    );
    events.close();
  });

  it('does nothing if more flows match than it may end, and says so', async () => {
    const made = await make({ name: 'careful', trigger: { kind: 'manual' }, filter: 'proto:udp', limits: { maxFlows: 4 } });
    await owner.call(routes.runRemediation, { params: { id: made.id } });
    expect(await runOf(made.id)).toMatchObject({ state: 'refused', reason: '5 flows match, and maxFlows is 4', ended: 0 });
  });

  it('does not count stale flows against the share of a table, and says how many of a plan they are', async () => {
    const before = { flows: agent.flows, onCommand: agent.onCommand };
    agent.onCommand = (command) => agent.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 60 }]);
    try {
      for (const [alive, expected] of [
        [11, { state: 'refused', reason: '11 of 100 flows of gw1 match that are not stale, and maxPercentOfTable is 10', ended: 0 }],
        [10, { state: 'done', matched: 60, ended: 60 }],
      ] as const) {
        agent.flows = makeFlows(60).map((flow, index) => ({ ...flow, stale: index < alive ? 'no' : 'route-moved' }));
        const made = await make({
          name: `with ${alive} alive`,
          trigger: { kind: 'manual' },
          filter: 'proto:udp',
          limits: { maxFlows: 1000, maxPercentOfTable: 10 },
        });
        await owner.call(routes.runRemediation, { params: { id: made.id } });
        expect(await runOf(made.id)).toMatchObject(expected);
        const [entry] = (await owner.call(routes.listAudit, { query: { action: 'plan.made' } })).items;
        const { gateways } = await owner.call(routes.getPlan, { params: { id: entry!.planId! } });
        expect(gateways.map(({ flows, staleFlows }) => [flows, staleFlows])).toEqual([[60, 60 - alive]]);
      }
    } finally {
      Object.assign(agent, before);
    }
  });

  it('that nobody carries out any more does not stay running for ever: its outcome becomes unknown', async () => {
    const made = await make({
      name: 'orphan',
      trigger: { kind: 'manual' },
      filter: 'proto:udp',
      limits: { maxFlows: 1000, maxPercentOfTable: 100, coolDownSeconds: 0 },
    });
    const orphan = '019b0000-0000-7000-8000-00000000000f';
    await postgres.query(
      url,
      `INSERT INTO remediation_run (id, remediation_id, remediation_name, revision, tenant_ids, state, trigger, triggered_at, reported_at, matched, ended, filter, method)
      VALUES ('${orphan}', '${made.id}', 'orphan', 1, '{${tenantId}}', 'running', 'by hand', now() - interval '6 minutes', now() - interval '6 minutes', 0, 0, 'proto:udp', 'delete')`,
    );
    const run = await eventually('it has ended', async () => {
      const found = await owner.call(routes.getRemediationRun, { params: { id: orphan } });
      return found.state === 'running' ? undefined : found;
    });
    expect(run).toMatchObject({ state: 'indeterminate', reason: expect.stringContaining('the controller stopped') });
    await owner.call(routes.runRemediation, { params: { id: made.id } });
    expect(await runOf(made.id)).toMatchObject({ state: 'done', ended: 5 });
  });

  it('makes plans in its author’s name, so that the author cannot approve them, with or without a token', async () => {
    const { secret } = await owner.call(routes.createToken, { body: { name: 'writer', role: 'owner' } });
    const writer = new Person(controller.origin, { authorization: `Bearer ${secret}` });
    const made = await writer.call(routes.createRemediation, {
      body: { tenantId, document: document({ name: 'large', mode: 'suggest', trigger: { kind: 'manual' }, filter: 'proto:udp' }) },
    });
    await owner.call(routes.updateLimits, { params: { id: tenantId }, body: { flows: 1 } });
    try {
      await owner.call(routes.runRemediation, { params: { id: made.id } });
      await runOf(made.id);
      const [entry] = (await owner.call(routes.listAudit, { query: { action: 'plan.made' } })).items;
      const plan = await owner.call(routes.getPlan, { params: { id: entry!.planId! } });
      expect(plan).toMatchObject({ createdBy: 'large', friction: 'second-person' });
      expect(await owner.ask(routes.approvePlan, { params: { id: plan.id }, body: { digest: plan.digest } })).toMatchObject({
        status: 403,
      });
      const other = await controller.person('approver', [{ role: 'approver', tenantId }]);
      expect(await other.call(routes.approvePlan, { params: { id: plan.id }, body: { digest: plan.digest } })).toMatchObject({
        approval: { by: expect.any(String) },
      });
    } finally {
      await owner.call(routes.updateLimits, { params: { id: tenantId }, body: { flows: 5000 } });
    }
  });

  it('cannot be started by hand if the gateways run it', async () => {
    const made = await make();
    expect(await owner.ask(routes.runRemediation, { params: { id: made.id } })).toMatchObject({ status: 400 });
  });

  it('is triggered by a signed call, once for each id, and by no other', async () => {
    const made = await make({ name: 'hook', mode: 'observe', trigger: { kind: 'webhook' }, filter: 'proto:udp' });
    const call = async (id: string, secret = made.hookSecret!, timestamp = Math.floor((Date.now() + aheadMs) / 1000)) => {
      const body = '{"why":"test"}';
      const signature = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
        .update(`${id}.${timestamp}.${body}`)
        .digest('base64');
      const answer = await fetch(`${controller.origin}${made.hookPath}`, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(timestamp),
          'webhook-signature': `v1,${signature}`,
        },
      });
      return { status: answer.status, body: (await answer.json()) as { runId?: string } };
    };
    const first = await call('msg_1');
    expect(first.status).toBe(201);
    expect(await runOf(made.id)).toMatchObject({ id: first.body.runId, state: 'observed', trigger: 'webhook msg_1' });
    expect((await call('msg_1')).body.runId).toBe(first.body.runId);
    expect((await call('msg_2', `whsec_${Buffer.from('wrong').toString('base64')}`)).status).toBe(401);
    expect((await call('msg_3', made.hookSecret, 1_000_000_000)).status).toBe(401);
    expect((await owner.call(routes.listRemediationRuns, { query: { remediation: made.id } })).items).toHaveLength(1);
    expect((await owner.call(routes.getRemediation, { params: { id: made.id } })).hookPath).toBe(made.hookPath);
  });
});

describe('a schedule', () => {
  it('shows its next times in each time zone of its sites, including clock changes', async () => {
    const check = await owner.call(routes.checkRemediation, {
      body: { tenantId, document: document({ trigger: { kind: 'schedule', cron: '30 2 * * *', timeZone: 'site' }, filter: 'proto:gre' }) },
    });
    expect(check.problems).toEqual([]);
    expect(check.nextRuns.map(({ timeZone, sites, times }) => [timeZone, sites.length, times.length])).toEqual([
      [expect.any(String), 1, 5],
    ]);
    expect(check.matchesNow).toBe(5);
  });

  it('runs once at its time however often it is looked at, and its queue knows when to wake', async () => {
    const made = await make({
      name: 'every minute',
      mode: 'observe',
      trigger: { kind: 'schedule', cron: '* * * * *', timeZone: 'Europe/Rome' },
      filter: 'proto:udp',
      limits: { coolDownSeconds: 0, maxRunsAnHour: 60 },
    });
    aheadMs += 61_000;
    const run = await eventually(
      'the run for that minute',
      async () => (await owner.call(routes.listRemediationRuns, { query: { remediation: made.id } })).items[0],
      90_000,
    );
    expect(run.trigger).toBe('schedule * * * * * Europe/Rome');
    expect(new Date(run.triggeredAt).getUTCSeconds()).toBe(0);
    const rows = await postgres.query<{ occasion: string; n: string }>(
      url,
      `SELECT occasion, count(*) AS n FROM remediation_run WHERE remediation_id = '${made.id}' GROUP BY occasion`,
    );
    expect(rows.every(({ n, occasion }) => n === '1' && occasion.startsWith('Europe/Rome '))).toBe(true);
    await owner.call(routes.deleteRemediation, { params: { id: made.id } });
  });
});
