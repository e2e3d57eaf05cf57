import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IdempotencyService } from '../../controller/access/idempotency.service.ts';
import { routes } from '../../proto/http/routes.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { startWithOwner, TestController, type Person } from '../support/controller-fleet.ts';
import type { TestDatabases } from '../support/database.ts';
import { MemoryAgent } from '../support/memory-agent.ts';

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let owner: Person;
let agent: MemoryAgent;
let keys = 0;

beforeAll(async () => {
  ({ postgres, url, controller, owner } = await startWithOwner());
  agent = await MemoryAgent.start(controller, owner, 'gw1');
});
afterAll(async () => {
  await agent.end();
  await controller.stop();
  await postgres.stop();
});

const newKey = (): Record<string, string> => ({ 'idempotency-key': `key-${++keys}` });
const service = (): IdempotencyService => controller.running.app.get(IdempotencyService);
const ME = { kind: 'user', id: 'somebody' } as const;

describe('two equal POSTs with one key', () => {
  it('sent at once make one run, one plan and one flush, and get the same answer', async () => {
    const document = { name: 'By hand', mode: 'auto' as const, trigger: { kind: 'manual' as const }, filter: 'port:1' };
    const remediation = await owner.call(routes.createRemediation, { body: { tenantId: agent.tenantId, document } });
    const run = { params: { id: remediation.id }, headers: newKey() };
    const runs = await Promise.all([1, 2, 3].map(() => owner.ask(routes.runRemediation, run)));
    expect(runs.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect(new Set(runs.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect((await owner.call(routes.listRemediationRuns, { query: { remediation: remediation.id } })).items).toHaveLength(1);

    const planning = { body: { filter: 'port:2', reason: 'twice' }, headers: newKey() };
    const plans = await Promise.all([1, 2].map(() => owner.ask(routes.createPlan, planning)));
    expect(plans[0]!.body).toEqual(plans[1]!.body);
    const { id, digest } = plans[0]!.body as { id: string; digest: string };
    const running = { params: { id }, body: { digest }, headers: newKey() };
    const flushes = [
      ...(await Promise.all([1, 2].map(() => owner.ask(routes.runPlan, running)))),
      await owner.ask(routes.runPlan, running),
    ];
    expect(flushes.map(({ status, headers }) => [status, headers.get('location')])).toEqual(
      Array.from({ length: 3 }, () => [202, `/api/v1/flushes/${(flushes[0]!.body as { flushId: string }).flushId}`]),
    );
    expect(flushes[2]!.headers.get('idempotency-replayed')).toBe('true');
  });

  it('are distinct if the keys or the callers differ', async () => {
    const other = await controller.person('other', [{ role: 'owner', tenantId: null }]);
    const headers = newKey();
    const made = [
      await owner.call(routes.createToken, { body: { name: 'one', role: 'viewer' }, headers }),
      await other.call(routes.createToken, { body: { name: 'one', role: 'viewer' }, headers }),
      await owner.call(routes.createToken, { body: { name: 'one', role: 'viewer' }, headers: newKey() }),
    ];
    expect(new Set(made.map(({ id }) => id)).size).toBe(3);
  });

  it('return the same secret again, even after a controller restart, and the database does not hold it', async () => {
    const asked = { body: { name: 'script', role: 'viewer' }, headers: newKey() };
    const { secret } = await owner.call(routes.createToken, asked);
    let aheadMs = 0;
    const second = await TestController.start(
      { CTFLEET_DATABASE_URL: url },
      { stateDir: controller.stateDir, clock: () => Date.now() + aheadMs },
    );
    const same = await second.signIn('owner@example.net', 'a password of a test');
    expect((await same.call(routes.createToken, asked)).secret).toBe(secret);
    const rows = await postgres.query<{ answer: Buffer }>(url, 'SELECT answer FROM idempotent_request');
    expect(rows.map(({ answer }) => answer.toString('latin1')).join()).not.toContain(secret);
    aheadMs = 86_400_001;
    await second.running.app.get(IdempotencyService).once({ caller: ME, key: 'tomorrow', content: '' }, async () => ({}));
    expect(await postgres.query(url, 'SELECT 1 FROM idempotent_request')).toHaveLength(1);
    await second.stop({ keepState: true });
  });
});

describe('a key', () => {
  it('that came with a different body or to a different address is refused', async () => {
    const headers = newKey();
    await owner.call(routes.createTenant, { body: { name: 'First' }, headers });
    for (const [route, body] of [
      [routes.createTenant, { name: 'Second' }],
      [routes.createSite, { tenantId: agent.tenantId, name: 'First' }],
    ] as const) {
      expect(await owner.ask(route, { body, headers })).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
    }
  });

  it('may be reused after a refusal or a failure, since nothing came of it', async () => {
    const headers = newKey();
    expect(await owner.ask(routes.createTenant, { body: { name: '' }, headers })).toMatchObject({ status: 400 });
    expect(await owner.ask(routes.createTenant, { body: { name: 'Better' }, headers })).toMatchObject({ status: 201 });
    const request = { caller: ME, key: 'failed', content: 'x' };
    await expect(
      service().once(request, async () => {
        throw new FleetError('UNAVAILABLE', 'away');
      }),
    ).rejects.toThrow('away');
    expect(await service().once(request, async () => ({ body: 1 }))).toEqual({ body: 1 });
  });

  it('whose request began and was never answered is pending, and nothing is done again', async () => {
    const request = { caller: ME, key: 'crashed', content: 'x' };
    void service().once(request, () => new Promise(() => undefined));
    await expect.poll(() => postgres.query(url, 'SELECT 1 FROM idempotent_request WHERE answer IS NULL')).toHaveLength(1);
    await expect(service().once(request, async () => ({ body: 'done again' }))).rejects.toMatchObject({ code: 'IDEMPOTENCY_PENDING' });
  });

  it.each(['', 'a b', 'é', 'x'.repeat(256)])('%j is not a valid key', async (key) => {
    expect(await owner.ask(routes.createTenant, { body: { name: 'Never' }, headers: { 'idempotency-key': key } })).toMatchObject({
      status: 400,
      body: { issues: [{ path: 'Idempotency-Key' }] },
    });
  });

  it('is accepted and not kept by a POST that only reads', async () => {
    const before = await postgres.query(url, 'SELECT 1 FROM idempotent_request');
    expect(await owner.ask(routes.searchFlows, { body: {}, headers: newKey() })).toMatchObject({ status: 200 });
    expect(await postgres.query(url, 'SELECT 1 FROM idempotent_request')).toHaveLength(before.length);
  });

  it('is one of at most five thousand a day per caller', async () => {
    await postgres.query(
      url,
      `INSERT INTO idempotent_request SELECT sha256(n::text::bytea), 'user:many', '\\x00', now(), NULL FROM generate_series(1, 5000) n`,
    );
    const asked = service().once({ caller: { kind: 'user', id: 'many' }, key: 'one more', content: '' }, async () => ({}));
    await expect(asked).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });
});
