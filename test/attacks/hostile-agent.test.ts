import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Intake } from '../../controller/link/intake.ts';
import { newId } from '../../controller/platform/ids.ts';
import { AgentMessage } from '../../proto/gen/ctfleet/v1/link.ts';
import { Outcome, Result, Result_State } from '../../proto/gen/ctfleet/v1/operation.ts';
import { RemediationRun, RemediationRun_State } from '../../proto/gen/ctfleet/v1/remediation.ts';
import { Sample } from '../../proto/gen/ctfleet/v1/stats.ts';
import { routes } from '../../proto/http/routes.ts';
import { toWireFlow } from '../../proto/wire/flow.ts';
import { AttackedFleet } from '../support/attacked-fleet.ts';
import { collectGarbage } from '../support/collect-garbage.ts';
import { FakeAgent, makeFlows } from '../support/controller-fake-agent.ts';
import { eventually } from '../support/controller-fleet.ts';
import { HostileAgent, mutated } from '../support/hostile-agent.ts';

const MB = 1024 * 1024;
const AUTO = { name: 'Secret plan of Acme', mode: 'auto', trigger: { kind: 'table-usage', abovePercent: 90 }, filter: 'proto:udp' };

let fleet: AttackedFleet;
let honest: FakeAgent;
let hostile: HostileAgent;
let made = 0;
let tenantId: string;

beforeAll(async () => {
  fleet = await AttackedFleet.start();
  honest = await fleet.honest(await fleet.gateway('Acme', 'gw1'));
});
afterEach(() => hostile?.hangUp());
afterAll(async () => {
  honest.disconnect();
  await fleet.stop();
});

/** A hostile gateway in a tenant of its own. */
async function enterHostile(): Promise<HostileAgent> {
  const identity = await fleet.gateway(`Evil ${++made}`, `evil${made}`);
  tenantId = identity.tenantId;
  return new HostileAgent(identity);
}

const encode = (body: NonNullable<AgentMessage['body']>): Uint8Array => AgentMessage.encode({ body }).finish();

/** The memory that the work leaves behind, in bytes. */
async function growthOf(work: () => Promise<void>): Promise<number> {
  collectGarbage();
  const before = process.memoryUsage().rss;
  await work();
  collectGarbage();
  return process.memoryUsage().rss - before;
}

async function partsKept(): Promise<{ parts: number; bytes: number }> {
  const [row] = await fleet.postgres.query<{ parts: number; bytes: number }>(
    fleet.url,
    'SELECT count(*)::int AS parts, coalesce(sum(octet_length(sweeps)), 0)::int AS bytes FROM remediation_run_part',
  );
  return row!;
}

