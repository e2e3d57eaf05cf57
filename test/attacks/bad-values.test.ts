import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AgentMessage, type AnswerPart } from '../../proto/gen/ctfleet/v1/link.ts';
import { Outcome, Result_State } from '../../proto/gen/ctfleet/v1/operation.ts';
import { routes } from '../../proto/http/routes.ts';
import { toWireFlow } from '../../proto/wire/flow.ts';
import { AttackedFleet } from '../support/attacked-fleet.ts';
import { FakeAgent, makeFlows } from '../support/controller-fake-agent.ts';
import { eventually } from '../support/controller-fleet.ts';
import { HostileAgent } from '../support/hostile-agent.ts';

const MOST = 2n ** 64n - 1n;

let fleet: AttackedFleet;
let honest: FakeAgent;
let broken: FakeAgent;

beforeAll(async () => {
  fleet = await AttackedFleet.start();
  honest = await fleet.honest(await fleet.gateway('Acme', 'gw1'));
  broken = await fleet.honest(await fleet.gateway('Broken', 'gw2'));
});
afterAll(async () => {
  honest.disconnect();
  broken.disconnect();
  await fleet.stop();
});

/** Every list in the API, each validated against its own schema. */
async function readAllLists(): Promise<void> {
  for (const route of [
    routes.listFlushes,
    routes.listAudit,
    routes.listGateways,
    routes.listRemediationRuns,
    routes.listRemediations,
    routes.listTenants,
    routes.listSites,
  ] as const) {
    await fleet.owner.call(route);
  }
}

async function runOn(agent: FakeAgent) {
  const plan = await fleet.owner.call(routes.createPlan, {
    body: { filter: 'proto:udp', scope: { gateways: [agent.gatewayId] }, reason: 'r' },
  });
  const { flushId } = await fleet.owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
  return eventually('the flush has ended', async () => {
    const flush = await fleet.owner.call(routes.getFlush, { params: { id: flushId } });
    return flush.state === 'running' ? undefined : flush;
  });
}

