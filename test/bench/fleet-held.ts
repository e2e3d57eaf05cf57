import { setTimeout as delay } from 'node:timers/promises';
import { routes } from '../../proto/http/routes.ts';
import { at } from './fleet-report.ts';
import { answeringMeanwhile, type FleetStage } from './fleet-stage.ts';

/** Samples come each so often. */
const SAMPLE_MS = 10_000;
/** Gateways whose newest sample is looked for, one after the other. */
const WATCHED = 20;
const LOOK_MS = 100;
const MB = 1e6;

/** The fleet as it is, for some minutes: what it costs, whether a session ends, how soon samples show. */
export async function heldRows(stage: FleetStage): Promise<void> {
  const { report, options, size } = stage;
  const [before, beganAt] = [await stage.sessions(), new Date()];
  const ms = options.minutes * 60_000;
  const { value: lags, shares } = await stage.measured(() => watchSamples(stage, ms));
  const after = await stage.sessions();
  report.row({ name: 'sessions held', size, ours: after.open, target: options.gateways, isAtLeast: true });
  report.row({ name: 'sessions that began anew meanwhile', size, ours: await sessionsSince(stage, before.newest), target: 0 });
  const target = options.gateways >= 10_000 ? 1 : undefined;
  report.shares(`samples each 10 s for ${options.minutes} min`, size, shares, target);
  for (const [program, { rssBytes }] of Object.entries(stage.costs()))
    report.row({ name: `resident MB of ${program}`, size, ours: rssBytes / MB, target: program === 'controller' ? 2000 : undefined });
  report.row({ name: 'ms until a sample shows in the API, p99', size, ours: at(lags, 99), target: 2000 });
  await sampleRows(stage, beganAt, 'steady');
  for (const { simulated, delayMs } of stage.loads.values())
    report.row({ name: `delay of the generator’s loop, p99 ms (process ${simulated})`, size, ours: delayMs.p99 });
}

/** What is durable of the samples since a time, and whether each gateway has them without a gap. */
export async function sampleRows(stage: FleetStage, since: Date, word: string): Promise<void> {
  const { report, size, options, database } = stage;
  const { rows } = await database.query<{ a_second: number; gateways: number; gap: number }>(
    `WITH s AS (
       SELECT gateway_id, at, extract(epoch FROM at - lag(at) OVER (PARTITION BY gateway_id ORDER BY at)) AS gap FROM sample WHERE at >= $1
     )
     SELECT (count(*) / greatest(extract(epoch FROM now() - $1), 1))::float8 AS a_second,
            count(DISTINCT gateway_id)::int AS gateways, coalesce(max(gap), 0)::float8 AS gap FROM s`,
    [since],
  );
  const { a_second, gateways, gap } = rows[0]!;
  report.row({ name: `samples durable a second, ${word}`, size, ours: a_second, theirs: (options.gateways * 1000) / SAMPLE_MS });
  report.row({ name: `gateways with samples, ${word}`, size, ours: gateways, target: options.gateways, isAtLeast: true });
  report.row({ name: `longest time between two samples of a gateway, s, ${word}`, size, ours: gap });
}

async function sessionsSince(stage: FleetStage, newest: number): Promise<number> {
  const { rows } = await stage.database.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM link_session WHERE extract(epoch FROM connected_at) * 1000 > $1',
    [newest],
  );
  return rows[0]!.count;
}

/** From the time that a sample has until it is first seen: too long by the time between two looks at most. */
async function watchSamples({ system }: FleetStage, ms: number): Promise<number[]> {
  const { items } = await system.api.call(routes.listGateways, { query: { limit: WATCHED } });
  const seen = new Map<string, string>();
  const lags: number[] = [];
  let next = 0;
  await answeringMeanwhile(async () => {
    const { id } = items[next++ % items.length]!;
    const { usage } = await system.api.call(routes.getGateway, { params: { id } });
    const before = seen.get(id);
    if (usage && before !== usage.at && seen.set(id, usage.at) && before !== undefined) lags.push(Date.now() - Date.parse(usage.at));
    await delay(LOOK_MS / 4);
  }, delay(ms));
  return lags;
}
