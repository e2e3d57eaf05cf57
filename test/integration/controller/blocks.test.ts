import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Outcome, type StandingBlock } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { refusedBy } from '../../../proto/model/block/of-filter.ts';
import { toWireRefused } from '../../../proto/wire/block.ts';
import type { Flush } from '../../../proto/http/flushes.ts';
import type { Plan } from '../../../proto/http/plans.ts';
import { routes } from '../../../proto/http/routes.ts';
import { FakeAgent, makeFlows } from '../../support/controller-fake-agent.ts';
import { eventually, startWithOwner, TestController, type Person } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';
import { filterOf } from '../../support/filter-of.ts';

let postgres: TestDatabases;
let controller: TestController;
let owner: Person;
let viewer: Person;
const tenantIds: string[] = [];
const agents: FakeAgent[] = [];

beforeAll(async () => {
  ({ postgres, controller, owner } = await startWithOwner());
  for (const name of ['Acme', 'Umbra']) {
    const tenant = await owner.call(routes.createTenant, { body: { name } });
    tenantIds.push(tenant.id);
    const site = await owner.call(routes.createSite, { body: { tenantId: tenant.id, name: 'HQ' } });
    const { token } = await owner.call(routes.createEnrolmentToken, { body: { siteId: site.id, gatewayName: `gw-${name.toLowerCase()}` } });
    agents.push(await FakeAgent.join(controller, token));
  }
  viewer = await controller.person('viewer', [{ role: 'viewer', tenantId: tenantIds[0]! }]);
  for (const agent of agents) await connect(agent);
});
afterAll(async () => {
  agents.forEach((agent) => agent.disconnect());
  await controller.stop();
  await postgres.stop();
});
beforeEach(() => {
  for (const agent of agents) {
    agent.flows = [];
    agent.lifts.length = 0;
    agent.onCommand = (command) => agent.done(command, [], { packetsRefused: 0n, refusedUntilMs: BigInt(Date.now() + 60_000) });
  }
});

function connect(agent: FakeAgent, can = ['delete', 'block', 'block-host']): Promise<void> {
  return agent.connect(controller.linkAddress, { capabilities: { can, cannot: {} } });
}

const acme = (): FakeAgent => agents[0]!;
const body = (filter: string, gateways = [acme()]): object => ({
  filter,
  method: 'block',
  forSeconds: 60,
  reason: 'it attacks',
  scope: { gateways: gateways.map(({ gatewayId }) => gatewayId) },
});
const planned = (filter: string, gateways?: FakeAgent[]): Promise<Plan> => owner.call(routes.createPlan, { body: body(filter, gateways) });
async function run(plan: Plan): Promise<Flush> {
  const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
  return eventually('the flush ends', async () => {
    const flush = await owner.call(routes.getFlush, { params: { id: flushId } });
    return flush.state === 'running' ? undefined : flush;
  });
}

function standing(name: string, packetsRefused: bigint): StandingBlock {
  return {
    id: name,
    planId: '',
    refused: toWireRefused(refusedBy(filterOf('host:10.0.0.2'), 60)),
    flows: 0,
    sinceMs: BigInt(Date.now()),
    untilMs: BigInt(Date.now() + 60_000),
    packetsRefused,
  };
}

describe('a plan to block', () => {
  it('for a host without a flow is valid: it says in words what will be refused, and so does the confirmation', async () => {
    const plan = await planned('host:10.0.0.2');
    expect(plan).toMatchObject({
      totals: { flows: 0, gateways: 1, leftOut: 0 },
      gateways: [
        { state: 'ready', refused: { words: 'every packet from and to 10.0.0.2, for 60 s', seconds: 60 }, spared: ['SSH to the gateway'] },
      ],
    });
    const other = await planned('host:10.0.0.3');
    expect(plan.gateways[0]!.digest).not.toBe(other.gateways[0]!.digest);
    const flush = await run(plan);
    expect(flush).toMatchObject({
      state: 'verified',
      targets: [{ state: 'verified', blocked: { packetsRefused: '0', words: 'blocked; nothing came' } }],
    });
    const { items } = await owner.call(routes.listAudit, { query: { flush: flush.id } });
    expect(items.map(({ summary }) => summary)).toEqual(
      expect.arrayContaining([
        'gw-acme: blocked; nothing came',
        expect.stringContaining('began to block every packet from and to 10.0.0.2, for 60 s, and 0 flows on 1 gateway'),
      ]),
    );
  });

  it('reports what has been refused since, beside the outcomes of the flows', async () => {
    acme().flows = makeFlows(3);
    acme().onCommand = (command) =>
      acme().done(command, [{ outcome: Outcome.OUTCOME_BLOCKED, count: 3 }], {
        packetsRefused: 14n,
        refusedUntilMs: BigInt(Date.now() + 60_000),
      });
    const flush = await run(await planned('host:10.2.3.4'));
    expect(flush).toMatchObject({
      state: 'verified',
      totals: { planned: 3, blocked: 3 },
      targets: [{ blocked: { packetsRefused: '14', words: 'blocked; 14 packets refused since' } }],
    });
  });

  it('by what no packet carries is refused when it is made, and a narrower one is suggested', async () => {
    const refused = await owner.ask(routes.createPlan, { body: body('host:10.0.0.2 idle>1h') });
    expect(refused).toMatchObject({
      status: 422,
      body: { code: 'FILTER_NOT_OF_PACKETS', suggestion: 'host:10.0.0.2', detail: expect.stringContaining('or use delete') },
    });
    expect(await owner.ask(routes.createPlan, { body: { ...body(''), filter: undefined, all: true } })).toMatchObject({
      status: 422,
      body: { code: 'FILTER_NOT_OF_PACKETS' },
    });
    expect(await owner.ask(routes.createPlan, { body: body('0.0.0.0/0 or ::/0') })).toMatchObject({
      status: 400,
      body: { code: 'FILTER_EMPTY' },
    });
  });

  it('for selected flows says that a new flow gets through, and does nothing without a flow', async () => {
    expect((await planned('src:10.2.3.4 id:7')).gateways).toMatchObject([{ state: 'empty' }]);
    acme().flows = makeFlows(1);
    expect((await planned('src:10.2.3.4 id:1')).gateways[0]!.refused!.words).toContain('a new one from another port gets through');
  });

  it('leaves out a gateway whose agent can only refuse existing flows, and says so', async () => {
    acme().disconnect();
    await acme().ended;
    await connect(acme(), ['delete', 'block']);
    const plan = await planned('host:10.0.0.2');
    expect(plan.gateways).toMatchObject([{ state: 'left-out', reason: expect.stringContaining('its agent is older') }]);
    acme().disconnect();
    await acme().ended;
    await connect(acme());
  });

  it('that names no host needs a second person, even without a flow', async () => {
    expect(await planned('proto:udp')).toMatchObject({
      totals: { flows: 0 },
      friction: 'second-person',
      gateways: [{ refused: { words: 'every UDP packet, for 60 s' } }],
    });
    expect(await planned('proto:udp src:10.0.0.0/8')).toMatchObject({ friction: 'none' });
  });

  it('that spans several tenants needs a second person, even without a flow', async () => {
    expect(await planned('host:10.0.0.2', agents)).toMatchObject({ totals: { flows: 0, gateways: 2 }, friction: 'second-person' });
  });
});

