import { afterAll, beforeAll, expect, it } from 'vitest';
import { routes } from '../../../proto/http/routes.ts';
import { eventually, TestController, type Person } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';
import { MemoryAgent } from '../../support/memory-agent.ts';
import { filterOf } from '../../support/filter-of.ts';

const context = { wans: [], protections: [] };
const calls = filterOf('port:5060');

let postgres: TestDatabases;
let controller: TestController;
let owner: Person;
let second: Person;
let url: string;
const agents: MemoryAgent[] = [];

beforeAll(async () => {
  postgres = await openTestDatabases();
  url = await postgres.newDatabase();
  controller = await TestController.start({ CTFLEET_DATABASE_URL: url });
  second = await controller.person('second', [{ role: 'owner', tenantId: null }]);
  owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
  for (const name of ['gw1', 'gw2']) agents.push(await MemoryAgent.start(controller, owner, name));
});
afterAll(async () => {
  for (const agent of agents) await agent.end();
  await controller.stop();
  await postgres.stop();
});

/** Plans all calls on both gateways, lets this many flows of each end, and has the plan run. */
async function flushAfter(gone: number, maxDrift: number) {
  const plan = await owner.call(routes.createPlan, { body: { filter: 'port:5060', reason: 'a test of drift', maxDrift } });
  for (const { table } of agents) await table.delete((await table.search({ filter: calls, context, limit: gone })).rows);
  await second.call(routes.approvePlan, { params: { id: plan.id }, body: { digest: plan.digest } });
  const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
  const flush = await eventually('the flush has ended', async () => {
    const found = await owner.call(routes.getFlush, { params: { id: flushId } });
    return found.state === 'running' ? undefined : found;
  });
  return { plan, flush, left: await Promise.all(agents.map(({ table }) => table.count())) };
}

it('more drift than a plan allows ends no flow and is reported; a failed target holds back later waves', async () => {
  const { plan, flush, left } = await flushAfter(5, 4);
  expect(plan.maxDrift).toBe(4);
  expect(flush.state).toBe('failed');
  for (const { state, reason } of flush.targets)
    expect([state, reason]).toEqual(['failed', expect.stringContaining('5 of 30 planned flows are gone, and maxDrift is 4')]);
  expect(left).toEqual([25, 25]);
});

it('as much drift as the plan allows ends the remaining flows', async () => {
  const { flush, left } = await flushAfter(3, 3);
  expect(flush.totals).toMatchObject({ deleted: 44, gone: 6 });
  expect(left).toEqual([0, 0]);
});

it('a gateway whose agent cannot look is left out, with the reason', async () => {
  const { id, totals, gateways } = await owner.call(routes.createPlan, { body: { all: true, reason: 'no limit' } });
  expect([id !== '', totals.leftOut, gateways.length]).toEqual([true, 0, 2]);
  await postgres.query(url, `UPDATE gateway SET capabilities = jsonb_set(capabilities, '{can}', '["delete"]')`);
  const limited = await owner.call(routes.createPlan, { body: { all: true, reason: 'a limit', maxDrift: 0 } });
  expect(limited.gateways.map(({ state, reason }) => [state, reason])).toEqual([
    ['left-out', 'its agent does not look for drift: update it'],
    ['left-out', 'its agent does not look for drift: update it'],
  ]);
});
