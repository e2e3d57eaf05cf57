import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Query } from '../../../proto/gen/ctfleet/v1/link.ts';
import type { ExpectationList, ExpectationsEnded } from '../../../proto/gen/ctfleet/v1/policy.ts';
import { routes } from '../../../proto/http/routes.ts';
import { FakeAgent } from '../../support/controller-fake-agent.ts';
import { makePlace, startWithOwner, type Person, type TestController } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';
import { MemoryAgent } from '../../support/memory-agent.ts';
import { MASTERS, SAMPLE_EXPECTATIONS } from '../../support/sample-expectations.ts';

let postgres: TestDatabases;
let controller: TestController;
let owner: Person;

beforeAll(async () => {
  ({ postgres, controller, owner } = await startWithOwner({ CTFLEET_SEARCH_DEADLINE_MS: '3000' }));
});
afterAll(async () => {
  await controller.stop();
  await postgres.stop();
});

/** What the audit trail has of deletions on a gateway, oldest first. */
async function trail(gatewayId: string): Promise<{ action: string; outcome: string; summary: string; detail: Record<string, unknown> }[]> {
  const { items } = await owner.call(routes.listAudit, { query: { limit: '500' } });
  const entries = items.filter((entry) => entry.gatewayId === gatewayId && entry.action.startsWith('expectations.')).toReversed();
  return Promise.all(
    entries.map(async ({ id }) => {
      const { action, outcome, summary, detail } = await owner.call(routes.getAuditEntry, { params: { id } });
      return { action, outcome, summary, detail: detail as Record<string, unknown> };
    }),
  );
}

describe('what helpers of a whole agent expect', () => {
  let agent: MemoryAgent;
  let approver: Person;
  let viewer: Person;
  let isReadOnly = false;
  beforeAll(async () => {
    const guardRules = () => ({ isReadOnly, methods: [], protect: [], protections: [] });
    agent = await MemoryAgent.start(controller, owner, 'helping-gw', 30, { guardRules });
    approver = await controller.person('approver', [{ role: 'approver', tenantId: agent.tenantId }]);
    viewer = await controller.person('viewer', [{ role: 'viewer', tenantId: agent.tenantId }]);
    for (const master of MASTERS) agent.table.insert(master);
  });
  beforeEach(async () => {
    isReadOnly = false;
    await agent.table.deleteExpectations(await agent.table.expectations());
    for (const one of SAMPLE_EXPECTATIONS) agent.table.expect(one);
  });
  afterAll(() => agent.end());
  const params = () => ({ id: agent.gatewayId });
  const list = (person = approver) => person.call(routes.listExpectations, { params: params() });

  it('is listed for whoever may see flows there: both families, with masters, zones and the time left', async () => {
    const { state, items, left, readAt } = await list();
    expect([state, left, items.length]).toEqual(['answered', 0, 4]);
    expect(Date.now() - Date.parse(readAt!)).toBeLessThan(60_000);
    expect(items[2]).toEqual({
      id: expect.any(Number),
      proto: 'tcp',
      src: { address: '198.51.100.71' },
      dst: { address: '10.1.0.71', port: 2580 },
      master: { proto: 'tcp', src: { address: '10.1.0.71', port: 9000 }, dst: { address: '198.51.100.71', port: 21 } },
      helper: 'ftp',
      zone: 7,
      timeoutSeconds: expect.any(Number),
      isPermanent: false,
    });
    expect(items[3]!.dst).toEqual({ address: 'fd00:1:1::71', port: 2580 });
  });

  it('is deleted exactly as listed, and the trail has it before and after, with counts', async () => {
    const { items } = await list();
    await agent.table.deleteExpectations((await agent.table.expectations()).slice(0, 1));
    const other = { ...items[2]!, dst: { ...items[2]!.dst, port: 9 } };
    const body = { items: [items[0]!, items[1]!, other], reason: 'the call is over' };
    expect(await owner.call(routes.deleteExpectations, { params: params(), body })).toEqual({
      gatewayId: agent.gatewayId,
      state: 'answered',
      deleted: 1,
      gone: 2,
      failed: 0,
    });
    expect((await list()).items.map(({ id }) => id)).toEqual([items[2]!.id, items[3]!.id]);
    const [before, after] = (await trail(agent.gatewayId)).slice(-2);
    expect(before).toMatchObject({
      action: 'expectations.deleting',
      outcome: 'ok',
      summary: 'owner asked helping-gw to delete 3 expectations: the call is over',
      detail: { asked: 3, reason: 'the call is over' },
    });
    expect((before!.detail.expectations as string[])[1]).toMatch(
      /^udp 198\.51\.100\.71 to 10\.1\.0\.70:4002, expected by udp 10\.1\.0\.70:5060 to 198\.51\.100\.71:5060 \(sip\), id \d+$/,
    );
    expect(after).toMatchObject({
      action: 'expectations.deleted',
      outcome: 'ok',
      summary: 'helping-gw deleted 1 of 3 expectations; 2 had ended, 0 are still there',
      detail: { deleted: 1, gone: 2, failed: 0 },
    });
  });

  it('stays where the gateway is read-only, and both the answer and the trail say so', async () => {
    isReadOnly = true;
    const { items } = await list();
    const body = { items, reason: 'trying' };
    expect(await owner.call(routes.deleteExpectations, { params: params(), body })).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('readOnly: nothing may be changed on this gateway'),
      deleted: 0,
    });
    expect((await list()).items).toHaveLength(4);
    expect((await trail(agent.gatewayId)).at(-1)).toMatchObject({ action: 'expectations.deleted', outcome: 'failed' });
  });

  it('is not for everybody to see or to delete, nor without a reason, nor what was never listed', async () => {
    const { items } = await list();
    const asks = [
      [approver, { items, reason: 'r' }, 403],
      [viewer, { items, reason: 'r' }, 403],
      [owner, { items, reason: ' ' }, 400],
      [owner, { items: [], reason: 'r' }, 400],
      [owner, { items: [{ ...items[0]!, src: { address: 'nowhere' } }], reason: 'r' }, 400],
      [owner, { items: [{ ...items[0]!, src: { address: 'fd00::1' } }], reason: 'r' }, 400],
    ] as const;
    const before = await trail(agent.gatewayId);
    for (const [person, body, status] of asks)
      expect(await person.ask(routes.deleteExpectations, { params: params(), body })).toMatchObject({ status });
    expect(await viewer.ask(routes.listExpectations, { params: params() })).toMatchObject({ status: 403 });
    expect((await list()).items).toHaveLength(4);
    expect(await trail(agent.gatewayId)).toEqual(before);
  });
});

