import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { AuditCheckpoint } from '../../proto/gen/ctfleet/v1/link.ts';
import { routes } from '../../proto/http/routes.ts';
import { CheckpointsService } from '../../controller/audit/checkpoints.service.ts';
import { WitnessService } from '../../controller/witness/witness.service.ts';
import { verifyTrail } from '../../controller/audit/trail.ts';
import { Database } from '../../controller/platform/database.ts';
import { ReplicaNotifications } from '../../controller/platform/replica-notifications.ts';
import { RetentionService } from '../../controller/retention/retention.service.ts';
import { enrol, FakeAgent, makeFlows } from '../support/controller-fake-agent.ts';
import { eventually, makePlace, TestController, type Person } from '../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../support/database.ts';

const DAY_MS = 86_400_000;

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let owner: Person;
let agent: FakeAgent;
let tenantId: string;
let witnessed: AuditCheckpoint[];
/** How far in the past the controller believes it is. */
let behindMs = 0;
beforeAll(async () => {
  postgres = await openTestDatabases();
  url = await postgres.newDatabase();
  controller = await TestController.start({ CTFLEET_DATABASE_URL: url }, { clock: () => Date.now() - behindMs });
  behindMs = 500 * DAY_MS;
  owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
  const place = await makePlace(owner, 'Acme', 'gw0');
  ({ tenantId } = place);
  for (const gatewayName of ['a', 'b', 'c']) await owner.call(routes.createEnrolmentToken, { body: { siteId: place.siteId, gatewayName } });
  await signHeads();
  witnessed = await controller.running.app.get(WitnessService).forAgents([tenantId, 'system']);
  behindMs = 0;
  const { token } = await owner.call(routes.createEnrolmentToken, { body: { siteId: place.siteId, gatewayName: 'gw1' } });
  agent = await FakeAgent.join(controller, token);
  agent.flows = makeFlows(5);
  agent.onCommand = (command) => agent.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 5 }]);
  await agent.connect(controller.linkAddress);
});
afterAll(async () => {
  agent.disconnect();
  await controller.stop();
  await postgres.stop();
});

const drop = (): Promise<void> => controller.running.app.get(RetentionService).drop();
const signHeads = (): Promise<void> => controller.running.app.get(CheckpointsService).make();

async function flushed(): Promise<{ planId: string; flushId: string }> {
  const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
  const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
  await eventually('the flush ends', async () =>
    (await owner.call(routes.getFlush, { params: { id: flushId } })).state === 'verified' ? true : undefined,
  );
  return { planId: plan.id, flushId };
}
const flush = async (): Promise<string> => (await flushed()).planId;

/** Backdates all existing plans, flushes and commands by this many days. */
async function age(days: number): Promise<void> {
  const older = `- interval '${days} days'`;
  await postgres.query(url, `UPDATE plan SET created_at = created_at ${older}, expires_at = expires_at ${older}`);
  await postgres.query(
    url,
    `UPDATE flush SET started_at = started_at ${older}, finished_at = finished_at ${older}, not_after = not_after ${older}`,
  );
  await postgres.query(url, `UPDATE command SET created_at = created_at ${older}, finished_at = finished_at ${older}`);
}

async function expectTrail(isIntact = true): Promise<string[]> {
  const lines = (await owner.text(routes.exportAudit, { query: { format: 'ndjson' } })).trimEnd().split('\n');
  const { publicKey } = await owner.call(routes.listCheckpoints);
  expect(verifyTrail(lines, publicKey)).toMatchObject({ isIntact });
  return lines;
}

