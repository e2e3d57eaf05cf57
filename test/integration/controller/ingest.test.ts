import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GatewaysRepository } from '../../../controller/gateways/gateways.repository.ts';
import { LIMITS } from '../../../controller/history/ingest.service.ts';
import { SamplesRepository } from '../../../controller/history/samples.repository.ts';
import { GATEWAY_CHANGED } from '../../../controller/link/notifications.ts';
import { Prisma } from '../../../controller/generated/prisma/client.ts';
import { eventually } from '../../support/controller-fleet.ts';
import { startTestPostgres, type TestPostgres } from '../../support/database.ts';
import { FakeSession, IngestStage, samplesOf } from '../../support/ingest-stage.ts';

const SESSIONS = 300;

let postgres: TestPostgres;
let url: string;
let stage: IngestStage;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  url = await postgres.newDatabase();
  stage = await IngestStage.open(url);
});
afterEach(() => stage.close());

/** Sessions of as many tenants as are given, one after the other. */
function sessionsOf(tenants: number, count = SESSIONS): FakeSession[] {
  const ids = Array.from({ length: tenants }, () => randomUUID());
  return Array.from({ length: count }, (_, at) => new FakeSession(ids[at % tenants]!));
}

async function stored(): Promise<{ samples: number; gateways: number }> {
  const [row] = await postgres.query<{ samples: number; gateways: number }>(
    url,
    'SELECT count(*)::int AS samples, count(DISTINCT gateway_id)::int AS gateways FROM sample',
  );
  return row!;
}

const haveReceipts = (sessions: FakeSession[], batch = 1n) =>
  eventually('all receipts', async () => sessions.every(({ receipts }) => receipts.includes(batch)) || undefined);

describe('samples of many gateways', () => {
  it('of two thousand tenants are stored in a few transactions, with row-level security', async () => {
    const sessions = sessionsOf(2000, 2000);
    const before = await transactions();
    await Promise.all(sessions.map((session) => stage.send(session, 1n, samplesOf(1))));
    await haveReceipts(sessions);
    expect(await stored()).toEqual({ samples: 2000, gateways: 2000 });
    expect((await transactions()) - before).toBeLessThan(100);
    const samples = new SamplesRepository(stage.database);
    const foreign = samples.toJson(
      { id: randomUUID(), tenantId: randomUUID() },
      { at: new Date().toISOString(), numbers: { count: 1 }, cpus: [] },
    );
    await expect(stage.database.transact(new Set([randomUUID()]), (t) => samples.insert(t, [foreign]))).rejects.toThrow(
      'row-level security',
    );
  });

  it('are acknowledged only once they are stored, and stored once, when transactions are killed in the middle of a burst', async () => {
    const sessions = sessionsOf(20);
    const falsely: string[] = [];
    let runs = 0;
    stage.ingest.follow<string>({
      read: ({ identity }) => identity.gatewayId,
      store: async (t) => {
        const told = sessions.filter(({ receipts }) => receipts.length > 0).map(({ identity }) => identity.gatewayId);
        const kept = await postgres.query<{ id: string }>(url, 'SELECT DISTINCT gateway_id AS id FROM sample');
        falsely.push(...told.filter((gatewayId) => !kept.some(({ id }) => id === gatewayId)));
        if (++runs % 3 === 1) await t.$executeRaw`SELECT pg_terminate_backend(pg_backend_pid())`;
      },
    });
    const samples = samplesOf(10);
    // The second time as an agent does that missed its receipt.
    for (const batch of [1n, 2n]) {
      await Promise.all(sessions.map((session) => stage.send(session, batch, samples)));
      await haveReceipts(sessions, batch);
    }
    expect(runs).toBeGreaterThan(3);
    expect(falsely).toEqual([]);
    expect(await stored()).toEqual({ samples: 10 * SESSIONS, gateways: SESSIONS });
  });

  it('are stored although one of the gateways sends what cannot be, and only its session ends', async () => {
    const sessions = sessionsOf(20);
    const bad = sessions[123]!;
    stage.ingest.follow<FakeSession>({
      read: (session) => ((session as unknown as FakeSession) === bad ? bad : undefined),
      store: async (t) => void (await t.$executeRaw`SELECT 1 / 0`),
    });
    await Promise.all(sessions.map((session) => stage.send(session, 1n, samplesOf(2))));
    const others = sessions.filter((session) => session !== bad);
    await haveReceipts(others);
    // Whoever comes later shows that the fault is the gateway's own.
    await eventually('it is told', async () => {
      const later = new FakeSession(bad.identity.tenantId);
      await stage.send(later, 1n, samplesOf(1));
      await haveReceipts([later]);
      return bad.isClosed || undefined;
    });
    expect(bad.receipts).toEqual([]);
    expect(others.some(({ isClosed }) => isClosed)).toBe(false);
  });

  it('are bounded in memory while Postgres is away, and stored afterwards', async () => {
    const sessions = sessionsOf(20);
    await postgres.crash();
    const sent = sessions.flatMap((session) => [1n, 2n].map((batch) => stage.send(session, batch, samplesOf(3, Number(batch) * 60_000))));
    await eventually('each gateway has one batch held', async () => stage.ingest.gathering.room.held.samples === 3 * SESSIONS || undefined);
    const huge = Array.from({ length: 110 }, () => new FakeSession(randomUUID()));
    sent.push(...huge.map((session) => stage.send(session, 1n, samplesOf(500))));
    const { room } = stage.ingest.gathering;
    await eventually('no more is held', async () => room.held.samples + 500 > LIMITS.held.samples || undefined);
    expect([...sessions, ...huge].flatMap(({ receipts }) => receipts)).toEqual([]);
    await postgres.start();
    await Promise.all(sent);
    await haveReceipts(sessions, 2n);
    await haveReceipts(huge);
    expect(await stored()).toEqual({ samples: 6 * SESSIONS + 500 * 110, gateways: SESSIONS + 110 });
    expect(room.peak.samples).toBeLessThanOrEqual(LIMITS.held.samples);
    expect(room.held).toEqual({ samples: 0, bytes: 0 });
  });
});