describe('of an agent that is not ours to trust', () => {
  let agent: FakeAgent;
  let queries: Query[];
  beforeAll(async () => {
    const { joinToken } = await makePlace(owner, 'Acme', 'odd-gw');
    agent = await FakeAgent.join(controller, joinToken);
    await agent.connect(controller.linkAddress, {
      capabilities: { can: ['list-expectations'], cannot: { 'delete-expectations': 'CAP_NET_ADMIN is missing.' } },
    });
  });
  afterAll(() => agent.disconnect());

  function answerWith(part: { expectations?: ExpectationList; expectationsEnded?: ExpectationsEnded }): void {
    queries = [];
    agent.onQuery = (query) => {
      queries.push(query);
      const head = { snapshotAtMs: 0n, total: 0n, tableCount: 0n, facets: [], explain: [], spared: [], ...part };
      return [
        { $case: 'head', value: head },
        { $case: 'end', value: { rows: 0, digest: Buffer.alloc(0) } },
      ];
    };
  }
  const list = () => owner.call(routes.listExpectations, { params: { id: agent.gatewayId } });
  const WIRE = {
    id: 7,
    family: 4,
    proto: 17,
    tuple: { src: Buffer.from([198, 51, 100, 1]), dst: Buffer.from([10, 0, 0, 5]), sport: 0, dport: 4000 },
    mask: { src: Buffer.alloc(4, 255), dst: Buffer.alloc(4, 255), sport: 0, dport: 65_535 },
    master: { src: Buffer.from([10, 0, 0, 5]), dst: Buffer.from([198, 51, 100, 1]), sport: 5060, dport: 5060 },
    masterProto: 17,
    helper: '\0sip',
    isPermanent: false,
  };

  it('no more is shown than was asked for, texts can be shown, and the rest is counted', async () => {
    answerWith({ expectations: { expectations: Array.from({ length: 501 }, (_, id) => ({ ...WIRE, id })), left: 4 } });
    const { items, left } = await list();
    expect([items.length, left, items[0]!.helper, items[0]!.timeoutSeconds]).toEqual([500, 5, '\uFFFDsip', undefined]);
    expect(queries[0]!.ask).toEqual({ $case: 'expectations', value: { limit: 500 } });
  });

  it('what is no expectation fails the answer, and nothing at all does too', async () => {
    answerWith({ expectations: { expectations: [{ ...WIRE, mask: undefined }], left: 0 } });
    expect(await list()).toMatchObject({ state: 'failed', reason: 'its agent sent what is no expectation', items: [] });
    answerWith({});
    expect(await list()).toMatchObject({ state: 'failed', reason: expect.stringContaining('without what was asked for') });
  });

  it('nothing is asked that it cannot do, and the reason is told', async () => {
    answerWith({ expectations: { expectations: [WIRE], left: 0 } });
    const { items } = await list();
    queries = [];
    const body = { items, reason: 'r' };
    expect(await owner.call(routes.deleteExpectations, { params: { id: agent.gatewayId }, body })).toMatchObject({
      state: 'failed',
      reason: 'CAP_NET_ADMIN is missing.',
    });
    expect(queries).toEqual([]);
  });

  it('silence is told as such: what came of it is not known, and the trail has that', async () => {
    answerWith({ expectations: { expectations: [WIRE], left: 0 } });
    const { items } = await list();
    agent.disconnect();
    await agent.connect(controller.linkAddress, { capabilities: { can: ['list-expectations', 'delete-expectations'], cannot: {} } });
    agent.onQuery = () => undefined;
    const body = { items, reason: 'r' };
    expect(await owner.call(routes.deleteExpectations, { params: { id: agent.gatewayId }, body })).toMatchObject({
      state: 'slow',
      deleted: 0,
    });
    expect((await trail(agent.gatewayId)).at(-1)).toMatchObject({
      outcome: 'failed',
      summary: 'odd-gw did not say that it deleted 1 expectation: No answer within 3000 ms.',
    });
  });
});
