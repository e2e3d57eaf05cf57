import { readFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { AuditCheckpoint } from '../../proto/gen/ctfleet/v1/link.ts';
import { routes } from '../../proto/http/routes.ts';
import { CheckpointsService } from '../../controller/audit/checkpoints.service.ts';
import { verifyTrail } from '../../controller/audit/trail.ts';
import { RetentionService } from '../../controller/retention/retention.service.ts';
import { enrol, FakeAgent, makeFlows } from '../support/controller-fake-agent.ts';
import { eventually, makePlace, TestController, type Person } from '../support/controller-fleet.ts';
import { startTestPostgres, type TestPostgres } from '../support/database.ts';

const DAY_MS = 86_400_000;

let postgres: TestPostgres;
let url: string;
let controller: TestController;
let owner: Person;
let agent: FakeAgent;
let tenantId: string;
let witnessed: AuditCheckpoint[];
/** How far in the past the controller believes to be. */
let behindMs = 0;
beforeAll(async () => {
  postgres = await startTestPostgres();
  url = await postgres.newDatabase();
  controller = await TestController.start({ CTFLEET_DATABASE_URL: url }, { clock: () => Date.now() - behindMs });
  behindMs = 500 * DAY_MS;
  owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
  const place = await makePlace(owner, 'Acme', 'gw0');
  ({ tenantId } = place);
  for (const gatewayName of ['a', 'b', 'c']) await owner.call(routes.createEnrolmentToken, { body: { siteId: place.siteId, gatewayName } });
  await signHeads();
  witnessed = await controller.running.app.get(CheckpointsService).forAgents([tenantId, 'system']);
  behindMs = 0;
  const { token } = await owner.call(routes.createEnrolmentToken, { body: { siteId: place.siteId, gatewayName: 'gw1' } });
  agent = new FakeAgent(await enrol(controller.enrolAddress, readFileSync(path.join(controller.stateDir, 'ca.cert.pem'), 'utf8'), token));
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

async function flush(): Promise<string> {
  const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
  const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
  await eventually('the flush ends', async () => ((await owner.call(routes.getFlush, { params: { id: flushId } })).state === 'verified' ? true : undefined));
  return plan.id;
}

async function expectTrail(isIntact = true): Promise<string[]> {
  const lines = (await owner.text(routes.exportAudit, { query: { format: 'ndjson' } })).trimEnd().split('\n');
  const { publicKey } = await owner.call(routes.listCheckpoints);
  expect(verifyTrail(lines, publicKey)).toMatchObject({ isIntact });
  return lines;
}

describe('what is past its time', () => {
  it('goes: flows of plans, commands, and audit entries against a signed stub, from which the chain still verifies', async () => {
    const oldPlan = await flush();
    await postgres.query(url, `UPDATE plan SET created_at = now() - interval '31 days'`);
    const newPlan = await flush();
    // The hourly job may have been here before.
    await drop();
    // The head of a chain stays, however old it is.
    expect((await postgres.query(url, `SELECT FROM audit_entry WHERE at < now() - interval '400 days'`)).length).toBeLessThan(2);
    expect(await owner.call(routes.listPlanFlows, { params: { id: oldPlan } })).toMatchObject({ items: [], droppedAt: expect.any(String) });
    expect((await owner.call(routes.listPlanFlows, { params: { id: newPlan } })).items).toHaveLength(5);
    expect((await owner.call(routes.getPlan, { params: { id: oldPlan } })).id).toBe(oldPlan);
    const verdict = await owner.call(routes.verifyAudit);
    expect(verdict.chains.map(({ isIntact, firstBreak }) => ({ isIntact, firstBreak }))).toEqual(verdict.chains.map(() => ({ isIntact: true, firstBreak: undefined })));
    expect(verdict.chains.find((chain) => chain.tenantId === tenantId)).toMatchObject({ dropped: { upTo: expect.any(Number) } });
    expect((await owner.call(routes.listAudit, { query: { action: 'audit.shortened' } })).items.length).toBeGreaterThan(0);
    const lines = await expectTrail();
    expect(lines.filter((line) => line.includes('"kind":"stub"')).length).toBeGreaterThan(0);
    // What agents have seen of the old ones contradicts nothing.
    await controller.running.app.get(CheckpointsService).judge({ gatewayId: agent.gatewayId, tenantId }, witnessed);
    expect((await owner.call(routes.listAudit, { query: { action: 'audit.contradicted' } })).items).toEqual([]);
  });

  it('goes once: a second time finds nothing, and the flushes go on', async () => {
    const stubs = await postgres.query(url, 'SELECT * FROM audit_stub ORDER BY chain');
    await drop();
    expect(await postgres.query(url, 'SELECT * FROM audit_stub ORDER BY chain')).toEqual(stubs);
    await flush();
    await expectTrail();
  });

  it('is shown with the sizes of the tables, and in the metrics', async () => {
    const { days, tables } = await owner.call(routes.getRetention);
    expect(days).toEqual({ samples: 7, minutes: 30, hours: 400, flows: 30, commands: 90, audit: 400 });
    expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(['plan_chunk', 'audit_entry', 'sample']));
    expect(tables.some(({ name }) => name.startsWith('sample_p'))).toBe(false);
    const { secret } = await owner.call(routes.createToken, { body: { name: 'prometheus', role: 'owner' } });
    const metrics = await (await fetch(`${controller.origin}/metrics`, { headers: { authorization: `Bearer ${secret}` } })).text();
    expect(metrics).toMatch(/^ctfleet_table_bytes\{table="audit_entry"\} \d+$/m);
    const one = await controller.person('auditor', [{ role: 'auditor', tenantId }]);
    expect(await one.ask(routes.getRetention)).toMatchObject({ status: 403 });
  });
});

describe('whoever breaks into the controller’s login', () => {
  it('cannot take away what is young, nor without a stub, nor the head of a chain', async () => {
    const client = new pg.Client(url);
    await client.connect();
    try {
      await client.query(`SET app.tenants = 'all'`);
      const { rows: [entry] } = await client.query<{ chain: string; seq: string; hash: string }>(`SELECT chain, seq, hash FROM audit_entry WHERE at > now() - interval '1 day' ORDER BY seq LIMIT 1`);
      const take = (seq: string, hash: string) => client.query('SELECT drop_audit_entries($1, $2, $3, now(), $4, $5)', [entry!.chain, seq, hash, 'signature', 'key']);
      await expect(take(entry!.seq, entry!.hash)).rejects.toThrow(/too young/);
      await expect(take(entry!.seq, 'another')).rejects.toThrow(/too young to go, or not there/);
      await expect(client.query('DELETE FROM audit_entry')).rejects.toThrow(/permission denied/);
      await expect(client.query(`INSERT INTO audit_stub SELECT chain, seq, tenant_id, hash, now(), 's', 'k' FROM audit_entry`)).rejects.toThrow(/permission denied/);
      await expect(client.query('DELETE FROM plan_chunk')).rejects.toThrow(/permission denied/);
      await client.query(`SELECT drop_plan_flows(now() + interval '1 day', 1000)`);
      expect((await client.query('SELECT FROM plan_chunk')).rowCount).toBeGreaterThan(0);
    } finally {
      await client.end();
    }
  });

  it('cannot forge a stub that verifies', async () => {
    await postgres.query(url, `UPDATE audit_stub SET signature = 'AAAA' WHERE tenant_id = '${tenantId}'`);
    const verdict = await owner.call(routes.verifyAudit);
    expect(verdict.chains.find((chain) => chain.tenantId === tenantId)).toMatchObject({ isIntact: false, firstBreak: { why: expect.stringContaining('not ours') } });
    await expectTrail(false);
  });
});
