import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AuditService } from '../../../controller/audit/audit.service.ts';
import { Database, type Transaction } from '../../../controller/platform/database.ts';
import { verifyTrail } from '../../../controller/audit/trail.ts';
import { Outcome } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { routes } from '../../../proto/http/routes.ts';
import { FakeAgent, makeFlows } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, startWithOwner, TestController, type Person } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let owner: Person;
let tenantId: string;
let agent: FakeAgent;

beforeAll(async () => {
  ({ postgres, url, controller, owner } = await startWithOwner());
  const place = await makePlace(owner, 'Acme', 'gw1');
  ({ tenantId } = place);
  agent = await FakeAgent.join(controller, place.joinToken);
  agent.flows = makeFlows(5);
  agent.onCommand = (command) => agent.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 5 }]);
  await agent.connect(controller.linkAddress);
  for (let round = 0; round < 3; round++) {
    const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: '=cmd|calc', ticket: 'T-7' } });
    const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    await eventually('the flush ends', async () =>
      (await owner.call(routes.getFlush, { params: { id: flushId } })).state === 'verified' ? true : undefined,
    );
  }
});
afterAll(async () => {
  agent.disconnect();
  await controller.stop();
  await postgres.stop();
});

/** As the owner of the database could: the application's own role cannot. */
function tamper(sql: string): Promise<unknown> {
  return postgres.query(url, sql);
}

async function exported(person: Person, format: string): Promise<string> {
  return person.text(routes.exportAudit, { query: { format } });
}

it('the application’s own role can neither change nor remove an entry or a checkpoint', async () => {
  for (const sql of [
    'UPDATE audit_entry SET summary = summary',
    'DELETE FROM audit_entry',
    'UPDATE audit_checkpoint SET hash = hash',
    'DELETE FROM audit_checkpoint',
  ]) {
    await expect(postgres.query(url, `SET ROLE ctfleet_app; ${sql}`)).rejects.toThrow(/permission denied/);
  }
});

it('a complete trail verifies, both in the controller and from its export with nothing but the public key', async () => {
  const verdict = await owner.call(routes.verifyAudit);
  expect(verdict.isIntact).toBe(true);
  const own = verdict.chains.find((chain) => chain.tenantId === tenantId)!;
  expect(own.entries).toBeGreaterThan(8);
  expect(own.tenantName).toBe('Acme');
  const text = await exported(owner, 'ndjson');
  const { publicKey } = await owner.call(routes.listCheckpoints);
  expect(createPublicKey(publicKey).asymmetricKeyType).toBe('ed25519');
  const trail = verifyTrail(text.trimEnd().split('\n'), publicKey);
  expect(trail).toMatchObject({ isIntact: true, chains: verdict.chains.length });
  expect(verifyTrail(text.replace('began to delete 5', 'began to delete 4').trimEnd().split('\n'), publicKey)).toMatchObject({
    isIntact: false,
    firstBreak: { chain: tenantId, why: 'its content is not what was hashed' },
  });
});

it('many tenants are verified with few queries to Postgres, and concurrent requests share the work', async () => {
  for (let number = 0; number < 60; number++) await owner.call(routes.createTenant, { body: { name: `Tenant ${number}` } });
  const asked = vi.spyOn(controller.running.app.get(Database), 'transact');
  try {
    const { chains, isIntact } = await owner.call(routes.verifyAudit);
    expect([isIntact, chains.length >= 60, asked.mock.calls.length < 20]).toEqual([true, true, true]);
    // The first call signs a checkpoint for each chain, and agents are told of it.
    await exported(owner, 'ndjson');
    await eventually(
      'all agents have been told',
      async () => agent.checkpoints.some(({ chain }) => chain === chains.at(-1)!.chain) || undefined,
    );
    asked.mockClear();
    expect((await exported(owner, 'ndjson')).split('\n').length).toBeGreaterThan(60);
    expect(asked.mock.calls.length).toBeLessThan(20);
    asked.mockClear();
    const verdicts = await Promise.all(Array.from({ length: 12 }, () => owner.call(routes.verifyAudit)));
    expect(verdicts.every((verdict) => verdict.isIntact)).toBe(true);
    // On a busy machine they do not all arrive while the first is being answered.
    expect(new Set(verdicts.map(({ checkedAt }) => checkedAt)).size).toBeLessThanOrEqual(6);
  } finally {
    asked.mockRestore();
  }
});

