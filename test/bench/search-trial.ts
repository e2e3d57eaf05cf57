import { eventsOf } from '../../client/events.ts';
import { Client } from '../../client/client.ts';
import { ResultsService } from '../../controller/flushes/results.service.ts';
import { GatewayQueries } from '../../controller/link/gateway-queries.service.ts';
import { Sessions } from '../../controller/link/sessions.service.ts';
import { Database } from '../../controller/platform/database.ts';
import { newId } from '../../controller/platform/ids.ts';
import { routes } from '../../proto/http/routes.ts';
import { signIn } from '../../client/sign-in.ts';
import { eventually, makePlace, PASSWORD, startWithOwner, workAlone } from '../support/controller-fleet.ts';
import { allAtOnce } from './all-at-once.ts';
import { DoubleFleet } from './double-fleet.ts';
import { DoubleLinks } from './double-links.ts';

const MATCHES = 300;
const LIMIT = 200;
const FILTER = 'host:10.7.0.9';
const isJson = process.argv.includes('--json');
const count = Number(process.argv.slice(2).find((arg) => /^\d+$/.test(arg)) ?? 1000);

const { postgres, controller, owner } = await startWithOwner();
try {
  const gateways = await insertGateways();
  const ids = gateways.map(({ gatewayId }) => gatewayId);
  const queries = controller.running.app.get(GatewayQueries);
  const client = new Client({
    origin: controller.origin,
    headers: await signIn(controller.origin, { email: 'owner@example.net', password: PASSWORD }, 'http://127.0.0.1:3000'),
  });

  const searched = async (name: string, fleet: DoubleFleet, sort?: 'timeout', completeMs = 3000) => {
    Object.assign(queries, { ask: fleet.ask });
    const body = { filter: FILTER, limit: LIMIT, sort: sort && { field: sort } };
    const [began, cpu] = [performance.now(), process.cpuUsage()];
    let first: number | undefined;
    for await (const event of eventsOf(client, routes.watchSearch, { body })) {
      if (event.kind === 'progress' && event.rows && event.rows.length > 0) first ??= performance.now() - began;
      if (event.kind !== 'end') continue;
      const end = performance.now() - began;
      const answered = event.answer.gateways.filter(({ state }) => state === 'answered').length;
      say(`${name}: first rows`, 'ms', first ?? end, 1000);
      say(`${name}: complete`, 'ms', end, completeMs);
      say(`${name}: rows read for each shown`, '', event.answer.rowsRead / event.answer.rows.length, 10);
      say(`${name}: gateways that answered`, '', answered);
      say(`${name}: questions`, '', fleet.questions);
      say(`${name}: CPU`, 'ms', cpuMs(cpu));
    }
  };
  await searched('warm-up', new DoubleFleet(ids, { matches: MATCHES }));
  await searched('by gateway', new DoubleFleet(ids, { matches: MATCHES }));
  await searched('by timeout', new DoubleFleet(ids, { matches: MATCHES }), 'timeout');
  // They are waited for until the deadline of a search, which is three seconds.
  await searched('a tenth of the gateways silent', new DoubleFleet(ids, { matches: MATCHES, slow: count / 10 }), 'timeout', 3500);
  await searched('few matches', new DoubleFleet(ids, { matches: 1 }), 'timeout');

  const before = new DoubleFleet(ids, { matches: MATCHES });
  for (const run of ['warm-up', 'all at once, as before']) {
    const [began, cpu] = [performance.now(), process.cpuUsage()];
    const { rows, decoded } = await allAtOnce(before.ask, ids, { field: 'timeout', limit: LIMIT });
    say(`${run}: complete`, 'ms', performance.now() - began);
    say(`${run}: rows read for each shown`, '', decoded / rows.length);
    say(`${run}: CPU`, 'ms', cpuMs(cpu));
  }

  Object.assign(queries, { ask: new DoubleFleet(ids, { matches: MATCHES }).ask });
  Object.assign(controller.running.app.get(Sessions), {
    get: new DoubleLinks(gateways, controller.running.app.get(ResultsService), MATCHES).get,
  });
  await workAlone(owner);
  for (const run of ['warm-up', 'of all matches']) {
    const [began, cpu] = [performance.now(), process.cpuUsage()];
    const plan = await client.call(routes.createPlan, { body: { filter: FILTER, reason: 'a trial' } });
    say(`plan ${run}: ${plan.totals.flows} flows on ${plan.totals.gateways} gateways`, 'ms', performance.now() - began, 5000);
    say(`plan ${run}: CPU`, 'ms', cpuMs(cpu));
    const [clicked, cpuAtClick] = [performance.now(), process.cpuUsage()];
    const { flushId } = await client.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest, waves: false } });
    say(`flush ${run}: accepted`, 'ms', performance.now() - clicked);
    const state = await eventually(
      'the flush ends',
      async () => {
        const [flush] = (await client.call(routes.listFlushes, { query: { limit: 1 } })).items;
        return flush?.id === flushId && flush.state !== 'running' ? flush.state : undefined;
      },
      240_000,
    );
    say(`flush ${run}: ${state}`, 'ms', performance.now() - clicked, 10_000);
    say(`flush ${run}: CPU`, 'ms', cpuMs(cpuAtClick));
  }
} finally {
  await controller.stop();
  await postgres.stop();
}

/** Gateways that are online as far as the database says. */
async function insertGateways(): Promise<{ gatewayId: string; tenantId: string }[]> {
  const { tenantId, siteId } = await makePlace(owner, 'Acme', 'seed');
  const now = new Date();
  const rows = Array.from({ length: count }, (_, index) => ({ id: newId(), name: `gw${String(index).padStart(5, '0')}` }));
  const replicaId = newId();
  const lastHeardAt = new Date(now.getTime() + 3_600_000);
  await controller.running.app.get(Database).transact('all', async (t) => {
    await t.gateway.createMany({
      data: rows.map(({ id, name }) => ({
        id,
        tenantId,
        siteId,
        name,
        tags: [],
        createdAt: now,
        capabilities: { can: ['delete'], cannot: {} },
        wans: [],
        tableKind: 'memory',
      })),
    });
    await t.linkSession.createMany({
      data: rows.map(({ id }) => ({ gatewayId: id, tenantId, replicaId, epoch: 1n, connectedAt: now, lastHeardAt })),
    });
  });
  return rows.map(({ id }) => ({ gatewayId: id, tenantId }));
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

function say(name: string, unit: string, value: number, target?: number): void {
  if (name.startsWith('warm-up') || name.includes(' warm-up')) return;
  const ours = Number(value.toFixed(1));
  if (isJson) console.log(JSON.stringify({ bench: 'search', name, size: count, ours, target, ok: target === undefined || ours <= target }));
  else console.log(`${name}: ${ours} ${unit}${target === undefined ? '' : ` (at most ${target})`}`);
}
