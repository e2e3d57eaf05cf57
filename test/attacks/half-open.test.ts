import { afterAll, beforeAll, expect, it } from 'vitest';
import { LinkService } from '../../controller/link/link.service.ts';
import { routes } from '../../proto/http/routes.ts';
import { FakeAgent, makeFlows } from '../support/controller-fake-agent.ts';
import { makePlace, startWithOwner, TestController, type Person } from '../support/controller-fleet.ts';
import type { TestDatabases } from '../support/database.ts';

let postgres: TestDatabases;
let controller: TestController;
let owner: Person;
let agent: FakeAgent;
let aheadMs = 0;

beforeAll(async () => {
  ({ postgres, controller, owner } = await startWithOwner({}, { clock: () => Date.now() + aheadMs }));
  const { joinToken } = await makePlace(owner, 'Acme', 'milano-gw1');
  agent = await FakeAgent.join(controller, joinToken);
  agent.flows = makeFlows(3);
});
afterAll(async () => {
  agent.disconnect();
  await controller.stop();
  await postgres.stop();
});

it('F10: a link that looks open but is silent for 30 s is closed, and the gateway is served again on the next one', async () => {
  await agent.connect(controller.linkAddress);
  const before = agent.epoch;
  aheadMs = 31_000;
  await controller.running.app.get(LinkService).checkLiveness();
  expect(await agent.ended).toContain('The agent was silent for 30 s');
  await agent.connect(controller.linkAddress);
  expect(agent.epoch).toBeGreaterThan(before);
  expect(await owner.call(routes.searchFlows, { body: { filter: 'proto:udp' } })).toMatchObject({
    total: 3,
    gateways: [{ state: 'answered' }],
  });
});
