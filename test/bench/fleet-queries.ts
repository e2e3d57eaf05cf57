import { eventsOf } from '../../client/events.ts';
import { routes } from '../../proto/http/routes.ts';
import { DemoApi } from '../../tools/demo/api.ts';
import { at } from './fleet-report.ts';
import type { FleetStage } from './fleet-stage.ts';

const RUNS = 5;
const ROWS = 50;
/** Of a flush with a thousand targets each look costs the controller some 15 ms. */
const LOOK_MS = 250;
/** Matches of a gateway that a plan is for. */
const PLANNED = 300;

/** A search by host over the whole fleet. */
export async function searchRows(stage: FleetStage): Promise<void> {
  const { system, report, options, size } = stage;
  const times: number[] = [];
  const first: number[] = [];
  let [answered, read, shown] = [0, 0, 0];
  const { shares, ms } = await stage.measured(async () => {
    for (let run = 0; run < RUNS; run++) {
      const began = performance.now();
      let firstMs: number | undefined;
      const body = { filter: hostFilter(options.flows), scope: {}, limit: ROWS };
      for await (const event of eventsOf(system.api.client, routes.watchSearch, { body })) {
        const { rows } = event.kind === 'end' ? event.answer : event;
        if (rows && rows.length > 0) firstMs ??= performance.now() - began;
        if (event.kind !== 'end') continue;
        const { answer } = event;
        answered = answer.gateways.filter(({ state }) => state === 'answered').length;
        [read, shown] = [answer.rowsRead, answer.rows.length];
      }
      times.push(performance.now() - began);
      first.push(firstMs ?? Infinity);
    }
  });
  report.row({ name: 'search by host, ms to first rows, median', size, ours: at(first, 50), target: 1000 });
  report.row({ name: 'search by host, ms to complete, median', size, ours: at(times, 50), target: 3000 });
  report.row({ name: 'search by host, gateways that answered', size, ours: answered, target: options.gateways, isAtLeast: true });
  report.row({ name: 'search by host, rows that came for each row shown', size, ours: read / Math.max(1, shown), target: 10 });
  for (const program of ['controller', 'generator'] as const)
    report.row({ name: `search by host, CPU ms of ${program}`, size, ours: (shares[program] * ms) / RUNS });
}

/** A plan over the fleet and its flush, beside the same on one gateway. */
export async function planRows(stage: FleetStage): Promise<void> {
  const { system, report, options } = stage;
  for (const { id } of (await system.api.call(routes.listTenants, { query: { limit: 500 } })).items)
    await system.api.call(routes.updateLimits, { params: { id }, body: { flows: null } });
  const { items } = await system.api.call(routes.listGateways, { query: { limit: 1 } });
  // Its flows are gone after this, so that the whole fleet has those of one gateway less.
  const alone = await planAndFlush(stage, { gateways: [items[0]!.id] });
  const all = await planAndFlush(stage, {});
  const size = `${all.planned} flows of ${options.gateways} gateways, and ${alone.planned} of one`;
  report.row({ name: 'gateways planned', size, ours: all.gateways, target: options.gateways, isAtLeast: true });
  report.row({ name: 'plan, ms', size, ours: all.planMs, theirs: alone.planMs, target: 5000 });
  report.row({ name: 'flush to verified, ms', size, ours: all.flushMs, theirs: alone.flushMs, target: 10_000 });
  report.row({ name: 'flows verified as deleted', size, ours: all.deleted, target: all.planned, isAtLeast: true });
  for (const program of ['controller', 'postgres', 'generator'] as const)
    report.row({ name: `plan and flush, CPU ms of ${program}`, size, ours: all.cpuMs[program], theirs: alone.cpuMs[program] });
}

async function planAndFlush(stage: FleetStage, scope: { gateways?: string[] }) {
  const { api } = stage.system;
  const filter = hostFilter(stage.options.flows);
  const { value, shares, ms } = await stage.measured(async () => {
    const began = performance.now();
    const plan = await api.call(routes.createPlan, { body: { filter, scope, method: 'delete', reason: 'a benchmark', undoForSeconds: 0 } });
    const planMs = performance.now() - began;
    const clicked = performance.now();
    const { flushId } = await api.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest, waves: false } });
    const totals = await flushed(api, flushId);
    return {
      planMs,
      flushMs: performance.now() - clicked,
      planned: totals.planned,
      deleted: totals.deleted,
      gateways: plan.gateways.filter(({ state }) => state !== 'left-out').length,
    };
  });
  const cpuMs = { controller: shares.controller * ms, postgres: shares.postgres * ms, generator: shares.generator * ms };
  return { ...value, cpuMs };
}

async function flushed(api: DemoApi, id: string): Promise<{ planned: number; deleted: number }> {
  const endsAt = performance.now() + 120_000;
  while (performance.now() < endsAt) {
    const { items } = await api.call(routes.listFlushes, { query: { limit: 1 } });
    const flush = items.find((one) => one.id === id);
    if (flush && flush.state !== 'running') return flush.totals;
    await new Promise((resolve) => {
      setTimeout(resolve, LOOK_MS);
    });
  }
  throw new Error('the flush did not end within two minutes');
}

/**
 * A server that some 300 flows of each gateway go to. Of n flows, server x of 900 has about n / (2 √(900 x)), by how the generator draws
 * them; in small tables even the busiest has fewer.
 */
function hostFilter(flows: number): string {
  const server = Math.min(899, Math.floor((flows / (2 * PLANNED)) ** 2 / 900));
  return `host:198.51.${100 + (server >> 8)}.${server & 255}`;
}
