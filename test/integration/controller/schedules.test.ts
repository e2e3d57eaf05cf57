import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SchedulesService } from '../../../controller/remediations/schedules.service.ts';
import { routes } from '../../../proto/http/routes.ts';
import { ProcessGroup } from '../../../tools/process-group.ts';
import { startRedis, type Redis } from '../../../tools/redis.ts';
import { eventually, makePlace, startWithOwner, TestController, type Person } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';

const TICKS = 200;
const TICK_MS = 120_000;

let postgres: TestDatabases;
let redis: Redis;
let url: string;
let one: TestController;
let two: TestController;
let owner: Person;
let aheadMs = 0;
const clock = (): number => Date.now() + aheadMs;
const family = new ProcessGroup();

beforeAll(async () => {
  redis = await startRedis();
  family.adopt(redis.pid);
  const env = { CTFLEET_REDIS_URL: redis.url };
  ({ postgres, url, controller: one, owner } = await startWithOwner({ ...env, CTFLEET_ROLES: 'api,work' }, { clock }));
  two = await TestController.start({ CTFLEET_DATABASE_URL: url, ...env, CTFLEET_ROLES: 'work' }, { clock, stateDir: one.stateDir });
});
afterAll(async () => {
  await two.stop({ keepState: true });
  await one.stop();
  await family.end();
  await postgres.stop();
});

describe('two replicas at the same tick of a schedule', () => {
  it('begin one run each time, 200 times', async () => {
    const { tenantId } = await makePlace(owner, 'Acme', 'gw1');
    const { id } = await owner.call(routes.createRemediation, {
      body: {
        tenantId,
        document: {
          name: 'every other minute',
          mode: 'observe',
          trigger: { kind: 'schedule', cron: '*/2 * * * *', timeZone: 'Europe/Rome' },
          filter: 'proto:udp',
          limits: { coolDownSeconds: 0, maxRunsAnHour: 60 },
        },
      },
    });
    const schedules = [one, two].map(({ running }) => running.app.get(SchedulesService));
    for (let tick = 0; tick < TICKS; tick++) {
      // A second after the next time, however long the last one took: what is a minute late is missed.
      aheadMs += TICK_MS - (clock() % TICK_MS) + 1000;
      await Promise.all(schedules.map((service) => service.runDue()));
    }
    const runs = await eventually('every run has ended', async () => {
      const rows = await postgres.query<{ occasion: string; state: string }>(
        url,
        `SELECT occasion, state FROM remediation_run WHERE remediation_id = '${id}'`,
      );
      return rows.length < TICKS || rows.some(({ state }) => state === 'running') ? undefined : rows;
    });
    expect(runs).toHaveLength(TICKS);
    expect(new Set(runs.map(({ occasion }) => occasion)).size).toBe(TICKS);
    const began = await postgres.query<{ n: number }>(
      url,
      `SELECT count(*)::int AS n FROM audit_entry WHERE action = 'remediation.began' AND detail->>'remediationId' = '${id}'`,
    );
    expect(began[0]!.n).toBe(TICKS);
  });
});