describe('expired data', () => {
  it('is deleted: flows of plans, commands, and audit entries against a signed stub, from which the chain still verifies', async () => {
    const oldPlan = await flush();
    await postgres.query(url, `UPDATE plan SET created_at = now() - interval '31 days'`);
    const newPlan = await flush();
    // The hourly job may already have run.
    await drop();
    // The head of a chain stays, however old it is.
    expect((await postgres.query(url, `SELECT FROM audit_entry WHERE at < now() - interval '400 days'`)).length).toBeLessThan(2);
    expect(await owner.call(routes.listPlanFlows, { params: { id: oldPlan } })).toMatchObject({ items: [], droppedAt: expect.any(String) });
    expect((await owner.call(routes.listPlanFlows, { params: { id: newPlan } })).items).toHaveLength(5);
    expect((await owner.call(routes.getPlan, { params: { id: oldPlan } })).id).toBe(oldPlan);
    const verdict = await owner.call(routes.verifyAudit);
    expect(verdict.chains.map(({ isIntact, firstBreak }) => ({ isIntact, firstBreak }))).toEqual(
      verdict.chains.map(() => ({ isIntact: true, firstBreak: undefined })),
    );
    expect(verdict.chains.find((chain) => chain.tenantId === tenantId)).toMatchObject({ dropped: { upTo: expect.any(Number) } });
    expect((await owner.call(routes.listAudit, { query: { action: 'audit.shortened' } })).items.length).toBeGreaterThan(0);
    const lines = await expectTrail();
    expect(lines.filter((line) => line.includes('"kind":"stub"')).length).toBeGreaterThan(0);
    // What agents have seen of the old ones contradicts nothing.
    await controller.running.app.get(WitnessService).judge({ gatewayId: agent.gatewayId, tenantId }, witnessed);
    expect((await owner.call(routes.listAudit, { query: { action: 'audit.contradicted' } })).items).toEqual([]);
  });

  it('is deleted once: a second pass finds nothing, and new flushes run', async () => {
    const stubs = await postgres.query(url, 'SELECT * FROM audit_stub ORDER BY chain');
    await drop();
    expect(await postgres.query(url, 'SELECT * FROM audit_stub ORDER BY chain')).toEqual(stubs);
    await flush();
    await expectTrail();
  });

  it('includes plans with their flushes, but none that runs, can be undone or is the newest of its gateway', async () => {
    const [old, undoable, running] = [await flushed(), await flushed(), await flushed()];
    await age(401);
    await postgres.query(url, `UPDATE flush_target SET undo_until = now() + interval '5 minutes' WHERE flush_id = '${undoable.flushId}'`);
    await postgres.query(url, `UPDATE flush SET state = 'running' WHERE id = '${running.flushId}'`);
    const newest = await flushed();
    await age(401);
    const young = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
    await drop();
    await postgres.query(url, `UPDATE flush SET state = 'verified' WHERE id = '${running.flushId}'`);
    const isThere = async (id: string) => (await owner.ask(routes.getPlan, { params: { id } })).status === 200;
    for (const { planId } of [undoable, running, newest]) expect(await isThere(planId)).toBe(true);
    expect(await isThere(young.id)).toBe(true);
    const past = { status: 404, body: { code: 'NOT_FOUND', detail: expect.stringContaining('past the time for which it is kept') } };
    expect(await owner.ask(routes.getPlan, { params: { id: old.planId } })).toMatchObject(past);
    expect(await owner.ask(routes.getFlush, { params: { id: old.flushId } })).toMatchObject(past);
    expect(await postgres.query(url, `SELECT FROM flush_target WHERE flush_id = '${old.flushId}'`)).toEqual([]);
    // Its entries stay, name it, and say why its flows are not there.
    const entries = await postgres.query<{ id: string }>(
      url,
      `SELECT id FROM audit_entry WHERE action = 'flush.started' AND flush_id = '${old.flushId}'`,
    );
    expect(await owner.call(routes.getAuditEntry, { params: { id: entries[0]!.id } })).toMatchObject({
      planId: old.planId,
      flushId: old.flushId,
    });
    expect(await owner.ask(routes.listAuditFlows, { params: { id: entries[0]!.id } })).toMatchObject(past);
    // One that can no longer be undone is deleted the next time.
    await postgres.query(url, `UPDATE flush_target SET undo_until = now() - interval '5 minutes'`);
    await drop();
    expect(await isThere(undoable.planId)).toBe(false);
    await flush();
    await expectTrail();
  });

  it('includes the flows of runs, which then say when they were deleted', async () => {
    const id = '01900000-0000-7000-8000-000000000009';
    await postgres.query(
      url,
      `INSERT INTO remediation_run (id, remediation_id, remediation_name, revision, tenant_ids, gateway_id, state, trigger, triggered_at, reported_at, matched, ended, filter, method)
      VALUES ('${id}', '${tenantId}', 'r', 1, ARRAY['${tenantId}']::uuid[], '${agent.gatewayId}', 'done', 'manual', now(), now() - interval '31 days', 0, 0, 'proto:udp', 'delete')`,
    );
    await postgres.query(
      url,
      `INSERT INTO remediation_run_part (run_id, tenant_id, part, flows, sweeps) VALUES ('${id}', '${tenantId}', 0, 0, '')`,
    );
    const flows = () => owner.call(routes.listRemediationRunFlows, { params: { id } });
    expect(await flows()).toEqual({ items: [] });
    await drop();
    expect(await flows()).toEqual({ items: [], droppedAt: expect.any(String) });
    expect((await owner.call(routes.getRemediationRun, { params: { id } })).id).toBe(id);
    await postgres.query(url, `DELETE FROM remediation_run WHERE id = '${id}'`);
  });

  it('includes runs that ended, and tokens and answers that are no longer needed', async () => {
    const [site] = await postgres.query<{ id: string }>(url, 'SELECT id FROM site');
    const used = await owner.call(routes.createEnrolmentToken, { body: { siteId: site!.id, gatewayName: 'd' } });
    const live = await owner.call(routes.createEnrolmentToken, { body: { siteId: site!.id, gatewayName: 'e' } });
    const many = { tenantId, siteId: site!.id, namePattern: 'f{n}', maxGateways: 2 };
    const [ended, going] = [await owner.call(routes.createRollout, { body: many }), await owner.call(routes.createRollout, { body: many })];
    const ca = controller.root;
    await enrol(controller.enrolAddress, ca, ended.token);
    const [revoked, kept] = [
      await owner.call(routes.createToken, { body: { name: 'one', role: 'viewer' } }),
      await owner.call(routes.createToken, { body: { name: 'two', role: 'viewer' } }),
    ];
    await owner.call(routes.createTenant, { body: { name: 'Keyed' }, headers: { 'idempotency-key': 'k' } });
    await postgres.query(url, `UPDATE enrolment_token SET used_at = now() - interval '91 days' WHERE id = '${used.id}'`);
    await postgres.query(url, `UPDATE rollout SET expires_at = now() - interval '91 days' WHERE id = '${ended.id}'`);
    await postgres.query(url, `UPDATE api_token SET revoked_at = now() - interval '91 days' WHERE id = '${revoked.id}'`);
    await postgres.query(url, `UPDATE idempotent_request SET created_at = now() - interval '2 days'`);
    // A flush id that nobody knows, so nobody will finish it.
    const run = (id: string, state: string): string =>
      `('01900000-0000-7000-8000-0000000000${id}', '01900000-0000-7000-8000-0000000000ff', '${tenantId}', 'r', 1, ARRAY['${tenantId}']::uuid[], '${state}', 'manual', now(), now() - interval '401 days', 0, 0, 'proto:udp', 'delete')`;
    await postgres.query(
      url,
      `INSERT INTO remediation_run (id, flush_id, remediation_id, remediation_name, revision, tenant_ids, state, trigger, triggered_at, reported_at, matched, ended, filter, method)
      VALUES ${run('01', 'done')}, ${run('02', 'running')}`,
    );
    await drop();
    const ids = async (table: string) => (await postgres.query<{ id: string }>(url, `SELECT id FROM ${table}`)).map(({ id }) => id);
    expect(await ids('enrolment_token')).toEqual(expect.arrayContaining([live.id]));
    expect(await ids('enrolment_token')).not.toContain(used.id);
    expect(await ids('rollout')).toEqual([going.id]);
    expect(await ids('enrolment')).toEqual([]);
    expect(await ids('api_token')).toEqual([kept.id]);
    expect(await postgres.query(url, 'SELECT FROM idempotent_request')).toEqual([]);
    expect(await ids('remediation_run')).toEqual(['01900000-0000-7000-8000-000000000002']);
  });

  it('is shown with the sizes of the tables, and in the metrics', async () => {
    const { days, tables } = await owner.call(routes.getRetention);
    expect(days).toEqual({ samples: 7, minutes: 30, hours: 400, flows: 30, commands: 90, plans: 400, tokens: 90, answers: 1, audit: 400 });
    expect(tables!.map(({ name }) => name)).toEqual(expect.arrayContaining(['plan_chunk', 'audit_entry', 'sample']));
    expect(tables!.some(({ name }) => name.startsWith('sample_p'))).toBe(false);
    const { secret } = await owner.call(routes.createToken, { body: { name: 'prometheus', role: 'owner' } });
    const metrics = await (await fetch(`${controller.origin}/metrics`, { headers: { authorization: `Bearer ${secret}` } })).text();
    expect(metrics).toMatch(/^ctfleet_table_bytes\{table="audit_entry"\} \d+$/m);
    const one = await controller.person('auditor', [{ role: 'auditor', tenantId }]);
    const { tables: none, ...kept } = await one.call(routes.getRetention);
    expect([none, kept.days]).toEqual([undefined, days]);
  });
});

