import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../proto/http/routes.ts';
import { MAX_FILTER_DEPTH } from '../../proto/model/filter/limits.ts';
import { startWithOwner, TestController, type Person } from '../support/controller-fleet.ts';
import type { TestDatabases } from '../support/database.ts';
import { MemoryAgent } from '../support/memory-agent.ts';

const nested = (levels: number): string => '-(port:2 '.repeat(levels) + 'port:1' + ')'.repeat(levels);
const HOSTILE: [string, string][] = [
  ['32 levels in 350 characters', nested(32)],
  ['brackets alone', '('.repeat(9000)],
  ['negations alone', '-'.repeat(9000)],
  ['thousands of values', `port:${'1,'.repeat(4000)}1`],
];

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let owner: Person;
let agent: MemoryAgent;

beforeAll(async () => {
  ({ postgres, url, controller, owner } = await startWithOwner());
  agent = await MemoryAgent.start(controller, owner, 'gw1');
});
afterAll(async () => {
  await agent.end();
  await controller.stop();
  await postgres.stop();
});

const online = async () => {
  const gateway = await owner.call(routes.getGateway, { params: { id: agent.gatewayId } });
  return { state: gateway.state, since: gateway.since };
};

describe('a filter that gateways could not decode', () => {
  it.each(HOSTILE)('(%s) is refused everywhere with its position, and the link stays up', async (_, filter) => {
    const before = await online();
    const document = { name: 'deep', trigger: { kind: 'manual' as const }, filter };
    const asked = [
      await owner.ask(routes.searchFlows, { body: { filter } }),
      await owner.ask(routes.createPlan, { body: { filter, reason: 'an attack' } }),
      await owner.ask(routes.createRemediation, { body: { tenantId: agent.tenantId, document } }),
    ];
    expect(asked.map(({ status }) => status)).toEqual([400, 400, 400]);
    expect(asked[0]!.body).toMatchObject({ code: 'FILTER_UNPARSABLE', span: { start: expect.any(Number), end: expect.any(Number) } });
    expect((await owner.call(routes.checkRemediation, { body: { tenantId: agent.tenantId, document } })).problems).toHaveLength(1);
    expect(await online()).toEqual({ ...before, state: 'online' });
  });

  it('that is as deep as the parser allows is searched and planned', async () => {
    const filter = `proto:udp ${nested(MAX_FILTER_DEPTH / 2)}`;
    const found = await owner.call(routes.searchFlows, { body: { filter } });
    expect(found.gateways).toMatchObject([{ state: 'answered' }]);
    expect((await owner.call(routes.createPlan, { body: { filter, reason: 'deep but well' } })).gateways).toMatchObject([
      { state: expect.stringMatching(/ready|empty/) },
    ]);
  });

  it('that uses terms newer than the first release reaches a current agent', async () => {
    for (const filter of ['10.9.9.9:5060 or proto:udp', 'helper:none proto:udp', '-icmp-type:8 -key:7 orig-zone:none proto:udp']) {
      expect(await owner.call(routes.searchFlows, { body: { filter } })).toMatchObject({ total: 30, gateways: [{ state: 'answered' }] });
    }
  });

  it('of very many bytes is refused before it is sent', async () => {
    const answer = await owner.ask(routes.createPlan, { body: { filter: `wan:${'€'.repeat(80_000)}`, reason: 'large' } });
    expect(answer).toMatchObject({ status: 422, body: { code: 'FILTER_UNSUPPORTED' } });
    expect(await online()).toMatchObject({ state: 'online' });
  });

  it('saved by an older version runs nowhere and does no harm', async () => {
    const saved = await owner.call(routes.createRemediation, {
      body: { tenantId: agent.tenantId, document: { name: 'old', trigger: { kind: 'manual' }, filter: 'proto:udp' } },
    });
    await postgres.query(
      url,
      `UPDATE remediation SET document = jsonb_set(document::jsonb, '{filter}', to_jsonb($2::text)) WHERE id = $1`,
      [saved.id, nested(32)],
    );
    const answer = await owner.ask(routes.runRemediation, { params: { id: saved.id } });
    expect(answer.status).toBeLessThan(500);
    expect((await owner.ask(routes.listRemediations)).status).toBe(200);
    expect(await online()).toMatchObject({ state: 'online' });
    expect((await owner.call(routes.searchFlows, { body: { filter: 'proto:udp' } })).total).toBe(30);
  });
});
