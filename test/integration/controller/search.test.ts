import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnswerPart, Query } from '../../../proto/gen/ctfleet/v1/link.ts';
import { routes } from '../../../proto/http/routes.ts';
import { enrol, FakeAgent, makeFlows } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, startWithOwner, type Person, TestController, workAlone } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';

let postgres: TestDatabases;
let controller: TestController;
let owner: Person;
const agents: Record<string, FakeAgent> = {};
const asked: string[] = [];

beforeAll(async () => {
  ({ postgres, controller, owner } = await startWithOwner({ CTFLEET_SEARCH_DEADLINE_MS: '700' }));
  const ca = controller.root;
  for (const [tenant, gateway, flows] of [
    ['Acme', 'milano-gw1', 7],
    ['Birch', 'lyon-gw1', 5],
  ] as const) {
    const { joinToken } = await makePlace(owner, tenant, gateway);
    const agent = new FakeAgent(await enrol(controller.enrolAddress, ca, joinToken));
    agent.flows = makeFlows(flows, 10);
    const answer = agent.onQuery;
    agent.onQuery = (query: Query): Iterable<AnswerPart['part']> | undefined => {
      asked.push(gateway);
      return answer(query);
    };
    await agent.connect(controller.linkAddress);
    agents[gateway] = agent;
  }
});
afterAll(async () => {
  Object.values(agents).forEach((agent) => agent.disconnect());
  await controller.stop();
  await postgres.stop();
});

describe('a search', () => {
  it('merges the gateways’ rows, counts and facets', async () => {
    const found = await owner.call(routes.searchFlows, { body: { filter: 'proto:udp  dport:5060' } });
    expect(found.rows.map((row) => [row.gatewayId, row.id])).toEqual([
      ...agents['lyon-gw1']!.flows.map((flow) => [agents['lyon-gw1']!.gatewayId, flow.id]),
      ...agents['milano-gw1']!.flows.map((flow) => [agents['milano-gw1']!.gatewayId, flow.id]),
    ]);
    expect(found).toMatchObject({
      total: 12,
      filter: 'proto:udp dport:5060',
      facets: [{ field: 'proto', values: [{ value: 'udp', flows: 12 }] }],
    });
    expect(found.gateways.map((gateway) => [gateway.name, gateway.state, gateway.total])).toEqual([
      ['lyon-gw1', 'answered', 5],
      ['milano-gw1', 'answered', 7],
    ]);
    expect(found.cursor).toBeUndefined();
  });

  it.each([undefined, { field: 'id', descending: false }])('shows each row once across all pages, sorted by %j', async (sort) => {
    const rows: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await owner.call(routes.searchFlows, { body: { filter: '', limit: 5, sort, cursor } });
      expect(page.rows.length).toBeLessThanOrEqual(5);
      rows.push(...page.rows.map((row) => `${row.gatewayId} ${row.id}`));
      ({ cursor } = page);
    } while (cursor !== undefined);
    expect(rows).toHaveLength(12);
    expect(new Set(rows).size).toBe(12);
  });

  it('asks only gateways on which something can match', async () => {
    asked.length = 0;
    const found = await owner.call(routes.searchFlows, { body: { filter: 'tenant:ACME or (gateway:lyon-* tag:none)' } });
    expect(asked).toEqual(['milano-gw1']);
    expect(found.gateways.map((gateway) => gateway.name)).toEqual(['milano-gw1']);
  });

  it('reports what a WAN’s name resolved to', async () => {
    const found = await owner.call(routes.searchFlows, {
      body: { filter: 'wan:WAN1', scope: { gateways: [agents['milano-gw1']!.gatewayId] } },
    });
    expect(found.gateways[0]!.resolved).toEqual({ WAN1: '198.51.100.1' });
  });

  it('points at the place in a filter that does not parse, and never takes it for everything', async () => {
    for (const route of [routes.searchFlows, routes.createPlan]) {
      const answer = await owner.ask(route, {
        body: { filter: 'proto:udp dprt:5060', ...(route === routes.createPlan && { reason: 'r' }) },
      });
      expect(answer).toMatchObject({ status: 400, body: { code: 'FILTER_UNPARSABLE', span: { start: 10 } } });
      expect((answer.body as { suggestion?: string }).suggestion).toBe('dport');
    }
  });

  it('waits for no slow gateway past the deadline and shows what is missing', async () => {
    const { onQuery } = agents['lyon-gw1']!;
    agents['lyon-gw1']!.onQuery = () => undefined;
    const began = performance.now();
    const found = await owner.call(routes.searchFlows, { body: { filter: '' } });
    expect(performance.now() - began).toBeLessThan(3000);
    expect(found.gateways.map((gateway) => [gateway.name, gateway.state])).toEqual([
      ['lyon-gw1', 'slow'],
      ['milano-gw1', 'answered'],
    ]);
    expect(found.total).toBe(7);
    agents['lyon-gw1']!.onQuery = onQuery;
  });

  it('passes on why a gateway could not answer', async () => {
    const { onQuery } = agents['lyon-gw1']!;
    agents['lyon-gw1']!.onQuery = () => [
      { $case: 'failure', value: { code: 'CAPABILITY_MISSING', detail: 'This agent cannot order by bytes.' } },
    ];
    const found = await owner.call(routes.searchFlows, { body: { filter: '' } });
    expect(found.gateways[0]).toMatchObject({ state: 'failed', reason: 'This agent cannot order by bytes.' });
    agents['lyon-gw1']!.onQuery = onQuery;
  });

  it('refuses a cursor that is not ours or that belongs to another order', async () => {
    expect(await owner.ask(routes.searchFlows, { body: { filter: '', cursor: 'bogus' } })).toMatchObject({
      status: 400,
      body: { code: 'INVALID_REQUEST' },
    });
    const page = await owner.call(routes.searchFlows, { body: { filter: '', limit: 2 } });
    expect(await owner.ask(routes.searchFlows, { body: { filter: '', cursor: page.cursor, sort: { field: 'id' } } })).toMatchObject({
      status: 400,
    });
  });
});

