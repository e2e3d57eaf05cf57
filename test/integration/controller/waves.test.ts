import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { DeadlinesService } from '../../../controller/flushes/deadlines.service.ts';
import { Outcome, Result_State, type Command, type Result } from '../../../proto/gen/ctfleet/v1/operation.ts';
import type { Flush } from '../../../proto/http/flushes.ts';
import { routes } from '../../../proto/http/routes.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import { FakeAgent, makeFlows } from '../../support/controller-fake-agent.ts';
import { eventually, PASSWORD, Person, TestController } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';

const GATEWAYS = 10;
const FLOWS = 5;

let postgres: TestDatabases;
let url: string;
let one: TestController;
let two: TestController;
let owner: Person;
let atTwo: Person;
let tenantId: string;
const agents: FakeAgent[] = [];
let aheadMs = 0;
const clock = (): number => Date.now() + aheadMs;
const done = (agent: FakeAgent, command: Command, outcome = Outcome.OUTCOME_DELETED): Result =>
  agent.done(command, [{ outcome, count: FLOWS }], { undoUntilMs: BigInt(clock() + 300_000) });

beforeAll(async () => {
  postgres = await openTestDatabases();
  url = await postgres.newDatabase();
  // Two replicas: one holds the links, both process waves, and people use both.
  one = await TestController.start({ CTFLEET_DATABASE_URL: url }, { clock });
  two = await TestController.start({ CTFLEET_DATABASE_URL: url }, { clock, stateDir: one.stateDir });
  owner = await one.person('owner', [{ role: 'owner', tenantId: null }]);
  atTwo = await two.signIn('owner@example.net', PASSWORD);
  const tenant = await owner.call(routes.createTenant, { body: { name: 'Acme' } });
  tenantId = tenant.id;
  const site = await owner.call(routes.createSite, { body: { tenantId, name: 'HQ' } });
  for (let n = 0; n < GATEWAYS; n++) {
    const { token } = await owner.call(routes.createEnrolmentToken, {
      body: { siteId: site.id, gatewayName: `gw${n}`, tags: n < 2 ? ['ha:pair'] : [] },
    });
    const agent = await FakeAgent.join(one, token);
    agent.flows = makeFlows(FLOWS);
    agents.push(agent);
    await connect(n);
  }
});
afterAll(async () => {
  agents.forEach((agent) => agent.disconnect());
  await two.stop({ keepState: true });
  await one.stop();
  await postgres.stop();
});
beforeEach(() => {
  for (const agent of agents) {
    agent.commands.length = 0;
    agent.stops.length = 0;
    agent.onStop = () => undefined;
    agent.onCommand = (command) => done(agent, command);
  }
});

function connect(n: number): Promise<void> {
  return agents[n]!.connect(one.linkAddress, {
    capabilities: { can: ['delete', 'expire', 'undo', 'stop'], cannot: { reset: 'it is simulated' } },
  });
}

async function start(input: { waves?: boolean; gateways?: number; body?: object } = {}): Promise<{ planId: string; flushId: string }> {
  const plan = await owner.call(routes.createPlan, {
    body: {
      filter: 'proto:udp',
      scope: { gateways: agents.slice(0, input.gateways).map((agent) => agent.gatewayId) },
      reason: 'WAN1 failed',
      ...input.body,
    },
  });
  const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest, waves: input.waves } });
  return { planId: plan.id, flushId };
}

const look = (id: string): Promise<Flush> => owner.call(routes.getFlush, { params: { id } });
const ended = (id: string): Promise<Flush> =>
  eventually('the flush ends', async () => ((await look(id)).state === 'running' ? undefined : look(id)));
const asked = (): number[] => agents.flatMap((agent, n) => (agent.commands.length > 0 ? [n] : []));
const auditOf = async (flush: string) => (await owner.call(routes.listAudit, { query: { flush } })).items.map((entry) => entry.action);