describe('a value that no honest agent sends', () => {
  it.each([
    ['a time of 2^52 ms', { startedAtMs: 2n ** 52n, finishedAtMs: 2n ** 52n, undoUntilMs: 2n ** 52n }],
    ['a time of 2^64 ms', { startedAtMs: MOST, finishedAtMs: MOST, undoUntilMs: MOST }],
    ['a table of 2^64 entries', { tableBefore: MOST, tableAfter: MOST }],
    ['a detail with NUL', { detail: 'a\0b'.repeat(1000), reason: '\0' }],
    ['runs of four billion', { runs: Array.from({ length: 1000 }, () => ({ outcome: Outcome.OUTCOME_DELETED, count: 0xffffffff })) }],
    ['an unknown state and an unknown outcome', { state: 99 as Result_State, runs: [{ outcome: 99 as Outcome, count: 5 }] }],
  ])('in a result (%s) still completes its flush and breaks no page', async (_, value) => {
    broken.onCommand = (command) => broken.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 5 }], value);
    const flush = await runOn(broken);
    expect(flush.targets[0]!.totals.planned).toBe(5);
    await readAllLists();
  });

  it.each<[string, AnswerPart['part'][]]>([
    [
      'a snapshot of the year 146 million',
      [
        {
          $case: 'head',
          value: {
            snapshotAtMs: 2n ** 62n,
            total: MOST,
            tableCount: MOST,
            facets: [{ field: 'x\0', values: Array.from({ length: 3000 }, () => ({ value: '\0', flows: MOST })) }],
            impact: undefined,
            explain: Array<string>(2000).fill('why'),
            spared: [],
          },
        },
        { $case: 'end', value: { rows: 0, digest: Buffer.alloc(0) } },
      ],
    ],
    ['a failure with NUL', [{ $case: 'failure', value: { code: 'toString', detail: 'a\0b'.repeat(900) } }]],
    [
      'a port of 70,000',
      [
        {
          $case: 'flows',
          value: {
            flows: makeFlows(1)
              .map(toWireFlow)
              .map((flow) => ({ ...flow, orig: { ...flow.orig!, sport: 70_000 } })),
          },
        },
      ],
    ],
    [
      'an address of 3 bytes',
      [
        {
          $case: 'flows',
          value: {
            flows: makeFlows(1)
              .map(toWireFlow)
              .map((flow) => ({ ...flow, orig: { ...flow.orig!, src: Buffer.from([1, 2, 3]) } })),
          },
        },
      ],
    ],
    [
      'more rows than were asked for',
      Array.from({ length: 200 }, () => ({ $case: 'flows' as const, value: { flows: makeFlows(400).map(toWireFlow) } })),
    ],
  ])('in an answer (%s) excludes that gateway and no other', async (_, parts) => {
    broken.onQuery = () => parts;
    const search = await fleet.owner.call(routes.searchFlows, { body: { filter: 'proto:udp', limit: 10 } });
    expect(search.gateways.find(({ id }) => id === honest.gatewayId)).toMatchObject({ state: 'answered', total: 5 });
    const plan = await fleet.owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
    expect(plan.gateways.find(({ id }) => id === honest.gatewayId)).toMatchObject({ state: 'ready', flows: 5 });
    await readAllLists();
  });

  it('in a flow that is otherwise readable is omitted from that flow', async () => {
    broken.onQuery = () => [
      {
        $case: 'flows',
        value: {
          flows: makeFlows(1)
            .map(toWireFlow)
            .map((flow) => ({
              ...flow,
              startedAtMs: 2n ** 60n,
              rateBitsPerSecond: Number.NaN,
              labels: Array<string>(500).fill('l'),
              state: 's'.repeat(900),
            })),
        },
      },
      {
        $case: 'head',
        value: { snapshotAtMs: BigInt(Date.now()), total: 1n, tableCount: 1n, facets: [], impact: undefined, explain: [], spared: [] },
      },
      { $case: 'end', value: { rows: 1, digest: Buffer.alloc(0) } },
    ];
    const search = await fleet.owner.call(routes.searchFlows, { body: { filter: 'proto:udp', scope: { gateways: [broken.gatewayId] } } });
    expect(search.rows).toMatchObject([{ orig: { sport: 20_000 } }]);
    expect([search.rows[0]!.startedAt, search.rows[0]!.rateBitsPerSecond, search.rows[0]!.labels.length]).toEqual([
      undefined,
      undefined,
      128,
    ]);
  });
});

describe('a bad row that is already stored', () => {
  it('is shown without the invalid values, or named on its page with the reason, and fails no page', async () => {
    const sql = (text: string) => fleet.postgres.query(fleet.url, text);
    broken.onQuery = () => undefined;
    broken.disconnect();
    honest.onCommand = (command) => honest.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 5 }]);
    await runOn(honest);
    await sql(
      `UPDATE flush_target SET started_at = '144683-01-01', finished_at = '200000-01-01', undo_until = '144683-01-01', table_before = 9223372036854775807`,
    );
    await sql(`UPDATE gateway SET wans = '{"no": "list"}', capabilities = '"none"' WHERE name = 'gw2'`);
    // Whoever writes so says so.
    await sql(`SELECT pg_notify('ctfleet_gateway', id::text) FROM gateway`);
    await sql(`INSERT INTO remediation_run (id, remediation_id, remediation_name, revision, tenant_ids, state, trigger, triggered_at, finished_at, reported_at, matched, ended, filter, method)
      VALUES ('01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000002', 'r', 1, '{}', 'done', 't', '144683-01-01', '200000-01-01', now(), 1, 1, '', 'delete')`);
    await readAllLists();
    expect((await fleet.owner.call(routes.listFlushes)).items.length).toBeGreaterThan(0);
    const list = await eventually('it is seen to be broken', async () => {
      const page = await fleet.owner.call(routes.listGateways);
      return page.unreadable && page;
    });
    expect([list.items.map(({ name }) => name), list.unreadable]).toMatchObject([['gw1'], [{ id: broken.gatewayId }]]);
    expect(await fleet.owner.call(routes.getOverview)).toMatchObject({ figures: { gateways: 1 }, unreadable: [{ id: broken.gatewayId }] });
    expect((await fleet.owner.call(routes.listRemediationRuns)).items).toMatchObject([{ remediationName: 'r' }]);
  });
});