it('a thousand gateways are notified of in a few notifications, and each is heard once', async () => {
  await stage.notifications.onApplicationBootstrap();
  const heard: string[] = [];
  stage.notifications.on(
    GATEWAY_CHANGED,
    (id) => heard.push(id),
    () => undefined,
  );
  const payloads: string[] = [];
  const listener = new pg.Client(postgres.ownerUrl(url));
  await listener.connect();
  listener.on('notification', ({ payload }) => payloads.push(payload!));
  await listener.query(`LISTEN ${GATEWAY_CHANGED.channelOfMany}`);
  const ids = Array.from({ length: 1000 }, () => randomUUID());
  await stage.database.transact('all', async (t) => {
    await stage.notifications.sendMany(t, GATEWAY_CHANGED, [...ids, ...ids]);
    await stage.notifications.sendMany(t, GATEWAY_CHANGED, []);
    await stage.notifications.send(t, GATEWAY_CHANGED, 'alone');
  });
  await eventually('the last is heard', async () => heard.includes('alone') || undefined);
  expect(heard.toSorted()).toEqual([...ids, 'alone'].toSorted());
  await eventually('they arrived', async () => payloads.length === 5 || undefined);
  await listener.end();
});

it('WANs of a gateway whose row is locked do not hold up those of the others', async () => {
  const [tenantId, siteId, free, locked] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  await postgres.query(url, `INSERT INTO tenant (id, name, colour, created_at) VALUES ($1, 'Acme', 0, now())`, [tenantId]);
  await postgres.query(url, `INSERT INTO site (id, tenant_id, name, time_zone, created_at) VALUES ($1, $2, 'HQ', 'UTC', now())`, [
    siteId,
    tenantId,
  ]);
  await postgres.query(
    url,
    'INSERT INTO gateway (id, tenant_id, site_id, name, created_at) SELECT id, $2, $3, id::text, now() FROM unnest($1::uuid[]) AS id',
    [[free, locked], tenantId, siteId],
  );
  const gateways = new GatewaysRepository(stage.database);
  const wans = new Map([free, locked].map((id) => [id, JSON.stringify([{ name: 'WAN1', isUp: true }])]));
  const set = () => stage.database.transact(new Set([tenantId]), (t) => gateways.setWans(t, wans));
  await stage.database.transact('all', async (t) => {
    await t.$queryRaw(Prisma.sql`SELECT 1 FROM gateway WHERE id = ${locked}::uuid FOR UPDATE`);
    expect(await set()).toEqual(new Set([free]));
  });
  expect(await set()).toEqual(new Set([free, locked]));
  expect(await set()).toEqual(new Set([free, locked]));
});

async function transactions(): Promise<number> {
  const [row] = await postgres.query<{ n: string }>(url, 'SELECT pg_current_xact_id()::text AS n');
  return Number(row!.n);
}