describe('the waves of a flush', () => {
  it('run in order, each once the previous one has ended; I1, I2, I5: every command once, and after its audit entry', async () => {
    const held: (() => void)[] = [];
    agents.forEach((agent) => {
      agent.onCommand = (command) => void held.push(() => agent.send({ $case: 'result', value: done(agent, command) }));
    });
    const { flushId } = await start();
    const sizes: number[] = [];
    for (let before = 0; before < GATEWAYS; before += sizes.at(-1)!) {
      const wave = sizes.length + 1;
      await eventually(`wave ${wave} is under way`, async () => {
        const { targets } = await look(flushId);
        const own = targets.filter((target) => target.wave === wave).length;
        return held.length === own && asked().length === before + own ? sizes.push(own) : undefined;
      });
      held.splice(0).forEach((finish) => finish());
    }
    expect(sizes).toEqual([1, 2, 7]);
    expect(await ended(flushId)).toMatchObject({ state: 'verified', waves: 3, wave: 3, totals: { planned: 50, deleted: 50 } });
    expect(agents.map((agent) => agent.commands.length)).toEqual(Array.from({ length: GATEWAYS }, () => 1));
    expect(await auditOf(flushId)).toEqual([
      ...Array.from({ length: 7 }, () => 'flush.target-finished'),
      'flush.wave-begun',
      'flush.target-finished',
      'flush.target-finished',
      'flush.wave-begun',
      'flush.target-finished',
      'flush.started',
    ]);
    const early = await postgres.query(
      url,
      `
      SELECT 1 FROM command WHERE flush_id = $1 AND NOT EXISTS (SELECT 1 FROM audit_entry a WHERE a.flush_id = command.flush_id AND a.action IN ('flush.started', 'flush.wave-begun')
        AND a.at <= command.sent_at AND (a.action = 'flush.started' OR a.detail->'gatewayIds' ? command.gateway_id::text))`,
      [flushId],
    );
    expect(early).toEqual([]);
  });

  it('never contain both gateways of a pair, and are a single wave where none are wanted', async () => {
    const pair = await ended((await start({ gateways: 3 })).flushId);
    expect(pair.targets.map((target) => target.wave)).toEqual([1, 2, 1]);
    const all = await ended((await start({ waves: false })).flushId);
    expect(all.targets.map((target) => target.wave)).toEqual([1, 2, 1, 1, 1, 1, 1, 1, 1, 1]);
  });

  it('are those that the plan has shown, partners apart, and follow the tags that gateways have when they are asked for', async () => {
    const planFor = (gateways: FakeAgent[]) =>
      owner.call(routes.createPlan, {
        body: { filter: 'proto:udp', scope: { gateways: gateways.map((agent) => agent.gatewayId) }, reason: 'r' },
      });
    expect((await planFor(agents.slice(0, 1))).waves).toEqual([1]);
    expect((await planFor(agents.slice(0, 3))).waves).toEqual([2, 1]);
    const plan = await planFor(agents);
    expect(plan.waves).toEqual([1, 2, 7]);
    const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    const { targets } = await ended(flushId);
    expect(plan.waves).toEqual([1, 2, 3].map((wave) => targets.filter((target) => target.wave === wave).length));
    const tag = (tags: string[]) => owner.call(routes.updateGateway, { params: { id: agents[2]!.gatewayId }, body: { tags } });
    await tag(['ha:pair']);
    expect((await planFor(agents.slice(0, 3))).waves).toEqual([1, 1, 1]);
    await tag([]);
  });

  it('are held back after the first gateway failed; I11: no other gateway hears of it', async () => {
    agents[0]!.onCommand = (command) => done(agents[0]!, command, Outcome.OUTCOME_REAPPEARED);
    const { flushId } = await start();
    const flush = await ended(flushId);
    expect(flush).toMatchObject({ state: 'stopped', wave: 1, totals: { planned: 50, reappeared: 5, cancelled: 45 } });
    expect(flush.stopReason).toContain('1 of 1 gateway failed');
    expect(flush.targets.map((target) => target.state)).toEqual(['reappeared', ...Array.from({ length: 9 }, () => 'cancelled')]);
    expect(asked()).toEqual([0]);
    expect(await auditOf(flushId)).toEqual(['flush.stopped', 'flush.target-finished', 'flush.started']);
  });

  it('I4: do not begin after the deadline of the whole flush, however long the first one took', async () => {
    const slow: Command[] = [];
    agents[0]!.onCommand = (command) => void slow.push(command);
    const { flushId } = await start();
    await eventually('the first is at work', async () => slow[0]);
    // No gateway has said anything for eleven minutes then: nobody is to give its command up before it does.
    const sweeps = vi.spyOn(DeadlinesService.prototype, 'sweep').mockResolvedValue();
    aheadMs += 11 * 60_000;
    for (let n = 0; n < GATEWAYS; n++) await reconnect(n);
    sweeps.mockRestore();
    agents[0]!.send({ $case: 'result', value: done(agents[0]!, slow[0]!) });
    expect(await ended(flushId)).toMatchObject({
      state: 'stopped',
      stopReason: expect.stringContaining('time'),
      totals: { deleted: 5, cancelled: 45 },
    });
    expect(asked()).toEqual([0]);
  });

  it('I10: a replica that comes too late begins nothing', async () => {
    const { WavesService } = await import('../../../controller/flushes/waves.service.ts');
    const { flushId } = await start();
    await Promise.all(Array.from({ length: 6 }, (_, n) => (n % 2 === 0 ? one : two).running.app.get(WavesService).sweep()));
    expect((await ended(flushId)).totals.deleted).toBe(50);
    expect(
      await postgres.query(url, 'SELECT gateway_id FROM command WHERE flush_id = $1 GROUP BY gateway_id HAVING count(*) <> 1', [flushId]),
    ).toEqual([]);
    expect((await auditOf(flushId)).filter((action) => action === 'flush.wave-begun')).toHaveLength(2);
  });
});