describe('whoever breaks into the controller’s login', () => {
  it('cannot delete recent entries, nor any without a stub, nor the head of a chain', async () => {
    const client = new pg.Client(url);
    await client.connect();
    try {
      await client.query(`SET app.tenants = 'all'`);
      const {
        rows: [entry],
      } = await client.query<{ chain: string; seq: string; hash: string }>(
        `SELECT chain, seq, hash FROM audit_entry WHERE at > now() - interval '1 day' ORDER BY seq LIMIT 1`,
      );
      const take = (seq: string, hash: string) =>
        client.query('SELECT drop_audit_entries($1, $2, $3, now(), $4, $5)', [entry!.chain, seq, hash, 'signature', 'key']);
      await expect(take(entry!.seq, entry!.hash)).rejects.toThrow(/too young/);
      await expect(take(entry!.seq, 'another')).rejects.toThrow(/too young to go, or not there/);
      await expect(client.query('DELETE FROM audit_entry')).rejects.toThrow(/permission denied/);
      await expect(
        client.query(`INSERT INTO audit_stub SELECT chain, seq, tenant_id, hash, now(), 's', 'k' FROM audit_entry`),
      ).rejects.toThrow(/permission denied/);
      await expect(client.query('DELETE FROM plan_chunk')).rejects.toThrow(/permission denied/);
      for (const table of ['plan', 'remediation_run'])
        await expect(client.query(`DELETE FROM ${table}`)).rejects.toThrow(/permission denied/);
      const { rowCount: plans } = await client.query(`SELECT FROM plan WHERE created_at > now() - interval '30 days'`);
      await client.query(
        `SELECT drop_plan_flows(now() + interval '1 day', 1000), drop_plans(now() + interval '1 day', 1000), drop_runs(now() + interval '1 day', 1000)`,
      );
      expect((await client.query(`SELECT FROM plan WHERE created_at > now() - interval '30 days'`)).rowCount).toBe(plans);
      expect((await client.query('SELECT FROM plan_chunk')).rowCount).toBeGreaterThan(0);
    } finally {
      await client.end();
    }
  });

  it('cannot forge a stub that verifies', async () => {
    await postgres.query(url, `UPDATE audit_stub SET signature = 'AAAA' WHERE tenant_id = '${tenantId}'`);
    const verdict = await owner.call(routes.verifyAudit);
    expect(verdict.chains.find((chain) => chain.tenantId === tenantId)).toMatchObject({
      isIntact: false,
      firstBreak: { why: expect.stringContaining('not ours') },
    });
    await expectTrail(false);
  });
});