describe('a gateway that floods the controller with', () => {
  it('parts of results for commands that nobody issued is warned, cut, and refused for longer each time', async () => {
    hostile = await enterHostile();
    const runs = Array.from({ length: 40_000 }, () => ({ outcome: Outcome.OUTCOME_DELETED, count: 1 }));
    const parts = function* () {
      for (let message = 0; message < 349; message++)
        yield encode({
          $case: 'result',
          value: Result.fromPartial({ commandId: randomUUID(), part: 0, isLastPart: false, runs, state: Result_State.STATE_DONE }),
        });
    };
    const seconds: number[] = [];
    const growth = await growthOf(async () => {
      await hostile.connect(fleet.controller.linkAddress);
      const sent = await hostile.flood(parts());
      const { code, retryAfterSeconds } = await hostile.ended;
      expect([code, sent < 349]).toEqual(['RATE_LIMITED', true]);
      seconds.push(retryAfterSeconds);
    });
    for (let dial = 0; dial < 2; dial++) {
      AttackedFleet.aheadMs += 2000 * 2 ** dial;
      await hostile.connect(fleet.controller.linkAddress);
      await hostile.flood(parts());
      seconds.push((await hostile.ended).retryAfterSeconds);
    }
    expect(seconds).toEqual([1, 2, 4]);
    expect(await hostile.connect(fleet.controller.linkAddress)).toBe(false);
    expect((await hostile.ended).code).toBe('RATE_LIMITED');
    expect(growth).toBeLessThan(100 * MB);
    expect((await fleet.entries('gateway.cut')).length).toBeLessThanOrEqual(3);
  });

  it('runs of other tenants’ remediations gets no name, record or storage, and its tenant’s audit counts them in one entry', async () => {
    const { id: foreign } = await fleet.owner.call(routes.createRemediation, {
      body: { document: AUTO, tenantId: (await fleet.owner.call(routes.listTenants)).items.find(({ name }) => name === 'Acme')!.id },
    });
    hostile = await enterHostile();
    await hostile.connect(fleet.controller.linkAddress);
    const run = (remediationId: string) =>
      RemediationRun.fromPartial({
        id: newId(),
        remediationId,
        state: RemediationRun_State.STATE_DONE,
        isLastPart: true,
        trigger: 'x',
        sweeps: [{ number: 1, flows: makeFlows(500).map(toWireFlow), runs: [{ outcome: Outcome.OUTCOME_DELETED, count: 500 }] }],
      });
    await hostile.flood(
      Array.from({ length: 200 }, (_, at) => encode({ $case: 'remediationRun', value: run(at % 2 ? foreign : newId()) })),
    );
    expect((await hostile.ended).code).toBe('RATE_LIMITED');
    expect(await partsKept()).toEqual({ parts: 0, bytes: 0 });
    expect((await fleet.owner.call(routes.listRemediationRuns)).items).toEqual([]);
    const entries = await fleet.entries('remediation.run-unknown');
    expect(entries).toHaveLength(1);
    expect(JSON.stringify(entries)).not.toContain('Secret');
  });

  it('parts of runs that never end has at most one run’s parts kept', async () => {
    hostile = await enterHostile();
    const { id: remediationId } = await fleet.owner.call(routes.createRemediation, { body: { document: AUTO, tenantId } });
    await hostile.connect(fleet.controller.linkAddress);
    const flows = makeFlows(1000).map(toWireFlow);
    await hostile.flood(
      Array.from({ length: 60 }, () =>
        encode({
          $case: 'remediationRun',
          value: RemediationRun.fromPartial({ id: newId(), remediationId, part: 0, sweeps: [{ number: 1, flows, runs: [] }] }),
        }),
      ),
    );
    hostile.say({
      $case: 'remediationRun',
      value: RemediationRun.fromPartial({
        id: newId(),
        remediationId,
        part: 0,
        isLastPart: true,
        state: RemediationRun_State.STATE_OBSERVED,
        trigger: 'the end',
      }),
    });
    await eventually(
      'the last run is on record',
      async () => (await fleet.owner.call(routes.listRemediationRuns)).items.length === 1 || undefined,
    );
    expect((await partsKept()).parts).toBeLessThanOrEqual(1);
  });

  it('parts and sweeps with numbers that no column holds is refused with a message, and not with an internal error', async () => {
    hostile = await enterHostile();
    const { id: remediationId } = await fleet.owner.call(routes.createRemediation, { body: { document: AUTO, tenantId } });
    const run = { id: newId(), remediationId, state: RemediationRun_State.STATE_OBSERVED, trigger: 'x', isLastPart: true };
    await hostile.connect(fleet.controller.linkAddress);
    hostile.say({ $case: 'remediationRun', value: RemediationRun.fromPartial({ ...run, sweeps: [{ number: 0xffffffff }] }) });
    await eventually(
      'the run is on record',
      async () => (await fleet.owner.call(routes.listRemediationRuns)).items.some(({ id }) => id === run.id) || undefined,
    );
    hostile.say({ $case: 'remediationRun', value: RemediationRun.fromPartial({ ...run, id: newId(), part: 0xffffffff }) });
    expect((await hostile.ended).code).toBe('INVALID_REQUEST');
  });

  it('hellos of thousands of words has a hundred of them kept', async () => {
    hostile = await enterHostile();
    const words = Array.from({ length: 6_000 }, (_, at) => `word ${at}`);
    const cannot = Object.fromEntries(words.map((word) => [word, 'no\0']));
    expect(
      await hostile.connect(fleet.controller.linkAddress, {
        capabilities: { can: ['\0', 'x'.repeat(500)], cannot },
        agentVersion: '\0'.repeat(300),
        kernel: 'k'.repeat(900),
      }),
    ).toBe(true);
    const gateway = await fleet.owner.call(routes.getGateway, { params: { id: hostile.identity.response.gatewayId } });
    expect([Object.keys(gateway.capabilities!.cannot).length, gateway.agentVersion!.length, gateway.capabilities!.can[1]!.length]).toEqual([
      100, 200, 64,
    ]);
  });

  it('samples with absurd numbers and names breaks no page', async () => {
    hostile = await enterHostile();
    await hostile.connect(fleet.controller.linkAddress);
    const most = 2n ** 64n - 1n;
    const at = BigInt(Date.now() + AttackedFleet.aheadMs);
    const byProto = Object.fromEntries(Array.from({ length: 5000 }, (_, name) => [`${name}\0`, most]));
    hostile.say({
      $case: 'samples',
      value: {
        batch: 1n,
        samples: [
          Sample.fromPartial({
            atMs: at,
            count: most,
            max: most,
            buckets: most,
            cpus: [
              { cpu: 0xffffffff, drop: most, insertFailed: most, earlyDrop: most },
              { cpu: 1, drop: most },
            ],
            breakdown: { atMs: most, byProto, byState: { constructor: most } },
          }),
          Sample.fromPartial({ atMs: most, count: 1n }),
          Sample.fromPartial({ atMs: 0n, count: 1n }),
        ],
      },
    });
    const gateway = await eventually('the sample is on record', async () => {
      const { items } = await fleet.owner.call(routes.listGateways);
      return items.find(({ id, usage }) => id === hostile.identity.response.gatewayId && usage);
    });
    expect(Object.keys(gateway.usage!.byProto!)).toHaveLength(200);
    const now = Number(at);
    await fleet.owner.call(routes.listSamples, {
      params: { id: gateway.id },
      query: { from: new Date(now - 3_600_000).toISOString(), to: new Date(now + 60_000).toISOString() },
    });
  });

  it('undecodable bytes is cut, and the rest of the fleet is unaffected', async () => {
    hostile = await enterHostile();
    let seed = 7;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const sample = encode({ $case: 'samples', value: { batch: 1n, samples: [Sample.fromPartial({ atMs: 1n, count: 5n })] } });
    const result = encode({
      $case: 'result',
      value: Result.fromPartial({ commandId: newId(), runs: [{ outcome: 1, count: 3 }], isLastPart: true }),
    });
    const codes = new Set<string>();
    for (let session = 0; session < 25; session++) {
      AttackedFleet.aheadMs += 1_200_000;
      await hostile.connect(fleet.controller.linkAddress);
      await hostile.flood(Array.from({ length: 40 }, (_, at) => mutated(at % 2 ? sample : result, random)));
      hostile.sendRaw(Buffer.from([0xff, 0xff, 0xff]));
      codes.add((await hostile.ended).code);
    }
    for (const code of codes) expect(['INVALID_REQUEST', 'RATE_LIMITED']).toContain(code);
    honest.disconnect();
    await honest.connect(fleet.controller.linkAddress);
    expect(
      (await fleet.owner.call(routes.searchFlows, { body: { filter: 'proto:udp', scope: { gateways: [honest.gatewayId] } } })).total,
    ).toBe(5);
  });
});

describe('the counters', () => {
  it('show that nothing was lost silently', () => {
    const { refused, useless } = fleet.controller.running.app.get(Intake).counts;
    expect(refused).toBeGreaterThan(3);
    expect(useless).toBeGreaterThan(20);
  });
});
