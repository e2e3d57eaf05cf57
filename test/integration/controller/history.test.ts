import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROLL_UP_COLUMNS, SAMPLE_COLUMNS } from '../../../controller/history/columns.ts';
import { HistoryService } from '../../../controller/history/history.service.ts';
import { Sample } from '../../../proto/gen/ctfleet/v1/stats.ts';
import { routes } from '../../../proto/http/routes.ts';
import { COUNTER_NAMES, FACET_NAMES, FACETS, GAUGE_NAMES, NUMBER_NAMES, NUMBERS, POINT_NAMES } from '../../../proto/model/measures.ts';
import { FakeAgent } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, startWithOwner, TestController, type Person } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';

const MINUTE = 60_000;

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let owner: Person;
let agent: FakeAgent;
// The start of a minute, so that the buckets are known.
const nowMs = Math.floor(Date.now() / MINUTE) * MINUTE;

beforeAll(async () => {
  ({ postgres, url, controller, owner } = await startWithOwner({}, { clock: () => nowMs }));
  const { joinToken } = await makePlace(owner, 'Acme', 'gw1');
  agent = await FakeAgent.join(controller, joinToken);
  await agent.connect(controller.linkAddress);
});
afterAll(async () => {
  agent.disconnect();
  await controller.stop();
  await postgres.stop();
});

let batch = 0n;
async function store(samples: Sample[], sender = agent): Promise<void> {
  batch += 1n;
  sender.sendSamples(batch, samples);
  await eventually('the receipt', async () => (sender.sampleReceipts.includes(batch) ? true : undefined));
}

/** Another gateway, in a tenant of its own. */
async function join(name: string): Promise<FakeAgent> {
  const { joinToken } = await makePlace(owner, `Tenant of ${name}`, name);
  const joined = await FakeAgent.join(controller, joinToken);
  await joined.connect(controller.linkAddress);
  return joined;
}

function sample(agoMs: number, count: number, drop: number, more: Partial<Sample> = {}): Sample {
  return Sample.fromPartial({
    atMs: BigInt(nowMs - agoMs),
    count: BigInt(count),
    max: 10_000n,
    cpus: [
      { cpu: 0, drop: BigInt(drop) },
      { cpu: 1, drop: 0n },
    ],
    ...more,
  });
}

async function chart(fromAgoMs: number, points: number, of = agent) {
  return owner.call(routes.listSamples, {
    params: { id: of.gatewayId },
    query: { from: new Date(nowMs - fromAgoMs).toISOString(), to: new Date(nowMs).toISOString(), points: String(points) },
  });
}