async function reconnect(n: number): Promise<void> {
  agents[n]!.disconnect();
  await connect(n);
}

describe('a stop', () => {
  /** Ends two flows, and leaves the rest alone once it is told to stop. */
  const stoppable = (agent: FakeAgent): void => {
    agent.onCommand = (command) => {
      agent.onStop = () =>
        agent.send({
          $case: 'result',
          value: agent.done(command, [
            { outcome: Outcome.OUTCOME_DELETED, count: 2 },
            { outcome: Outcome.OUTCOME_CANCELLED, count: 3 },
          ]),
        });
      return undefined;
    };
  };

  it('reaches a gateway at work within two seconds, even via another replica, and cancels the rest', async () => {
    agents.forEach(stoppable);
    const { flushId } = await start({ waves: false });
    await eventually('nine are at work', async () => (asked().length === 9 ? true : undefined));
    const stoppedAt = performance.now();
    await atTwo.call(routes.cancelFlush, { params: { id: flushId } });
    await eventually(
      'all have heard',
      async () => (agents.filter((agent) => agent.stops.length === 1).length === 9 ? true : undefined),
      2000,
    );
    expect(performance.now() - stoppedAt).toBeLessThan(2000);
    expect(await ended(flushId)).toMatchObject({
      state: 'partial',
      stopReason: 'cancelled by owner',
      totals: { planned: 50, deleted: 18, cancelled: 32 },
    });
    expect(agents[1]!.commands).toEqual([]);
    expect(await owner.ask(routes.cancelFlush, { params: { id: flushId } })).toMatchObject({
      status: 409,
      body: { code: 'FLUSH_FINISHED' },
    });
  });

  it('of a tenant ends everything running there; a command that its gateway refuses because of it is cancelled', async () => {
    agents.forEach((agent) => {
      agent.onCommand = (command) => {
        agent.onStop = () =>
          agent.send({
            $case: 'result',
            value: agent.done(command, [], { state: Result_State.STATE_REFUSED, reason: 'CANCELLED', detail: 'stopped before it began' }),
          });
        return undefined;
      };
    });
    const first = await start({ gateways: 1 });
    await eventually('it is at work', async () => agents[0]!.commands[0]);
    const { stopped } = await atTwo.call(routes.stopFlushes, { body: { tenant: tenantId } });
    expect(stopped).toEqual([first.flushId]);
    expect(await ended(first.flushId)).toMatchObject({ state: 'cancelled', totals: { cancelled: 5, deleted: 0 } });
    expect(await atTwo.call(routes.stopFlushes, { body: {} })).toEqual({ stopped: [] });
  });

  it('waits for a gateway whose link is down, and is sent before its command', async () => {
    const [agent] = agents;
    agent!.onCommand = () => undefined;
    const { flushId } = await start({ gateways: 1 });
    await eventually('it is at work', async () => agent!.commands[0]);
    agent!.disconnect();
    await eventually('its link is gone', async () =>
      (await owner.call(routes.getGateway, { params: { id: agent!.gatewayId } })).state === 'offline' ? true : undefined,
    );
    await owner.call(routes.cancelFlush, { params: { id: flushId } });
    agent!.onCommand = (command) =>
      agent!.stops.includes(command.id) ? agent!.done(command, [{ outcome: Outcome.OUTCOME_CANCELLED, count: FLOWS }]) : undefined;
    await connect(0);
    expect(await ended(flushId)).toMatchObject({ state: 'cancelled', totals: { cancelled: 5 } });
  });
});