it('agents are given the newest heads to keep', async () => {
  await eventually('a checkpoint of the tenant and one of the system', async () => {
    const kept = agent.checkpoints.map((checkpoint) => checkpoint.chain);
    return kept.includes(tenantId) && kept.includes('system') ? true : undefined;
  });
});

it('an excerpt is selected by times and tenant, and a span that ends before it begins is refused', async () => {
  const csv = async (query: { from?: string; to?: string; tenant?: string } = {}) =>
    (await owner.text(routes.exportAudit, { query: { format: 'csv', ...query } })).trimEnd().split('\n').slice(1);
  const [from, to] = ['2000-01-01T00:00:00Z', new Date(Date.now() + 60_000).toISOString()];
  const [all, spanned] = [await csv({ tenant: tenantId }), await csv({ from, to, tenant: tenantId })];
  expect(all.length).toBeGreaterThan(8);
  expect(spanned).toEqual(all);
  const at = all[4]!.split(',', 1)[0]!;
  expect((await csv({ from: at, tenant: tenantId })).length).toBeLessThan(all.length);
  expect(await csv({ to: from })).toEqual([]);
  expect(await owner.ask(routes.exportAudit, { query: { from: to, to: from } })).toMatchObject({
    status: 400,
    body: { issues: [{ path: 'query.to' }] },
  });
});

it('the other formats contain every entry, and no cell is a formula', async () => {
  const csv = (await exported(owner, 'csv')).trimEnd().split('\n');
  expect(csv[0]).toBe('at,tenant,chain,seq,actor,action,outcome,summary,gateway,reason,ticket,planId,flushId,id,hash');
  expect(csv.some((line) => line.includes(",'=cmd|calc,T-7,"))).toBe(true);
  const ecs = (await exported(owner, 'ecs'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: { action: string; category: string[] }; organization?: { name: string } });
  expect(
    ecs.filter(({ event }) => event.action === 'flush.started').map(({ event, organization }) => [event.category[0], organization?.name]),
  ).toEqual([
    ['network', 'Acme'],
    ['network', 'Acme'],
    ['network', 'Acme'],
  ]);
  const cef = (await exported(owner, 'cef')).trimEnd().split('\n');
  expect(cef.filter((line) => line.startsWith('CEF:0|ctfleet|controller|1|FLUSH_STARTED|')).length).toBe(3);
});

it('someone from one tenant gets that tenant’s chain and nothing from another or from the system', async () => {
  await makePlace(owner, 'Other', 'gw9');
  const auditor = await controller.person('auditor', [{ role: 'auditor', tenantId }]);
  expect((await auditor.call(routes.verifyAudit)).chains.map((chain) => chain.chain)).toEqual([tenantId]);
  const chains = (await exported(auditor, 'ndjson'))
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { chain?: string }).chain)
    .filter((chain) => chain !== undefined);
  expect(new Set(chains)).toEqual(new Set([tenantId]));
});

