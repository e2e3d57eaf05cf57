import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Outcome } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { routes } from '../../../proto/http/routes.ts';
import { FakeAgent, makeFlows } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, startWithOwner, type Person, TestController, workAlone } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';

const FLOWS = 100_000;

let postgres: TestDatabases;
let controller: TestController;
let owner: Person;
let agent: FakeAgent;

beforeAll(async () => {
  ({ postgres, controller, owner } = await startWithOwner());
  const { joinToken } = await makePlace(owner, 'Acme', 'gw1');
  agent = await FakeAgent.join(controller, joinToken);
  agent.flows = makeFlows(FLOWS);
  await agent.connect(controller.linkAddress);
  await workAlone(owner);
});
afterAll(async () => {
  agent.disconnect();
  await controller.stop();
  await postgres.stop();
});

describe('a plan of a hundred thousand flows', () => {
  it('is frozen, paged from any position and run from a result in parts, and every flow has its outcome', async () => {
    const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
    expect(plan.totals.flows).toBe(FLOWS);
    agent.onCommand = (command) => {
      agent.send({
        $case: 'result',
        value: agent.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 60_000 }], { isLastPart: false }),
      });
      return agent.done(command, [{ outcome: Outcome.OUTCOME_GONE, count: 40_000 }], { part: 1 });
    };
    const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    const flush = await eventually('the flush ends', async () => {
      const seen = await owner.call(routes.getFlush, { params: { id: flushId } });
      return seen.state === 'running' ? undefined : seen;
    });
    expect(flush).toMatchObject({ state: 'verified', totals: { deleted: 60_000, gone: 40_000 } });
    const page = await owner.call(routes.listPlanFlows, {
      params: { id: plan.id },
      query: { cursor: Buffer.from('59999').toString('base64url'), limit: '2' },
    });
    expect(page.items.map((flow) => [flow.id, flow.outcome])).toEqual([
      [60_000, 'deleted'],
      [60_001, 'gone'],
    ]);
  });
});