describe('a retry', () => {
  it('plans the same again for those that failed, and runs nothing by itself', async () => {
    agents[2]!.onCommand = (command) =>
      agents[2]!.done(command, [], { state: Result_State.STATE_REFUSED, reason: 'GUARD_REFUSED', detail: 'readOnly' });
    const { flushId } = await start({ gateways: 3, body: { method: 'expire', forSeconds: 20, ticket: '8841' } });
    expect((await ended(flushId)).targets[2]).toMatchObject({ state: 'failed', reason: 'readOnly' });
    const plan = await owner.call(routes.retryFlush, { params: { id: flushId } });
    expect(plan).toMatchObject({
      state: 'ready',
      method: 'expire',
      forSeconds: 20,
      ticket: '8841',
      reason: 'WAN1 failed',
      totals: { flows: 5, gateways: 1 },
    });
    expect(plan.gateways.map((gateway) => gateway.id)).toEqual([agents[2]!.gatewayId]);
    const whole = await ended((await start({ gateways: 1 })).flushId);
    expect(await owner.ask(routes.retryFlush, { params: { id: whole.id } })).toMatchObject({ status: 422, body: { code: 'PLAN_EMPTY' } });
  });
});

describe('an undo', () => {
  it('restores what was deleted, as a flush of its own, once', async () => {
    const { flushId, planId } = await start({ gateways: 2 });
    const before = await ended(flushId);
    expect(Date.parse(before.undoUntil!)).toBeGreaterThan(clock());
    const runs = agents.slice(0, 2).map((agent) => agent.commands[0]!.id);
    agents.forEach((agent) => {
      agent.onCommand = (command) =>
        agent.done(command, [
          { outcome: Outcome.OUTCOME_RESTORED, count: 4 },
          { outcome: Outcome.OUTCOME_OCCUPIED, count: 1 },
        ]);
    });
    const { flushId: undoId } = await owner.call(routes.undoFlush, { params: { id: flushId } });
    expect(await ended(undoId)).toMatchObject({
      kind: 'undo',
      planId,
      state: 'partial',
      totals: { planned: 10, restored: 8, occupied: 2, deleted: 0 },
    });
    expect(agents.slice(0, 2).map((agent) => agent.commands[1]!.work)).toEqual(
      runs.map((commandId) => ({ $case: 'undoPlan', value: { commandId, planId } })),
    );
    const after = await look(flushId);
    expect([after.undoneBy, after.undoUntil]).toEqual([undoId, undefined]);
    const flows = await owner.call(routes.listPlanFlows, {
      params: { id: planId },
      query: { flush: undoId, gateway: agents[0]!.gatewayId },
    });
    expect(flows.items.map((flow) => flow.outcome)).toEqual(['restored', 'restored', 'restored', 'restored', 'occupied']);
    expect((await owner.call(routes.listPlanFlows, { params: { id: planId } })).items[0]!.outcome).toBe('deleted');
    expect(await owner.ask(routes.undoFlush, { params: { id: flushId } })).toMatchObject({
      status: 409,
      body: { code: 'PLAN_ALREADY_RUN' },
    });
    expect(await auditOf(undoId)).toEqual(['flush.target-finished', 'flush.target-finished', 'flush.undo-started']);
  });

  it('also restores what an interrupted gateway may have ended, and says how many flows that is', async () => {
    agents[0]!.onCommand = (command) =>
      agents[0]!.done(
        command,
        [
          { outcome: Outcome.OUTCOME_INDETERMINATE, count: 3 },
          { outcome: Outcome.OUTCOME_DELETED, count: 2 },
        ],
        { undoUntilMs: BigInt(clock() + 300_000) },
      );
    agents[1]!.onCommand = (command) =>
      agents[1]!.done(command, [{ outcome: Outcome.OUTCOME_INDETERMINATE, count: 5 }], {
        state: Result_State.STATE_INDETERMINATE,
        reason: 'INTERNAL',
        undoUntilMs: BigInt(clock() + 300_000),
      });
    const { flushId } = await start({ gateways: 2 });
    expect((await ended(flushId)).totals).toMatchObject({ planned: 10, deleted: 2, indeterminate: 8 });
    agents.forEach((agent) => {
      agent.onCommand = (command) => agent.done(command, [{ outcome: Outcome.OUTCOME_RESTORED, count: 5 }]);
    });
    const { flushId: undoId } = await owner.call(routes.undoFlush, { params: { id: flushId } });
    expect(await ended(undoId)).toMatchObject({ state: 'verified', totals: { planned: 10, restored: 10 } });
    const { items } = await owner.call(routes.listAudit, { query: { flush: undoId } });
    expect(items.find(({ action }) => action === 'flush.undo-started')!.summary).toMatch(
      /put back 10 flows, of which 8 may have ended otherwise, on 2 gateways/,
    );
  });

  it('is refused once it has expired, while the flush runs, and for an undo', async () => {
    const { flushId } = await start({ gateways: 1 });
    await ended(flushId);
    aheadMs += 300_001;
    expect(await owner.ask(routes.undoFlush, { params: { id: flushId } })).toMatchObject({ status: 409, body: { code: 'PLAN_EXPIRED' } });
    for (let n = 0; n < GATEWAYS; n++) await reconnect(n);
    const begun: Command[] = [];
    agents[0]!.onCommand = (command) => void begun.push(command);
    const running = await start({ gateways: 1 });
    expect(await owner.ask(routes.undoFlush, { params: { id: running.flushId } })).toMatchObject({
      status: 409,
      body: { code: 'FLUSH_RUNNING' },
    });
    expect(await owner.ask(routes.retryFlush, { params: { id: running.flushId } })).toMatchObject({
      status: 409,
      body: { code: 'FLUSH_RUNNING' },
    });
    const command = await eventually('it is at work', async () => begun[0]);
    agents[0]!.send({ $case: 'result', value: done(agents[0]!, command) });
    await ended(running.flushId);
  });
});