describe('a block', () => {
  it('is listed as the gateway reports it, and disappears when the gateway no longer reports it', async () => {
    const flush = await run(await planned('host:10.0.0.2'));
    const [command] = acme().commands.slice(-1);
    acme().send({ $case: 'standingBlocks', value: { blocks: [standing(command!.id, 14n)] } });
    const listed = await eventually(
      'it is listed',
      async () => (await owner.call(routes.listBlocks, { query: { flush: flush.id } })).items[0],
    );
    expect(listed).toMatchObject({
      gatewayName: 'gw-acme',
      begunBy: 'owner',
      packetsRefused: '14',
      state: 'standing',
      refused: { words: 'every packet from and to 10.0.0.2, for 60 s' },
    });
    acme().send({ $case: 'standingBlocks', value: { blocks: [standing(command!.id, 20n)] } });
    await eventually('its count has grown', async () =>
      (await owner.call(routes.listBlocks, { query: { gateway: acme().gatewayId } })).items[0]?.packetsRefused === '20' ? true : undefined,
    );
    acme().send({ $case: 'standingBlocks', value: { blocks: [] } });
    await eventually('it has ended', async () => ((await owner.call(routes.listBlocks)).items.length === 0 ? true : undefined));
    expect(await owner.ask(routes.liftBlock, { params: { id: listed.id } })).toMatchObject({ status: 409, body: { code: 'BLOCK_OVER' } });
  });

  it('is lifted by whoever may run a plan there, on record, and stays listed until the gateway has lifted it', async () => {
    acme().send({ $case: 'standingBlocks', value: { blocks: [standing('a-run', 2n)] } });
    const { id } = await eventually('it is listed', async () => (await owner.call(routes.listBlocks)).items[0]);
    expect((await viewer.call(routes.listBlocks)).items).toHaveLength(1);
    expect(await viewer.ask(routes.liftBlock, { params: { id } })).toMatchObject({ status: 403 });
    expect(await owner.call(routes.liftBlock, { params: { id } })).toMatchObject({ state: 'lifting', liftedBy: 'owner' });
    await eventually('the gateway has been told', async () => acme().lifts.length > 0 || undefined);
    acme().lifts.length = 0;
    acme().send({ $case: 'standingBlocks', value: { blocks: [standing('a-run', 3n)] } });
    await eventually('it is told again while it still reports the block', async () => acme().lifts[0] === 'a-run' || undefined);
    acme().send({ $case: 'standingBlocks', value: { blocks: [] } });
    await eventually('it has ended', async () => ((await owner.call(routes.listBlocks)).items.length === 0 ? true : undefined));
    const { items } = await owner.call(routes.listAudit, { query: { action: 'block.lifted' } });
    expect(items[0]!.summary).toBe(
      'owner lifted a block on gw-acme early, after 2 packets refused: every packet from and to 10.0.0.2, for 60 s',
    );
  });

  it('in one tenant is seen and lifted by nobody from another, whatever its gateway says', async () => {
    const stranger = await controller.person('stranger', [{ role: 'operator', tenantId: tenantIds[1]! }]);
    acme().send({
      $case: 'standingBlocks',
      value: {
        blocks: [standing('same', 2n), { ...standing('bad', 1n), refused: undefined }, { ...standing('long ago', 1n), untilMs: 5n }],
      },
    });
    agents[1]!.send({ $case: 'standingBlocks', value: { blocks: [standing('same', 7n)] } });
    const items = await eventually('both are listed', async () => {
      const page = await owner.call(routes.listBlocks);
      return page.items.length === 2 ? page.items : undefined;
    });
    expect((await stranger.call(routes.listBlocks)).items).toMatchObject([{ gatewayName: 'gw-umbra', packetsRefused: '7' }]);
    expect(
      await stranger.ask(routes.liftBlock, { params: { id: items.find(({ gatewayName }) => gatewayName === 'gw-acme')!.id } }),
    ).toMatchObject({ status: 404 });
  });
});