describe('an arbitrary message', () => {
  it('never ends a session with an internal error, and leaves every page intact', async () => {
    const hostile = new HostileAgent(await fleet.gateway('Any', 'any'));
    const number = fc.oneof(fc.nat(), fc.constantFrom(0, 0x7fffffff, 0xffffffff));
    const word = fc.integer();
    const long = fc.oneof(fc.bigInt({ min: 0n, max: MOST }), fc.constantFrom(0n, MOST, 2n ** 52n, 2n ** 63n, BigInt(Date.now())));
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.constantFrom('\0', '01900000-0000-7000-8000-000000000001', 'x'.repeat(2000), '__proto__', 'constructor'),
    );
    const runs = fc.array(fc.record({ outcome: word, count: number }), { maxLength: 5 });
    const counts = fc.dictionary(text, long, { maxKeys: 5 });
    const bytes = fc.uint8Array({ maxLength: 17 }).map((array) => Buffer.from(array));
    const wans = fc.array(fc.record({ name: text, interface: text, addresses: fc.array(bytes, { maxLength: 3 }) }), { maxLength: 3 });
    const sample = fc.record({
      atMs: long,
      count: long,
      max: long,
      buckets: long,
      cpus: fc.array(fc.record({ cpu: number, drop: long, insertFailed: long, earlyDrop: long }), { maxLength: 3 }),
      wans,
      breakdown: fc.option(
        fc.record({
          atMs: long,
          walked: long,
          byProto: counts,
          byState: counts,
          byWan: counts,
          topSources: fc.array(fc.record({ address: bytes, flows: long }), { maxLength: 3 }),
        }),
        { nil: undefined },
      ),
      rates: fc.option(fc.record({ newPerSecond: fc.double(), endedPerSecond: fc.double(), isLowerBound: fc.boolean() }), {
        nil: undefined,
      }),
    });
    const body = fc.oneof(
      fc.record({ $case: fc.constant('samples' as const), value: fc.record({ batch: long, samples: fc.array(sample, { maxLength: 3 }) }) }),
      fc.record({
        $case: fc.constant('progress' as const),
        value: fc.record({ commandId: text, phase: word, done: number, total: number }),
      }),
      fc.record({
        $case: fc.constant('result' as const),
        value: fc.record({
          commandId: text,
          state: word,
          reason: text,
          detail: text,
          runs,
          part: number,
          isLastPart: fc.boolean(),
          tableBefore: long,
          tableAfter: long,
          startedAtMs: long,
          finishedAtMs: long,
          undoUntilMs: long,
        }),
      }),
      fc.record({
        $case: fc.constant('remediationRun' as const),
        value: fc.record({
          id: text,
          remediationId: text,
          revision: number,
          state: word,
          trigger: text,
          wan: text,
          triggeredAtMs: long,
          matched: number,
          filter: text,
          method: word,
          part: number,
          isLastPart: fc.boolean(),
        }),
      }),
      fc.record({ $case: fc.constant('unreadable' as const), value: fc.record({ bytes: number, detail: text }) }),
      fc.record({ $case: fc.constant('pong' as const), value: fc.record({ sentAtMs: long }) }),
    );
    const codes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(body, { minLength: 1, maxLength: 12 }), async (bodies) => {
        AttackedFleet.aheadMs += 1_200_000;
        if (!(await hostile.connect(fleet.controller.linkAddress))) throw new Error(`refused: ${(await hostile.ended).details}`);
        for (const one of bodies) hostile.sendRaw(AgentMessage.encode(AgentMessage.fromPartial({ body: one as never })).finish());
        // The last frame is certain to be refused, which proves that all before it were handled.
        hostile.sendRaw(Buffer.from([0xff]));
        codes.add((await hostile.ended).code);
      }),
      { numRuns: 40, endOnFailure: true },
    );
    for (const code of codes) expect(['INVALID_REQUEST', 'RATE_LIMITED']).toContain(code);
    await readAllLists();
  });
});