describe('a second person', () => {
  it('must approve a plan above the tenant’s limits: not its maker, not a token, and this very plan', async () => {
    await owner.call(routes.updateLimits, { params: { id: tenantId }, body: { flows: 4 } });
    const maker = await one.person('maker', [{ role: 'admin', tenantId }]);
    const approver = await one.person('approver', [{ role: 'approver', tenantId }]);
    const plan = await maker.call(routes.createPlan, {
      body: { filter: 'proto:udp', scope: { gateways: [agents[0]!.gatewayId] }, reason: 'r' },
    });
    expect(plan).toMatchObject({ friction: 'second-person', state: 'ready' });
    expect(Date.parse(plan.expiresAt) - Date.parse(plan.createdAt)).toBe(15 * 60_000);
    const run = () => maker.ask(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    const approve = (who: Person, digest = plan.digest) => who.ask(routes.approvePlan, { params: { id: plan.id }, body: { digest } });
    expect(await run()).toMatchObject({ status: 409, body: { code: 'APPROVAL_NEEDED' } });
    const { secret } = await approver.call(routes.createToken, { body: { name: 'bot', role: 'approver', tenantId } });
    expect(await approve(new Person(one.origin, { authorization: `Bearer ${secret}` }))).toMatchObject({ status: 403 });
    const { secret: own } = await maker.call(routes.createToken, { body: { name: 'mine', role: 'admin', tenantId } });
    expect(
      await new Person(one.origin, { authorization: `Bearer ${own}` }).ask(routes.updateLimits, {
        params: { id: tenantId },
        body: { flows: null },
      }),
    ).toMatchObject({ status: 403 });
    expect(await approve(maker)).toMatchObject({ status: 403 });
    expect(await approve(approver, 'another')).toMatchObject({ status: 409, body: { code: 'PLAN_DIGEST_MISMATCH' } });
    expect(await run()).toMatchObject({ body: { code: 'APPROVAL_NEEDED' } });
    expect(await approve(approver)).toMatchObject({ status: 200, body: { approval: { by: 'approver' } } });
    expect(await approve(approver)).toMatchObject({ status: 409, body: { code: 'ALREADY_EXISTS' } });
    const answer = await run();
    expect(answer.status).toBe(202);
    await ended((answer.body as { flushId: string }).flushId);
  });

  it('gives an approval that lasts fifteen minutes', async () => {
    const plan = await owner.call(routes.createPlan, {
      body: { filter: 'proto:udp', scope: { gateways: [agents[0]!.gatewayId] }, reason: 'r' },
    });
    const approver = await one.signIn('approver@example.net', PASSWORD);
    await approver.call(routes.approvePlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    aheadMs += 15 * 60_000 + 1;
    expect(await owner.ask(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } })).toMatchObject({
      status: 409,
      body: { code: 'PLAN_EXPIRED' },
    });
    for (let n = 0; n < GATEWAYS; n++) await reconnect(n);
  });

  it('is not needed if the owner has said so', async () => {
    expect(await owner.call(routes.updateLimits, { params: { id: tenantId }, body: { flows: null } })).toEqual({
      flows: null,
      percentOfTable: 10,
      isEverything: true,
      areSeveralTenants: true,
      approvalsBySignature: false,
    });
    expect(await owner.call(routes.getLimits, { params: { id: tenantId } })).toMatchObject({ flows: null });
    expect((await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } })).friction).toBe('count-in-button');
  });
});

