import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { sampleRows } from './fleet-held.ts';
import { at } from './fleet-report.ts';
import { answeringMeanwhile, type FleetStage } from './fleet-stage.ts';

const BACK_MS = 180_000;
/** Samples that waited at the agents have come by then. */
const SETTLED_MS = 20_000;

/** The controller is killed: until all agents are back, how its API answers meanwhile, and what became of the samples. */
export async function comebackRows(stage: FleetStage): Promise<void> {
  const { system, report, size, options } = stage;
  const since = new Date(Date.now() - 30_000);
  const { controller } = system;
  const gone = once(controller, 'exit');
  controller.kill('SIGKILL');
  await gone;
  const killedAt = Date.now();
  await system.restartController();
  const [began, readyAfterS] = [performance.now(), (Date.now() - killedAt) / 1000];
  const back = untilBack(stage, killedAt);
  const { shares } = await stage.measured(async () => {
    const times = await answeringMeanwhile(() => stage.fetch('/api/v1/tenants').then((response) => response.arrayBuffer()), back);
    report.row({ name: 'killed: ms that the API takes meanwhile, p99', size, ours: at(times, 99), target: 500 });
  });
  const seconds = ((await back) - began) / 1000;
  report.row({ name: 'killed: s until all agents are back', size, ours: seconds, target: options.gateways > 1000 ? 60 : 10 });
  report.row({ name: 'killed: s until half of the agents are back', size, ours: (await halfBack(stage, killedAt)) - readyAfterS });
  report.shares('killed, until all are back', size, shares);
  await delay(SETTLED_MS);
  await sampleRows(stage, since, 'over a kill');
}

/** Seconds from the kill until half of the sessions had begun again. */
async function halfBack({ database }: FleetStage, killedAt: number): Promise<number> {
  const { rows } = await database.query<{ seconds: number }>(
    `SELECT (percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM connected_at - $1)))::float8 AS seconds
     FROM link_session WHERE connected_at > $1`,
    [new Date(killedAt)],
  );
  return rows[0]!.seconds;
}

/** When all sessions had begun again. */
async function untilBack(stage: FleetStage, killedAt: number): Promise<number> {
  const endsAt = performance.now() + BACK_MS;
  while (performance.now() < endsAt) {
    const { rows } = await stage.database.query<{ back: number }>(
      'SELECT count(*)::int AS back FROM link_session WHERE closed_at IS NULL AND connected_at > $1',
      [new Date(killedAt)],
    );
    if (rows[0]!.back >= stage.options.gateways) return performance.now();
    await delay(100);
  }
  throw new Error(`not every agent was back within ${BACK_MS / 1000} s`);
}
