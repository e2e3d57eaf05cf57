import 'reflect-metadata';
import { randomInt } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeGateways, openAlertStage, usageSamples } from '../../support/alert-stage.ts';
import { startTestPostgres, type TestPostgres } from '../../support/database.ts';
import { FakeSession, type IngestStage } from '../../support/ingest-stage.ts';

/** A slice; the trial is `ALERT_KILLS=100 ALERT_GATEWAYS=200 vitest run --project controller alerts-killed`. */
const KILLS = Number(process.env.ALERT_KILLS ?? 6);
const GATEWAYS = Number(process.env.ALERT_GATEWAYS ?? 20);
/** How often each gateway is full, and then is not. */
const ROUNDS = Math.max(3, Math.ceil(KILLS / 10));

let postgres: TestPostgres;
let url: string;

beforeAll(async () => {
  postgres = await startTestPostgres();
  url = await postgres.newDatabase();
});
afterAll(() => postgres.stop());

/** The replica to which agents are connected now. What was killed goes on with what it had begun, as a process does that was cut off. */
class Replicas {
  now!: IngestStage;
  readonly all: IngestStage[] = [];

  async start(): Promise<void> {
    const stage = await openAlertStage(url);
    // Also where it hurts most: when everything is written and nothing is committed.
    let runs = 0;
    stage.ingest.follow<string>({
      read: ({ identity }) => identity.gatewayId,
      store: async (t) => {
        if (++runs % 4 === 2) await t.$executeRaw`SELECT pg_terminate_backend(pg_backend_pid())`;
      },
    });
    this.all.push((this.now = stage));
  }

  async stop(): Promise<void> {
    for (const stage of this.all) await stage.close();
  }
}

/** Sends a batch until a session has its receipt, each time to whoever is there. */
async function deliver(replicas: Replicas, tenantId: string, gatewayId: string, batch: bigint, percent: number): Promise<void> {
  const samples = usageSamples([percent]);
  let stage: IngestStage | undefined;
  let session = new FakeSession(tenantId, gatewayId);
  while (!session.receipts.includes(batch)) {
    if (stage !== replicas.now || session.isClosed) {
      stage = replicas.now;
      session = new FakeSession(tenantId, gatewayId);
      // A replica that is cut off while it waits answers nothing: its agent turns to the next.
      stage.send(session, batch, samples).catch(() => session.close());
    }
    await setImmediate();
  }
}

it('each alert is raised once and cleared once, whatever is killed meanwhile', { timeout: 600_000 }, async () => {
  const { tenantId, gatewayIds } = await makeGateways(postgres, url, GATEWAYS);
  await postgres.query(
    url,
    `INSERT INTO alert_rules (id, tenant_id, name, name_key, revision, level, document, changed_by_name, changed_at)
     VALUES (gen_random_uuid(), '${tenantId}', 'at once', 'at once', 1, 'tenant', $1, 'Ada', now())`,
    [
      'apiVersion: ctfleet/v1\nkind: AlertRules\nmetadata: { name: at once }\nspec:\n  rules:\n' +
        '    usage-critical: { for: 0s, clearFor: 0s }\n    usage-warning: { enabled: false }\n    time-to-full: { enabled: false }\n',
    ],
  );
  const replicas = new Replicas();
  await replicas.start();
  let isOver = false;
  let killed = 0;
  let rounds = 0;
  const kill = async (): Promise<void> => {
    while (!isOver && killed < KILLS) {
      const kind = killed++ % 3;
      if (kind === 0)
        await postgres.query(url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ctfleet'`);
      if (kind === 1) await replicas.start();
      if (kind === 2) {
        await postgres.crash();
        await postgres.start();
      }
      for (let turns = randomInt(2000); turns > 0 && !isOver; turns--) await setImmediate();
    }
  };
  const load = async (): Promise<void> => {
    let batch = 0n;
    for (; rounds < ROUNDS || killed < KILLS; rounds++)
      for (const percent of [95, 10]) {
        batch++;
        await Promise.all(gatewayIds.map((id) => deliver(replicas, tenantId, id, batch, percent)));
      }
    isOver = true;
  };
  await Promise.all([load(), kill()]);
  await replicas.stop();
  const counts = await postgres.query<{ alerts: number; open: number; transitions: string[] }>(
    url,
    `SELECT count(*)::int AS alerts, count(*) FILTER (WHERE cleared_at IS NULL)::int AS open, array_agg(DISTINCT told) AS transitions
     FROM alert a CROSS JOIN LATERAL (
       SELECT string_agg(transition, ' ' ORDER BY at, id) AS told FROM alert_transition WHERE alert_id = a.id
     ) AS t`,
  );
  // Each round of each gateway: none was skipped, and none told twice.
  const perGateway = await postgres.query<{ alerts: number }>(
    url,
    'SELECT DISTINCT count(*)::int AS alerts FROM alert GROUP BY gateway_id',
  );
  expect(killed).toBe(KILLS);
  expect(counts).toEqual([{ alerts: GATEWAYS * rounds, open: 0, transitions: ['raised cleared'] }]);
  expect(perGateway).toEqual([{ alerts: rounds }]);
});