describe('transactions that decide about the same tenants and gateways', () => {
  const decision = (tenant?: string) => ({
    tenantId: tenant,
    actor: { kind: 'system', id: 'test', name: 'test' },
    action: 'test.decided',
    outcome: 'ok' as const,
    summary: 'decided',
  });

  /** Each transaction has done its first step before either does its second. */
  async function meet(...steps: [first: (t: Transaction) => unknown, second: (t: Transaction) => unknown][]): Promise<void> {
    const { app } = controller.running;
    let [waiting, open] = [steps.length, (): void => undefined];
    const all = new Promise<void>((resolve) => {
      open = resolve;
    });
    const ends = await Promise.allSettled(
      steps.map(([first, second]) =>
        app.get(Database).transact('all', async (t) => {
          await first(t);
          if (--waiting === 0) open();
          await all;
          await second(t);
        }),
      ),
    );
    expect(ends.map((end) => (end.status === 'rejected' ? String(end.reason) : ''))).toEqual(steps.map(() => ''));
  }

  it('in another order never wait for each other: chains are locked last, and in one order', async () => {
    const audit = controller.running.app.get(AuditService);
    const other = (await makePlace(owner, 'Third', 'gw3')).tenantId;
    const record = (tenant?: string) => (t: Transaction) => audit.record(t, decision(tenant));
    const lockGateway = (t: Transaction) => t.$executeRaw`UPDATE gateway SET command_seq = command_seq WHERE tenant_id = ${tenantId}::uuid`;
    await meet([record(tenantId), record(other)], [record(other), record(tenantId)]);
    await meet([record(undefined), record(tenantId)], [record(tenantId), record(undefined)]);
    await meet([record(tenantId), lockGateway], [lockGateway, record(tenantId)]);
    const { items } = await owner.call(routes.listAudit, { query: { action: 'test.decided' } });
    expect(items).toHaveLength(10);
    expect(await owner.call(routes.verifyAudit)).toMatchObject({ isIntact: true });
  });

  it('count only if the transaction does: what is rolled back leaves no entry', async () => {
    const { app } = controller.running;
    const before = (await owner.call(routes.listAudit, { query: { action: 'test.decided' } })).items.length;
    const failing = app.get(Database).transact('all', async (t) => {
      app.get(AuditService).record(t, decision(tenantId));
      await Promise.resolve();
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect((await owner.call(routes.listAudit, { query: { action: 'test.decided' } })).items).toHaveLength(before);
  });
});

it('a witness that kept a head detects that the past was rewritten, even in full', async () => {
  await owner.call(routes.verifyAudit);
  const kept = agent.checkpoints.findLast((checkpoint) => checkpoint.chain === tenantId)!;
  agent.disconnect();
  const forged = kept.hash.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
  await agent.connect(controller.linkAddress, {
    witnessed: [
      { ...kept, seq: 1n, hash: forged },
      { ...kept, hash: forged },
    ],
  });
  const entry = await eventually(
    'the contradiction is on record',
    async () => (await owner.call(routes.listAudit, { query: { action: 'audit.contradicted' } })).items[0],
  );
  expect(entry).toMatchObject({ tenantId, outcome: 'failed', gatewayId: agent.gatewayId, detail: { seq: '1', contradictions: 2 } });
  expect((await owner.call(routes.listAudit, { query: { action: 'audit.contradicted' } })).items).toHaveLength(1);
});

it('an edited, a removed and a truncated entry are each named', async () => {
  const firstBreak = async () => (await owner.call(routes.verifyAudit)).chains.find((chain) => chain.tenantId === tenantId)!.firstBreak;
  await tamper(`UPDATE audit_entry SET summary = summary || ' ' WHERE chain = '${tenantId}' AND seq = 4`);
  expect(await firstBreak()).toMatchObject({ seq: 4, why: 'its content is not what was hashed' });
  await tamper(`UPDATE audit_entry SET summary = rtrim(summary) WHERE chain = '${tenantId}' AND seq = 4`);
  expect(await firstBreak()).toBeUndefined();
  await tamper(
    `DELETE FROM audit_entry WHERE chain = '${tenantId}' AND seq = (SELECT max(seq) FROM audit_entry WHERE chain = '${tenantId}')`,
  );
  expect((await firstBreak())!.why).toBe('entries are missing from its end');
  await tamper(
    `UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit_entry e WHERE e.chain = '${tenantId}' ORDER BY seq DESC LIMIT 1) WHERE chain = '${tenantId}'`,
  );
  await tamper(`DELETE FROM audit_entry WHERE chain = '${tenantId}' AND seq = 3`);
  expect(await firstBreak()).toMatchObject({ seq: 3, why: 'entries 3 to 3 are missing' });
});