describe('samples', () => {
  it('say how full a gateway is, how fast it is filling, and when it will be full', async () => {
    const breakdown = {
      atMs: BigInt(nowMs - 10_000),
      walked: 3000n,
      byProto: { udp: 3000n },
      byState: { replied: 3000n },
      byWan: { WAN1: 3000n },
      staleByWan: {},
      topSources: [{ address: Buffer.from([10, 2, 3, 4]), flows: 900n }],
      translations: [{ address: Buffer.from([198, 51, 100, 1]), proto: 'udp', flows: 700n }],
    };
    await store(
      Array.from({ length: 61 }, (_, index) => sample((60 - index) * 10_000, 1000 + index * 50, index, index === 59 ? { breakdown } : {})),
    );
    const { usage, wans } = await owner.call(routes.getGateway, { params: { id: agent.gatewayId } });
    expect(usage).toMatchObject({
      count: 4000,
      max: 10_000,
      perMinute: 300,
      minutesToFull: 20,
      lost: 60,
      drops: 60,
      byProto: { udp: 3000 },
      topSources: [{ address: '10.2.3.4', flows: 900 }],
      translations: [{ address: '198.51.100.1', proto: 'udp', flows: 700 }],
    });
    expect(usage!.insertFailed).toBeUndefined();
    expect(wans).toMatchObject([{ name: 'WAN1', addresses: ['198.51.100.1'], flows: 3000 }]);
  });

  it('say for each WAN whether its probe target answers', async () => {
    const wan = (isAnswering?: boolean) => ({
      name: 'WAN1',
      interface: 'eth1',
      addresses: [Buffer.from([198, 51, 100, 1])],
      isUp: true,
      isAnswering,
    });
    const told = async (): Promise<unknown> => (await owner.call(routes.getGateway, { params: { id: agent.gatewayId } })).wans[0];
    await store([sample(0, 4000, 60, { wans: [wan(false)] as Sample['wans'] })]);
    await eventually('the WAN is silent', async () => ((await told()) as { isAnswering?: boolean }).isAnswering === false || undefined);
    await store([sample(-1, 4000, 60, { wans: [wan()] as Sample['wans'] })]);
    await eventually('its state is unknown', async () => !Object.hasOwn((await told()) as object, 'isAnswering') || undefined);
  });

  it('that arrive twice are stored once', async () => {
    const before = await postgres.query<{ n: string }>(url, 'SELECT count(*) AS n FROM sample');
    await store([sample(10_000, 1, 1), sample(0, 1, 1)]);
    expect(await postgres.query(url, 'SELECT count(*) AS n FROM sample')).toEqual(before);
  });

  it('make a chart of as many points as requested, with increases and no invented times', async () => {
    const fine = await chart(10 * MINUTE, 60);
    expect(fine.resolutionSeconds).toBe(10);
    expect(fine.points).toHaveLength(60);
    expect(fine.points[1]).toMatchObject({ count: 1050, countMax: 1050, drop: 1 });
    expect(fine.gaps).toEqual([]);
    const coarse = await chart(10 * MINUTE, 10);
    expect(coarse.resolutionSeconds).toBe(60);
    expect(coarse.points[0]).toMatchObject({ count: 1125, countMax: 1250 });
    expect(coarse.points.slice(1).every((point) => point.drop === 6)).toBe(true);
  });

  it('show a gap as a gap', async () => {
    const { gaps } = await chart(30 * MINUTE, 60);
    expect(gaps).toEqual([{ from: new Date(nowMs - 30 * MINUTE).toISOString(), to: new Date(nowMs - 10 * MINUTE).toISOString() }]);
  });

  it('lose no measure of the catalogue on the way to the gateway, the chart, both roll-ups and the metrics', async () => {
    const counters = (first: number) => Object.fromEntries(COUNTER_NAMES.map((name, at) => [name, BigInt(first + at)]));
    const facets = Object.fromEntries(FACET_NAMES.map((name) => [name, { [name === 'byState' ? 'ESTABLISHED' : 'WAN1']: 5n }]));
    const full = (agoMs: number, first: number) =>
      sample(agoMs, 100, 0, {
        max: 1000n,
        buckets: 512n,
        rates: { newPerSecond: 7.5, endedPerSecond: 2.5, isLowerBound: true },
        cpus: [{ cpu: 0, ...counters(first) }] as Sample['cpus'],
        breakdown: { atMs: BigInt(nowMs), walked: 1n, topSources: [], translations: [], ...facets } as unknown as Sample['breakdown'],
      });
    const second = await join('gw2');
    // One in the minute before last and one in the last: an increase is counted where it ends.
    await store([full(2 * MINUTE - 1000, 10), full(MINUTE - 1000, 20)], second);
    const { usage } = await owner.call(routes.getGateway, { params: { id: second.gatewayId } });
    expect(GAUGE_NAMES.filter((name) => usage![name] === undefined)).toEqual([]);
    expect(FACET_NAMES.filter((name) => usage![name] === undefined)).toEqual([]);
    expect(COUNTER_NAMES.filter((name) => usage!.cpus![0]![name] === undefined)).toEqual([]);
    await controller.running.app.get(HistoryService).rollUp();
    const expected = {
      count: 100,
      countMax: 100,
      max: 1000,
      newPerSecond: 7.5,
      newPerSecondMax: 7.5,
      endedPerSecond: 2.5,
      ratesLowerBound: 1,
    };
    for (const points of [
      (await chart(2 * MINUTE, 10, second)).points,
      (await chart(24 * 60 * MINUTE, 1440, second)).points,
      (await chart(30 * 24 * 60 * MINUTE, 720, second)).points,
    ]) {
      const last = points.at(-1)!;
      expect(last).toMatchObject(expected);
      expect(POINT_NAMES.filter((name) => last[name] === undefined)).toEqual([]);
      expect(FACET_NAMES.filter((name) => last[name] === undefined)).toEqual([]);
      expect(COUNTER_NAMES.map((name) => last[name])).toEqual(COUNTER_NAMES.map(() => 10));
    }
    const { secret } = await owner.call(routes.createToken, { body: { name: 'metrics', role: 'viewer', tenantId: null } });
    const named = [...NUMBER_NAMES.map((name) => NUMBERS[name].metric.name), ...FACET_NAMES.map((name) => FACETS[name].metric.name)];
    // What was stored a moment ago is read when its notice has come.
    await eventually('every measure is in the metrics', async () => {
      const text = await (await fetch(`${controller.origin}/metrics`, { headers: { authorization: `Bearer ${secret}` } })).text();
      return named.every((name) => new RegExp(`^${name}\\{[^}]*gateway="gw2"`, 'm').test(text)) || undefined;
    });
    second.disconnect();
  });

  it('with invented values remain valid numbers, in charts and in fleet-wide sums', async () => {
    const largest = 2n ** 64n - 1n;
    const rates = { newPerSecond: 1.7e308, endedPerSecond: 1.7e308, isLowerBound: false };
    const cpus = (drop: bigint) => [{ cpu: 0, drop, earlyDrop: drop }] as Sample['cpus'];
    const wild = (agoMs: number, drop: bigint) => sample(agoMs, 1, 0, { count: largest, max: largest, rates, cpus: cpus(drop) });
    const liar = await join('gw3');
    for (const ago of [0, MINUTE])
      await store(
        Array.from({ length: 60 }, (_, n) => wild(ago + n * 900, n % 2 === 0 ? largest : 0n)),
        liar,
      );
    await postgres.query(
      url,
      `INSERT INTO sample_minute (tenant_id, gateway_id, at, samples, count_sum, count_max, drop)
       SELECT tenant_id, gateway_id, date_trunc('hour', at) + n * interval '1 minute', 1, 1, 1, 9000000000000000000
       FROM (SELECT * FROM sample WHERE gateway_id = '${liar.gatewayId}' ORDER BY at DESC LIMIT 1) newest, generate_series(0, 1) n
       ON CONFLICT (gateway_id, at) DO UPDATE SET drop = excluded.drop`,
    );
    await controller.running.app.get(HistoryService).rollUp();
    for (const [ago, points] of [
      [2 * MINUTE, 10],
      [2 * MINUTE, 120],
      [24 * 60 * MINUTE, 1440],
      [30 * 24 * 60 * MINUTE, 720],
    ] as const) {
      const drawn = await chart(ago, points, liar);
      expect(drawn.points.length).toBeGreaterThan(0);
      for (const point of drawn.points)
        expect(POINT_NAMES.filter((name) => !Number.isSafeInteger(Math.round(point[name] ?? 0)))).toEqual([]);
    }
    liar.disconnect();
  });

  it('have a column for each measure in all three tables, and no other', async () => {
    const columns = async (table: string) =>
      (
        await postgres.query<{ name: string }>(
          url,
          `SELECT column_name AS name FROM information_schema.columns WHERE table_name = $$${table}$$ ORDER BY 1`,
        )
      ).map(({ name }) => name);
    const place = ['tenant_id', 'gateway_id', 'at', 'breakdown'];
    expect(await columns('sample')).toEqual([...place, 'cpus', 'stored_at', ...SAMPLE_COLUMNS.map(({ name }) => name)].toSorted());
    const rolled = [...place, 'samples', ...ROLL_UP_COLUMNS.map(({ name }) => name)].toSorted();
    expect([await columns('sample_minute'), await columns('sample_hour')]).toEqual([rolled, rolled]);
  });

  it('spooled while the link was down arrive with their own times and are in the next roll-up', async () => {
    const day = 24 * 60 * MINUTE;
    await store([0, 10_000, 20_000, 30_000, 40_000, 50_000].map((late) => sample(3 * day - late, 500 + late / 1000, 0)));
    await controller.running.app.get(HistoryService).rollUp();
    const minutes = await postgres.query<{ samples: number; count_max: string }>(
      url,
      'SELECT samples, count_max FROM sample_minute WHERE at < now() - interval $$2 days$$',
    );
    expect(minutes).toEqual([{ samples: 6, count_max: '550' }]);
    const hours = await postgres.query<{ samples: number }>(url, 'SELECT samples FROM sample_hour WHERE at < now() - interval $$2 days$$');
    expect(hours).toEqual([{ samples: 6 }]);
  });

  it('with impossible times are discarded and acknowledged', async () => {
    const before = await postgres.query(url, 'SELECT count(*) AS n FROM sample');
    await store([sample(-60 * MINUTE, 1, 0), sample(30 * 24 * 60 * MINUTE, 1, 0)]);
    expect(await postgres.query(url, 'SELECT count(*) AS n FROM sample')).toEqual(before);
  });
});