describe('a plan', () => {
  it.each([
    {},
    { filter: '' },
    { filter: '   ' },
    { filter: 'tenant:acme' },
    { filter: 'gateway:*' },
    { filter: 'family:ipv4,ipv6' },
    { filter: '-proto:0' },
    { filter: 'status:replied or -status:replied' },
    { filter: '-state:expired gateway:lyon-gw1' },
    { filter: 'gateway:lyon-gw1 or proto:udp' },
  ])('without a proper filter is refused: %j', async (body) => {
    expect(await owner.ask(routes.createPlan, { body: { ...body, reason: 'r' } })).toMatchObject({
      status: 400,
      body: { code: 'FILTER_EMPTY' },
    });
  });

  it('takes a filter or `all`, not both, and `all` requires a second person', async () => {
    expect(await owner.ask(routes.createPlan, { body: { filter: 'proto:udp', all: true, reason: 'r' } })).toMatchObject({
      status: 400,
      body: { code: 'INVALID_REQUEST' },
    });
    const plan = await owner.call(routes.createPlan, {
      body: { all: true, scope: { gateways: [agents['lyon-gw1']!.gatewayId] }, reason: 'r' },
    });
    expect(plan).toMatchObject({ isEverything: true, friction: 'second-person', filter: '' });
  });

  it('asks for nothing for few flows on one gateway, a second person across tenants, or the count if working alone', async () => {
    expect(await owner.call(routes.createPlan, { body: { filter: 'proto:udp gateway:lyon-gw1', reason: 'r' } })).toMatchObject({
      friction: 'none',
      totals: { flows: 5, gateways: 1 },
    });
    expect(await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } })).toMatchObject({
      friction: 'second-person',
      totals: { flows: 12, gateways: 2, sites: 2 },
    });
    await workAlone(owner);
    expect(await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } })).toMatchObject({
      friction: 'type-count',
      totals: { flows: 12, gateways: 2, sites: 2 },
    });
  });

  it('without a match is shown but does not run', async () => {
    agents['lyon-gw1']!.flows = [];
    const plan = await owner.call(routes.createPlan, {
      body: { filter: 'proto:udp', scope: { gateways: [agents['lyon-gw1']!.gatewayId] }, reason: 'r' },
    });
    expect(plan).toMatchObject({ state: 'ready', totals: { flows: 0 }, gateways: [{ state: 'empty' }] });
    expect(await owner.ask(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } })).toMatchObject({
      status: 422,
      body: { code: 'PLAN_EMPTY' },
    });
    agents['lyon-gw1']!.flows = makeFlows(5, 10);
  });

  it('runs only with its own digest', async () => {
    const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
    const other = await owner.call(routes.createPlan, { body: { filter: 'proto:udp gateway:lyon-gw1', reason: 'r' } });
    expect(await owner.ask(routes.runPlan, { params: { id: plan.id }, body: { digest: other.digest } })).toMatchObject({
      status: 409,
      body: { code: 'PLAN_DIGEST_MISMATCH' },
    });
  });

  it('leaves out a gateway that returns other rows than it froze, and an offline one, each with the reason', async () => {
    const lyon = agents['lyon-gw1']!;
    const honest = lyon.onQuery;
    lyon.onQuery = (query) =>
      [...(honest(query) ?? [])].map((part) =>
        part?.$case === 'end' ? { $case: 'end', value: { rows: 5, digest: Buffer.alloc(32) } } : part,
      );
    const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
    expect(plan.gateways[0]).toMatchObject({
      name: 'lyon-gw1',
      state: 'left-out',
      reason: expect.stringContaining('does not match the digest'),
    });
    expect(plan.totals).toEqual({ flows: 7, gateways: 1, sites: 1, leftOut: 1 });
    lyon.disconnect();
    await eventually('lyon is offline', async () =>
      (await owner.call(routes.getGateway, { params: { id: lyon.gatewayId } })).state === 'offline' ? true : undefined,
    );
    expect((await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } })).gateways[0]).toMatchObject({
      state: 'left-out',
      reason: expect.stringMatching(/^offline since/),
    });
  });
});
