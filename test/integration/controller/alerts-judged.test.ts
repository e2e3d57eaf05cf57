import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AlertStatesRepository } from '../../../controller/alerts/alert-states.repository.ts';
import { NEW_GATEWAY } from '../../../controller/alerts/judging/gateway-memory.ts';
import { makeGateways, openAlertStage, usageSamples } from '../../support/alert-stage.ts';
import { eventually } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';
import { FakeSession, type IngestStage } from '../../support/ingest-stage.ts';
import type { Sample } from '../../../proto/gen/ctfleet/v1/stats.ts';

const GATEWAYS = 20;

let postgres: TestDatabases;
let url: string;
let stages: IngestStage[];
let sessions: FakeSession[];
let tenantId: string;
let gatewayIds: string[];

beforeAll(async () => {
  postgres = await openTestDatabases();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  url = await postgres.newDatabase();
  stages = [await openAlertStage(url)];
  ({ tenantId, gatewayIds } = await makeGateways(postgres, url, GATEWAYS));
  sessions = gatewayIds.map((id) => new FakeSession(tenantId, id));
});
afterEach(async () => {
  for (const stage of stages) await stage.close();
});

const sent = async (batch: bigint, samples: Sample[], stage = stages[0]!, to = sessions): Promise<void> => {
  await Promise.all(to.map((session) => stage.send(session, batch, samples)));
  await eventually('receipts', async () => to.every(({ receipts }) => receipts.includes(batch)) || undefined);
};
const full = (minutes: number, agoMs = 0) =>
  usageSamples(
    Array.from({ length: minutes * 6 }, () => 95),
    agoMs,
  );
const transitions = () =>
  postgres.query<{ rule: string; transition: string; count: number }>(
    url,
    `SELECT a.rule, r.transition, count(*)::int AS count FROM alert_transition r JOIN alert a ON a.id = r.alert_id
     GROUP BY 1, 2 ORDER BY 1, 2`,
  );
/** A sample a minute later: all that was before is that much older. */
const pass = (minutes: number) =>
  postgres.query(url, `UPDATE sample SET at = at - interval '${minutes} minutes'`).then(() =>
    postgres.query(
      url,
      `UPDATE alert_state SET judged_at = judged_at - interval '${minutes} minutes', rules = (
         SELECT coalesce(
           jsonb_object_agg(key, value || jsonb_build_object('pendingSince', (value->>'pendingSince')::bigint - ${minutes * 60_000})),
           '{}')
         FROM jsonb_each(rules))`,
    ),
  );
/** As after a restart: another replica, another session. */
const restart = async (): Promise<void> => {
  await stages.shift()!.close();
  stages.push(await openAlertStage(url));
  sessions = gatewayIds.map((id) => new FakeSession(tenantId, id));
};