describe('a long audit chain', () => {
  it('is shortened within the time limit of one statement, however many entries it holds', async () => {
    const { tenantId: busy } = await makePlace(owner, 'Busy', 'busy1');
    await postgres.query(
      url,
      `INSERT INTO audit_entry (
         id, chain, tenant_id, seq, at, actor_kind, actor_id, actor_name, action, outcome, summary, detail, hash, previous_hash
       )
       SELECT gen_random_uuid(), head.chain, head.tenant_id, head.seq + n, now() - interval '500 days' + n * interval '1 second',
         'system', 'controller', 'ctfleet', 'sign-in', 'ok', 'made up', '{}', 'hash', 'hash'
       FROM audit_head head, generate_series(1, 30000) n WHERE head.chain = $1`,
      [busy],
    );
    // Before them stand the tenant's own first entries, which are young.
    await postgres.query(url, `UPDATE audit_entry SET at = now() - interval '501 days' WHERE chain = $1 AND hash <> 'hash'`, [busy]);
    await postgres.query(url, `UPDATE audit_head SET seq = seq + 30000 WHERE chain = $1`, [busy]);
    await drop();
    const [left] = await postgres.query<{ entries: string }>(url, `SELECT count(*) AS entries FROM audit_entry WHERE chain = $1`, [busy]);
    // The old head, which is never deleted, and the records of each part that was.
    expect(Number(left!.entries)).toBeLessThan(10);
  });
});

