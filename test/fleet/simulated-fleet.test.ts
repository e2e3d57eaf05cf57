import { afterAll, beforeAll, expect, it } from 'vitest';
import { routes } from '../../proto/http/routes.ts';
import type { LoadReport } from '../../agent/simulate/load-report.ts';
import { startTestSystem, until } from '../support/system.ts';

const GATEWAYS = 50;
const FLOWS = 5000;
const reports: LoadReport[] = [];
let running: Awaited<ReturnType<typeof startTestSystem>>;

beforeAll(async () => {
  running = await startTestSystem({
    gateways: 0,
    simulated: GATEWAYS,
    withTraffic: false,
    simulation: {
      flows: FLOWS,
      processes: 2,
      reportMs: 500,
      onLine: (line) => line.startsWith('{"simulated"') && reports.push(JSON.parse(line)),
    },
  });
});
afterAll(() => running?.end());

it('fifty simulated gateways in two processes are online, each enrolled once at its site', async () => {
  const { items } = await running.system.api.call(routes.listGateways, { query: { limit: 100 } });
  expect(items.map(({ state, tableKind }) => `${state} ${tableKind}`)).toEqual(items.map(() => 'online memory'));
  expect(items.map(({ name, siteName }) => [name, siteName]).sort()).toEqual(
    running.system.placed.map(({ name, site }) => [name, site]).sort(),
  );
  expect(items).toHaveLength(GATEWAYS);
});

it('answer a search over all of them, and one that was flushed no longer has what was deleted there', async () => {
  const { api } = running.system;
  const search = () => api.call(routes.searchFlows, { body: { filter: 'host:198.51.100.0', scope: {}, limit: 20 } });
  const before = await search();
  expect(before.gateways.map(({ state }) => state)).toEqual(before.gateways.map(() => 'answered'));
  expect(before.gateways).toHaveLength(GATEWAYS);
  const { gatewayId } = before.rows[0]!;
  const plan = await api.call(routes.createPlan, {
    body: { filter: 'host:198.51.100.0', scope: { gateways: [gatewayId] }, method: 'delete', reason: 'a test' },
  });
  const { flushId } = await api.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
  const flush = await until('the flush ended', async () => {
    const found = await api.call(routes.getFlush, { params: { id: flushId } });
    return found.state === 'running' ? undefined : found;
  });
  expect(flush).toMatchObject({ state: 'verified', totals: { deleted: plan.totals.flows } });
  expect(plan.totals.flows).toBeGreaterThan(50);
  const after = await search();
  expect(Number(before.total) - Number(after.total)).toBe(plan.totals.flows);
});

it('report samples, and their processes what they cost', async () => {
  const { api } = running.system;
  const used = await until('every gateway has a sample', async () => {
    const { items } = await api.call(routes.listGateways, { query: { limit: 100 } });
    return items.every(({ usage }) => usage?.byProto !== undefined) ? items : undefined;
  });
  expect(used.filter(({ usage }) => usage!.count === FLOWS).length).toBeGreaterThanOrEqual(GATEWAYS - 1);
  await until('both processes have reported', () => (new Set(reports.map(({ simulated }) => simulated)).size === 2 ? true : undefined));
  expect(reports.every(({ gateways, userMs, delayMs }) => gateways === 25 && userMs > 0 && delayMs.p99 >= delayMs.p50)).toBe(true);
});