describe('alerts of samples', () => {
  it('are raised once and cleared once, each with its transition, whatever replica judges, and however often it is sent', async () => {
    const first = full(3);
    await sent(1n, first);
    await sent(2n, first);
    await restart();
    await sent(3n, first);
    expect(await transitions()).toEqual([{ rule: 'usage-critical', transition: 'raised', count: GATEWAYS }]);
    const [pending] = await postgres.query<{ count: number }>(
      url,
      `SELECT count(*)::int AS count FROM alert WHERE rule = 'usage-warning' AND state = 'pending' AND raised_at IS NULL`,
    );
    expect(pending).toEqual({ count: GATEWAYS });
    await pass(7);
    await restart();
    await sent(4n, usageSamples(Array.from({ length: 36 }, () => 10)));
    expect(await transitions()).toEqual([
      { rule: 'usage-critical', transition: 'cleared', count: GATEWAYS },
      { rule: 'usage-critical', transition: 'raised', count: GATEWAYS },
    ]);
    const left = await postgres.query<{ count: number }>(url, 'SELECT count(*)::int AS count FROM alert WHERE cleared_at IS NULL');
    expect(left).toEqual([{ count: 0 }]);
  });

  it('are the same when transactions are killed at any place while they are written', async () => {
    let runs = 0;
    stages[0]!.ingest.follow<string>({
      read: ({ identity }) => identity.gatewayId,
      store: async (t) => {
        if (++runs % 3 === 1) await t.$executeRaw`SELECT pg_terminate_backend(pg_backend_pid())`;
      },
    });
    await sent(1n, full(3));
    expect(runs).toBeGreaterThan(1);
    expect(await transitions()).toEqual([{ rule: 'usage-critical', transition: 'raised', count: GATEWAYS }]);
  });

  it('are the same when two replicas hold the same batch of the same gateway at once', async () => {
    stages.push(await openAlertStage(url));
    const others = gatewayIds.map((id) => new FakeSession(tenantId, id));
    const early = usageSamples([95], 180_000);
    await Promise.all([sent(1n, early), sent(1n, early, stages[1], others)]);
    const samples = full(3);
    await Promise.all([sent(2n, samples), sent(2n, samples, stages[1], others)]);
    expect(await transitions()).toEqual([{ rule: 'usage-critical', transition: 'raised', count: GATEWAYS }]);
  });

  it('are not raised by what a spool tells of an hour that is over', async () => {
    await sent(1n, usageSamples([...Array.from({ length: 60 }, () => 99), ...Array.from({ length: 60 }, () => 20)], 3_600_000));
    expect(await transitions()).toEqual([]);
  });

  it('of one gateway are one, with the others as its children', async () => {
    await sent(1n, full(3), stages[0], sessions.slice(0, 1));
    await pass(1);
    await sent(2n, usageSamples([99, 99], 0, 12n), stages[0], sessions.slice(0, 1));
    const rows = await postgres.query<{ rule: string; parent: string | null; cause: string | null }>(
      url,
      `SELECT a.rule, p.rule AS parent, a.cause FROM alert a LEFT JOIN alert p ON p.id = a.parent_id
       WHERE a.raised_at IS NOT NULL ORDER BY 1`,
    );
    expect(rows).toEqual([
      { rule: 'losses', parent: 'usage-critical', cause: 'table-full' },
      { rule: 'usage-critical', parent: null, cause: null },
    ]);
    expect(await transitions()).toContainEqual({ rule: 'usage-critical', transition: 'grew', count: 1 });
  });

  it('cost no statement where nothing changes', async () => {
    await sent(1n, usageSamples([10]));
    const statements: string[] = [];
    stages[0]!.ingest.follow<string>({
      read: ({ identity }) => identity.gatewayId,
      store: async (t) => {
        const [row] = await t.$queryRaw<[{ tables: string | null }]>`
          SELECT string_agg(DISTINCT c.relname, ',') AS tables FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
          WHERE l.pid = pg_backend_pid() AND c.relname LIKE 'alert%'`;
        statements.push(row.tables ?? '');
      },
    });
    await sent(2n, usageSamples([11]));
    expect(statements).not.toEqual([]);
    expect(statements.filter((tables) => tables !== '')).toEqual([]);
  });

  it('in a maintenance window of the gateway are silenced, and tell who silences them', async () => {
    await postgres.query(
      url,
      `INSERT INTO maintenance_window (id, tenant_id, name, level, gateway_id, "when", time_zone, created_by_name, created_at)
       VALUES (gen_random_uuid(), '${tenantId}', 'new disks', 'gateway', '${gatewayIds[0]}',
         jsonb_build_object('kind', 'once', 'from', now() - interval '1 hour', 'to', now() + interval '1 hour'), 'site', 'Ada', now())`,
    );
    await sent(1n, full(3));
    const rows = await postgres.query<{ state: string; count: number; by: string | null }>(
      url,
      `SELECT state, count(*)::int AS count, min(silenced_by_name) AS by FROM alert WHERE raised_at IS NOT NULL GROUP BY 1 ORDER BY 1`,
    );
    expect(rows).toEqual([
      { state: 'raised', count: GATEWAYS - 1, by: null },
      { state: 'silenced', count: 1, by: 'new disks' },
    ]);
  });

  it('judged from a state that another replica has replaced are not written', async () => {
    const states = new AlertStatesRepository();
    const save = (version: number, judgedMs: number) =>
      stages[0]!.database.transact(new Set([tenantId]), (t) =>
        states.save(t, [{ gatewayId: gatewayIds[0]!, tenantId, memory: { ...NEW_GATEWAY, version, judgedMs } }]),
      );
    expect([await save(1, 1000), await save(2, 2000), await save(2, 3000), await save(1, 4000)]).toEqual([
      [],
      [],
      [gatewayIds[0]],
      [gatewayIds[0]],
    ]);
    const [row] = await postgres.query<{ version: number; at: Date }>(url, 'SELECT version, judged_at AS at FROM alert_state');
    expect([row!.version, row!.at.getTime()]).toEqual([2, 2000]);
  });

  it('are judged once more, from what another replica wrote, by one whose state was replaced', async () => {
    await sent(1n, usageSamples([10], 190_000));
    await postgres.query(
      url,
      `INSERT INTO alert_state (gateway_id, tenant_id, version, judged_at, rules)
       SELECT id, tenant_id, 7, now() - interval '1 day', '{}' FROM gateway`,
    );
    await sent(2n, usageSamples([99, 99], 0, 3n));
    const versions = await postgres.query<{ version: number }>(url, 'SELECT DISTINCT version FROM alert_state');
    expect(versions).toEqual([{ version: 8 }]);
  });
});