describe('a plan', () => {
  it('leaves out a gateway that cannot do it, or whose owner does not allow it, and says why', async () => {
    agents[3]!.disconnect();
    const guard = { isReadOnly: true, methods: [], protected: [], isBuiltIn: false, signedFor: [], error: '' };
    await agents[3]!.connect(one.linkAddress, { guard });
    const gateway = async (method: string, n: number) =>
      (
        await owner.call(routes.createPlan, {
          body: { filter: 'proto:udp', method, scope: { gateways: [agents[n]!.gatewayId] }, reason: 'r' },
        })
      ).gateways[0];
    expect(await gateway('delete', 3)).toMatchObject({ state: 'left-out', reason: 'its guard file lets nothing be ended' });
    expect(await gateway('reset', 4)).toMatchObject({ state: 'left-out', reason: 'cannot reset: it is simulated' });
    expect(await gateway('expire', 4)).toMatchObject({ state: 'ready' });
    expect((await owner.call(routes.getGateway, { params: { id: agents[3]!.gatewayId } })).guard).toMatchObject({ isReadOnly: true });
  });

  it('leaves out a gateway if it would end more than its share of the table, and says what would help', async () => {
    agents[3]!.disconnect();
    const before = agents[3]!.flows;
    await agents[3]!.connect(one.linkAddress, {
      guard: { isReadOnly: false, methods: [], protected: [], mostPercentOfTable: 50, isBuiltIn: true, signedFor: [], error: '' },
    });
    const part = async (flows: Flow[]) => {
      agents[3]!.flows = flows;
      return (
        await owner.call(routes.createPlan, { body: { filter: 'proto:udp', scope: { gateways: [agents[3]!.gatewayId] }, reason: 'r' } })
      ).gateways[0];
    };
    expect(await part(makeFlows(1500))).toMatchObject({
      state: 'left-out',
      flows: 0,
      reason:
        '1500 of 100 flows are more than the 50 % of its table that it ends within a minute: narrow the filter, or set mostPercentOfTable in its guard file',
    });
    expect(await part(makeFlows(1500).map((flow) => ({ ...flow, stale: 'route-moved' })))).toMatchObject({ state: 'ready', flows: 1500 });
    expect(await part(makeFlows(1000))).toMatchObject({ state: 'ready' });
    agents[3]!.flows = before;
  });
});