describe('roll-ups', () => {
  it('are the same however often they are computed', async () => {
    const history = controller.running.app.get(HistoryService);
    await history.rollUp();
    const once = await postgres.query(url, 'SELECT * FROM sample_minute ORDER BY gateway_id, at');
    await history.rollUp();
    expect(await postgres.query(url, 'SELECT * FROM sample_minute ORDER BY gateway_id, at')).toEqual(once);
    expect(once).toContainEqual(
      expect.objectContaining({ at: new Date(nowMs - 5 * MINUTE), samples: 6, drop: '6', count_max: String(1000 + 35 * 50) }),
    );
  });

  it('serve a span that samples do not cover', async () => {
    const week = await chart(8 * 24 * 60 * MINUTE, 200);
    expect(week.resolutionSeconds % 60).toBe(0);
    expect(week.points.some((point) => point.countMax === 550)).toBe(true);
  });

  it('partitions beyond their retention are dropped, and upcoming ones exist', async () => {
    await postgres.query(url, `CREATE TABLE sample_p20200101 PARTITION OF sample FOR VALUES FROM ('2020-01-01Z') TO ('2020-01-02Z')`);
    await controller.running.app.get(HistoryService).maintain();
    const names = (
      await postgres.query<{ name: string }>(
        url,
        `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'sample'::regclass`,
      )
    ).map((row) => row.name);
    expect(names).not.toContain('sample_p20200101');
    expect(names).toContain(`sample_p${new Date(nowMs + 2 * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '')}`);
  });
});
