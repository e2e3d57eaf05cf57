import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HistoryService } from '../../../controller/history/history.service.ts';
import { maintainPartitions } from '../../../controller/history/partitions.repository.ts';
import { RollUpRepository } from '../../../controller/history/roll-up.repository.ts';
import { SamplesRepository } from '../../../controller/history/samples.repository.ts';
import type { Config } from '../../../controller/platform/config.ts';
import { Database } from '../../../controller/platform/database.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let postgres: TestDatabases;
let url: string;
let database: Database;
let nowMs: number;
/** Two controllers with the role `work`. */
let workers: HistoryService[];
const tenantId = randomUUID();
let gatewayId: string;

beforeAll(async () => {
  postgres = await openTestDatabases();
  url = await postgres.newDatabase();
  const config = { databaseUrl: url } as Config;
  database = new Database(config);
  await maintainPartitions(database, Date.now());
  const clock = (): number => nowMs;
  const worker = () => new HistoryService(new SamplesRepository(database), new RollUpRepository(), database, config, clock);
  workers = [worker(), worker()];
});
afterAll(async () => {
  await database.onApplicationShutdown();
  await postgres.stop();
});
beforeEach(() => {
  gatewayId = randomUUID();
  nowMs = Date.now();
});

/** Samples of the gateway at these times, whose `drop` is as given. */
async function store(samples: [atMs: number, drop: number][], id = gatewayId): Promise<void> {
  const repository = new SamplesRepository(database);
  const rows = samples.map(([atMs, drop]) =>
    repository.toJson({ id, tenantId }, { at: new Date(atMs).toISOString(), cpus: [], numbers: { count: 10, drop } }),
  );
  await database.transact(new Set([tenantId]), (t) => repository.insert(t, rows));
}

const rolled = (table: 'sample_minute' | 'sample_hour', id = gatewayId) =>
  postgres.query<{ at: Date; samples: number; drop: string | null }>(
    url,
    `SELECT at, samples, drop FROM ${table} WHERE gateway_id = '${id}' ORDER BY at`,
  );

/** The start of an hour that is over. */
const anHour = (): number => Math.floor(nowMs / HOUR) * HOUR - 3 * HOUR;

describe('a roll-up', () => {
  it('has samples that came late, and their effect on the increase of what came before them', async () => {
    const start = anHour();
    await store([
      [start + 50_000, 100],
      [start + 9 * MINUTE, 190],
    ]);
    await workers[0]!.rollUp();
    expect((await rolled('sample_minute')).map(({ drop }) => drop)).toEqual([null, '90']);
    await store([
      [start + MINUTE, 120],
      [start + MINUTE + 10_000, 130],
    ]);
    await workers[0]!.rollUp();
    const minutes = await rolled('sample_minute');
    expect(minutes.map(({ at, samples, drop }) => [(at.getTime() - start) / MINUTE, samples, drop])).toEqual([
      [0, 1, null],
      [1, 2, '30'],
      [9, 1, '60'],
    ]);
    expect(await rolled('sample_hour')).toEqual([{ at: new Date(start), samples: 4, drop: '90' }]);
  });

  it('counts an increase in the hour in which it ends', async () => {
    const start = anHour();
    await store([
      [start + HOUR - 10_000, 5],
      [start + HOUR, 8],
      [start + HOUR + MINUTE, 9],
    ]);
    await workers[0]!.rollUp();
    expect((await rolled('sample_hour')).map(({ samples, drop }) => [samples, drop])).toEqual([
      [1, null],
      [2, '4'],
    ]);
    await store([[start + HOUR - 5000, 7]]);
    await workers[0]!.rollUp();
    expect((await rolled('sample_hour')).map(({ samples, drop }) => [samples, drop])).toEqual([
      [2, '2'],
      [2, '2'],
    ]);
  });

  it('leaves alone what has no new samples', async () => {
    const start = anHour();
    await store([[start, 1]]);
    await workers[0]!.rollUp();
    await postgres.query(url, `UPDATE sample SET stored_at = now() - interval '10 minutes'`);
    await postgres.query(url, `UPDATE sample_minute SET samples = 77 WHERE gateway_id = '${gatewayId}'`);
    await store([[start + 5 * MINUTE, 1]], randomUUID());
    await workers[0]!.rollUp();
    expect((await rolled('sample_minute')).map(({ samples }) => samples)).toEqual([77]);
  });

  it('has everything that was stored while no worker ran', async () => {
    await workers[0]!.rollUp();
    const start = anHour();
    const others = Array.from({ length: 12 }, () => randomUUID());
    for (const [at, id] of others.entries()) {
      await store([[start + at * MINUTE, 1]], id);
      await postgres.query(url, `UPDATE sample SET stored_at = now() - $1 * interval '7 minutes' WHERE gateway_id = $2`, [at, id]);
    }
    await postgres.query(url, `UPDATE roll_up SET stored_until = now() - interval '2 hours'`);
    await workers[0]!.rollUp();
    for (const id of others) expect(await rolled('sample_minute', id)).toHaveLength(1);
  });

  it('is done by one of two workers at each of 200 ticks', async () => {
    const runs: number[] = [];
    for (let tick = 0; tick < 200; tick++) {
      nowMs += MINUTE;
      const ran = await Promise.all(workers.map((worker) => worker.rollUp(MINUTE / 2)));
      runs.push(ran.filter(Boolean).length);
    }
    expect(runs).toEqual(Array(200).fill(1));
  });

  it('is not held back by a worker whose clock was ahead', async () => {
    nowMs += 10 * HOUR;
    expect(await workers[0]!.rollUp(MINUTE / 2)).toBe(true);
    nowMs -= 10 * HOUR;
    expect(await workers[1]!.rollUp(MINUTE / 2)).toBe(true);
  });
});