describe('many audit chains that grow at once', () => {
  it('are all signed, in a few transactions with a few statements each', async () => {
    await postgres.query(
      url,
      `WITH made AS (
         INSERT INTO tenant (id, name, colour, created_at)
         SELECT gen_random_uuid(), 'Crowd ' || n, 1, now() FROM generate_series(1, 1200) n RETURNING id
       )
       INSERT INTO audit_head (chain, tenant_id, seq, hash) SELECT id, id, 1, 'hash' FROM made`,
    );
    const [transactions, told] = [
      vi.spyOn(controller.running.app.get(Database), 'transact'),
      vi.spyOn(controller.running.app.get(ReplicaNotifications), 'sendAll'),
    ];
    await signHeads();
    expect(transactions.mock.calls.length).toBeLessThan(20);
    expect(told.mock.calls.flatMap(([, , ids]) => ids).length).toBeGreaterThanOrEqual(1200);
    vi.restoreAllMocks();
    const unsigned = await postgres.query(
      url,
      `SELECT FROM audit_head h WHERE seq > 0 AND NOT EXISTS (SELECT FROM audit_checkpoint c WHERE c.chain = h.chain AND c.seq >= h.seq)`,
    );
    expect(unsigned).toEqual([]);
    await signHeads();
    const [signed] = await postgres.query<{ most: string }>(
      url,
      `SELECT max(n) AS most FROM (
         SELECT count(*) AS n FROM audit_checkpoint c JOIN tenant t ON t.id = c.tenant_id WHERE name LIKE 'Crowd %' GROUP BY chain
       ) counts`,
    );
    expect(Number(signed!.most)).toBe(1);
    // Whoever removes a head leaves what was signed of its chain.
    const [gone] = await postgres.query<{ chain: string }>(
      url,
      `DELETE FROM audit_head WHERE chain = (SELECT id::text FROM tenant WHERE name = 'Crowd 7') RETURNING chain`,
    );
    const { items } = await owner.call(routes.listCheckpoints);
    expect(items.map(({ chain }) => chain)).toContain(gone!.chain);
    expect(items.length).toBeGreaterThanOrEqual(1200);
    expect((await controller.running.app.get(WitnessService).forAgents([gone!.chain])).length).toBe(1);
  });
});
