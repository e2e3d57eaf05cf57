import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MetricsRepository } from '../../../controller/metrics/metrics.repository.ts';
import { DeadlinesService } from '../../../controller/flushes/deadlines.service.ts';
import type { Problem } from '../../../proto/http/common.ts';
import type { PolicyRollout } from '../../../proto/http/policy-rollouts.ts';
import { routes } from '../../../proto/http/routes.ts';
import type { Command } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { valuesDigest } from '../../../controller/policies/in-force.ts';
import { readPolicy } from '../../../proto/model/policy/read.ts';
import { FakeAgent } from '../../support/controller-fake-agent.ts';
import { eventually, type Person, TestController } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';
import { BEFORE, POLICY_ABILITIES, PolicyAgent } from '../../support/policy-agent.ts';

const GATEWAYS = 4;

let postgres: TestDatabases;
let url: string;
let one: TestController;
let two: TestController;
let owner: Person;
let tenantId: string;
let siteId: string;
let count = 0;
const agents: PolicyAgent[] = [];
let aheadMs = 0;
const clock = (): number => Date.now() + aheadMs;

beforeAll(async () => {
  postgres = await openTestDatabases();
  url = await postgres.newDatabase();
  one = await TestController.start({ CTFLEET_DATABASE_URL: url }, { clock });
  two = await TestController.start({ CTFLEET_DATABASE_URL: url }, { clock, stateDir: one.stateDir });
  owner = await one.person('owner', [{ role: 'owner', tenantId: null }]);
  ({ tenantId, siteId } = await place('Acme', GATEWAYS));
});
afterAll(async () => {
  agents.forEach(({ agent }) => agent.disconnect());
  await two.stop({ keepState: true });
  await one.stop();
  await postgres.stop();
});
beforeEach(async () => {
  await postgres.query(url, 'DELETE FROM policy');
  for (const policyAgent of agents) {
    policyAgent.agent.commands.length = 0;
    policyAgent.agent.stops.length = 0;
    policyAgent.confirmed.length = 0;
    policyAgent.reading = BEFORE;
    policyAgent.onApply = (command) => policyAgent.keepSoon(command);
    policyAgent.agent.onStop = () => undefined;
    await policyAgent.again(one);
  }
});

/** A tenant with a site of so many gateways that are online. */
async function place(name: string, gateways: number): Promise<{ tenantId: string; siteId: string }> {
  const tenant = await owner.call(routes.createTenant, { body: { name } });
  const site = await owner.call(routes.createSite, { body: { tenantId: tenant.id, name: 'HQ' } });
  for (let n = 0; n < gateways; n++) await join(site.id, `${name} gw${n}`);
  return { tenantId: tenant.id, siteId: site.id };
}

async function join(at: string, gatewayName: string): Promise<PolicyAgent> {
  const { token } = await owner.call(routes.createEnrolmentToken, { body: { siteId: at, gatewayName } });
  const agent = new PolicyAgent(await FakeAgent.join(one, token));
  agents.push(agent);
  await agent.connect(one);
  return agent;
}

/** A policy that shortens a timeout, unless told otherwise, for the tenant. */
async function save(spec = '{ timeouts: { icmp: 10s } }', of: object = { tenantId, target: { level: 'tenant' } }): Promise<string> {
  const document = `apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: trial ${++count} }\nspec: ${spec}\n`;
  return (await owner.call(routes.createPolicy, { body: { document, ...of } })).id;
}

const scopeOf = (n: number) => ({ gateways: agents.slice(0, n).map(({ id }) => id) });

/** Plans it and rolls it out. */
async function roll(policyId: string, input: { gateways?: number; scope?: object; by?: Person; body?: object } = {}): Promise<string> {
  const { by = owner, scope = scopeOf(input.gateways ?? 1) } = input;
  const { digest } = await by.call(routes.planPolicy, { params: { id: policyId }, body: { scope } });
  const body = { scope, digest, reason: 'shorter timeouts', ...input.body };
  return (await by.call(routes.applyPolicy, { params: { id: policyId }, body })).rolloutId;
}
const get = (id: string, by = owner): Promise<PolicyRollout> => by.call(routes.getPolicyRollout, { params: { id } });
const over = (id: string): Promise<PolicyRollout> =>
  eventually('the roll-out is over', async () => {
    const rollout = await get(id);
    return rollout.finishedAt === undefined ? undefined : rollout;
  });
const inState = (id: string, state: string, count = 1): Promise<PolicyRollout> =>
  eventually(`${count} targets are ${state}`, async () => {
    const rollout = await get(id);
    return rollout.targets.filter((target) => target.state === state).length === count ? rollout : undefined;
  });
const commandOf = (n: number): Promise<Command> => eventually(`gateway ${n} has its command`, async () => agents[n]!.agent.commands[0]);
const auditOf = async (id: string): Promise<string[]> =>
  (await owner.call(routes.listAudit, { query: { flush: id } })).items.map((entry) => entry.action).toReversed();
const problem = async (route: (typeof routes)[keyof typeof routes], input: object, by = owner): Promise<Problem & { status: number }> => {
  const { status, body } = await by.ask(route, input);
  return { ...(body as Problem), status };
};

describe('a roll-out of a policy', () => {
  it('is in force on one gateway, heard over a new session, confirmed, and only then on the others', async () => {
    const id = await roll(await save(), { gateways: 3 });
    const rollout = await over(id);
    expect(rollout).toMatchObject({
      state: 'confirmed',
      kind: 'apply',
      policyRevision: 1,
      withinSeconds: 120,
      waves: 2,
      totals: { confirmed: 3 },
    });
    expect(rollout.targets.map(({ wave, changes }) => [wave, changes])).toEqual([
      [1, 1],
      [2, 1],
      [2, 1],
    ]);
    for (const { confirmed, agent } of agents.slice(0, 3)) expect(confirmed).toEqual([agent.commands[0]!.id]);
    const actions = await auditOf(id);
    expect(actions.slice(0, 3)).toEqual(['policy-rollout.started', 'policy-rollout.target-finished', 'policy-rollout.wave-begun']);
    expect(actions.slice(3)).toEqual(['policy-rollout.target-finished', 'policy-rollout.target-finished']);
    const started = (await owner.call(routes.listAudit, { query: { flush: id, action: 'policy-rollout.started' } })).items[0]!;
    expect(started).toMatchObject({
      reason: 'shorter timeouts',
      detail: { digest: rollout.digest, waves: 2, values: ['timeouts.icmp: 30 → 10'], policy: { revision: 1 } },
    });
    expect(await owner.call(routes.verifyAudit)).toMatchObject({ isIntact: true });
  });

  it('sends each gateway all that holds there as one document, and what it was planned as', async () => {
    await save('{ timeouts: { generic: 300s } }', { tenantId, target: { level: 'site', siteId } });
    const id = await roll(await save('{ timeouts: { icmp: 20s } }', { tenantId, target: { level: 'gateway', gatewayId: agents[0]!.id } }));
    await over(id);
    const { work } = agents[0]!.agent.commands[0]!;
    if (work?.$case !== 'applyPolicy') throw new Error('another command');
    expect(readPolicy(work.value.document)).toMatchObject({ document: { spec: { timeouts: { icmp: 20, generic: 300 } } } });
    expect(work.value).toMatchObject({ withinSeconds: 120, planId: id, insteadOf: '' });
    expect(work.value.digest).toHaveLength(32);
    const { difference } = await owner.call(routes.getRolloutDifference, { params: { id, gatewayId: agents[0]!.id } });
    expect(difference.changes.map(({ path }) => path).toSorted()).toEqual(['timeouts.generic', 'timeouts.icmp']);
    await postgres.query(url, 'DELETE FROM policy');
    expect((await get(id)).policyId).toBeUndefined();
  });

  it('waits with the others while the first gateway is not confirmed, and says until when', async () => {
    agents[0]!.onApply = (command) => agents[0]!.inForce(command);
    const id = await roll(await save(), { gateways: 2 });
    const rollout = await inState(id, 'confirming');
    expect(Date.parse(rollout.targets[0]!.until!) - Date.parse(rollout.targets[0]!.startedAt!)).toBeGreaterThanOrEqual(119_000);
    expect(agents[1]!.agent.commands).toEqual([]);
    await agents[0]!.again();
    agents[0]!.pending(agents[0]!.agent.commands[0]!.id);
    expect(await over(id)).toMatchObject({ state: 'confirmed' });
  });

  it('is held back from the others if the first gateway put it back', async () => {
    agents[0]!.onApply = ({ id }) => agents[0]!.restore(id);
    const id = await roll(await save(), { gateways: 4 });
    const rollout = await over(id);
    expect(rollout).toMatchObject({
      state: 'stopped',
      totals: { restored: 1, cancelled: 3 },
      stopReason: '1 of 1 gateway did not keep the policy',
    });
    expect(rollout.targets[0]).toMatchObject({ state: 'restored', reason: 'It was not confirmed in time.' });
    expect(agents.slice(1).flatMap(({ agent }) => agent.commands)).toEqual([]);
    expect(await auditOf(id)).toEqual(['policy-rollout.started', 'policy-rollout.target-finished', 'policy-rollout.stopped']);
  });

  it('is held back likewise if it was refused there, or could not be set', async () => {
    agents[0]!.onApply = ({ id }) => agents[0]!.refuse(id, 'The gateway was changed since this was planned.');
    expect(await over(await roll(await save(), { gateways: 2 }))).toMatchObject({ state: 'stopped', totals: { refused: 1, cancelled: 1 } });
    agents[0]!.onApply = ({ id }) => agents[0]!.restore(id, 'EPERM', 'UNAVAILABLE');
    expect(await over(await roll(await save(), { gateways: 2 }))).toMatchObject({ state: 'stopped', totals: { failed: 1, cancelled: 1 } });
  });

  it('goes to all at once if that is wanted', async () => {
    const rollout = await over(await roll(await save(), { gateways: 3, body: { waves: false } }));
    expect(rollout).toMatchObject({ state: 'confirmed', waves: 1 });
  });

  it('shows its progress as it happens', async () => {
    agents[0]!.onApply = () => undefined;
    const id = await roll(await save());
    const events = await owner.watch(routes.watchPolicyRollout, { id });
    expect(await events.next()).toMatchObject({ kind: 'rollout', rollout: { id, state: 'running' } });
    agents[0]!.keepSoon(await commandOf(0));
    expect(
      await events.until(
        ({ kind, target }: { kind: string; target?: { state: string } }) => kind === 'target' && target!.state === 'confirmed',
      ),
    ).toBeDefined();
    expect(await events.until(({ kind }: { kind: string }) => kind === 'rollout')).toMatchObject({ rollout: { state: 'confirmed' } });
    events.close();
  });

  it('is no flush, and no flush is a roll-out', async () => {
    const id = await roll(await save());
    await over(id);
    for (const route of [routes.getFlush, routes.getPlan]) expect(await problem(route, { params: { id } })).toMatchObject({ status: 404 });
    for (const route of [routes.cancelFlush, routes.undoFlush, routes.retryFlush])
      expect(await problem(route, { params: { id } })).toMatchObject({ status: 404 });
    expect(await problem(routes.runPlan, { params: { id }, body: { digest: (await get(id)).digest } })).toMatchObject({ status: 404 });
    expect((await owner.call(routes.listFlushes)).items).toEqual([]);
    expect(await one.running.app.get(MetricsRepository).flushedFlows('all')).toEqual([]);
    expect((await owner.call(routes.listPolicyRollouts, { query: { limit: '1' } })).items).toMatchObject([{ id, state: 'confirmed' }]);
  });
});

describe('what is rolled out', () => {
  it('is what was planned: nothing begins for another digest, or if a gateway was changed since', async () => {
    const policyId = await save();
    const { digest } = await owner.call(routes.planPolicy, { params: { id: policyId }, body: { scope: scopeOf(1) } });
    const apply = (body: object) =>
      problem(routes.applyPolicy, { params: { id: policyId }, body: { scope: scopeOf(1), digest, reason: 'x', ...body } });
    expect(await apply({ digest: 'f'.repeat(64) })).toMatchObject({ code: 'PLAN_DRIFTED' });
    agents[0]!.reading = {
      ...BEFORE,
      actual: { ...BEFORE.actual, settings: { ...BEFORE.actual.settings, nf_conntrack_icmp_timeout: 31 } },
    };
    expect(await apply({})).toMatchObject({ code: 'PLAN_DRIFTED' });
    agents[0]!.reading = BEFORE;
    expect(agents[0]!.agent.commands).toEqual([]);
    expect(await apply({})).toMatchObject({ status: 202 });
  });

  it('leaves out gateways that do not answer, whose agents are old, or whose owners allow no change, with the reason', async () => {
    agents[1]!.agent.disconnect();
    agents[2]!.agent.disconnect();
    await agents[2]!.connect(one, { ...POLICY_ABILITIES, can: ['delete', 'read-policy'] });
    agents[3]!.agent.disconnect();
    const isReadOnly = { isReadOnly: true, methods: [], mostPercentOfTable: 50, isBuiltIn: true, protected: [], signedFor: [], error: '' };
    await agents[3]!.agent.connect(one.linkAddress, { capabilities: POLICY_ABILITIES, guard: isReadOnly });
    const policyId = await save();
    const rollout = await over(await roll(policyId, { gateways: 4 }));
    expect(rollout).toMatchObject({ state: 'confirmed', waves: 1, totals: { confirmed: 1, skipped: 3 } });
    expect(rollout.targets.slice(1).map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^offline since|never/),
      'its agent cannot put a policy in force: update it',
      'its guard file lets nothing be changed',
    ]);
    const scope = { gateways: [agents[2]!.id] };
    const { digest } = await owner.call(routes.planPolicy, { params: { id: policyId }, body: { scope } });
    expect(await problem(routes.applyPolicy, { params: { id: policyId }, body: { scope, digest, reason: 'x' } })).toMatchObject({
      code: 'PLAN_EMPTY',
      detail: expect.stringContaining('update it'),
    });
  });

  it('leaves out gateways on which nothing changes, and not those that are set so by chance and not held to it', async () => {
    const values = { table: {}, timeouts: { icmp: 10 }, rules: [] };
    for (const [agent, digest] of [[agents[1]!, valuesDigest({ values })] as const, [agents[2]!, undefined] as const]) {
      agent.reading = {
        ...BEFORE,
        actual: { ...BEFORE.actual, settings: { ...BEFORE.actual.settings, nf_conntrack_icmp_timeout: 10 } },
      };
      agent.heldTo(digest);
    }
    const policy = await save();
    await eventually('what they are held to is known', async () => {
      const { gateways } = await owner.call(routes.planPolicy, { params: { id: policy }, body: { scope: scopeOf(3) } });
      return gateways[1]?.isInForce === true && gateways[2]?.isInForce === false ? true : undefined;
    });
    const { targets } = await over(await roll(policy, { gateways: 3 }));
    expect(targets.map(({ gatewayId }) => gatewayId)).toEqual([agents[0]!.id, agents[2]!.id]);
  });
});

const several = '{ table: { max: 100000 } }';

describe('a second person', () => {
  it('approves what sets the size of several tables, which begins by that', async () => {
    const id = await roll(await save(several), { gateways: 2 });
    const asked = await get(id);
    expect(asked).toMatchObject({
      state: 'awaiting-approval',
      needsApproval: 'it sets the size of several tables',
      totals: { waiting: 2 },
      waves: 2,
    });
    expect(agents[0]!.agent.commands).toEqual([]);
    expect((await owner.call(routes.listPolicyRollouts, { query: { state: 'awaiting-approval' } })).items.map((item) => item.id)).toContain(
      id,
    );
    const approve = { params: { id: asked.planId }, body: { digest: asked.digest } };
    expect(await problem(routes.approvePlan, approve)).toMatchObject({ code: 'FORBIDDEN' });
    const ann = await one.person(`ann ${count}`.replace(' ', ''), [{ role: 'approver', tenantId }]);
    expect(await problem(routes.approvePlan, { ...approve, body: { digest: 'other' } }, ann)).toMatchObject({
      code: 'PLAN_DIGEST_MISMATCH',
    });
    expect(await ann.call(routes.approvePlan, approve)).toEqual({ rolloutId: id });
    const rollout = await over(id);
    expect(rollout).toMatchObject({ state: 'confirmed', approval: { by: expect.stringMatching(/^ann/) }, totals: { confirmed: 2 } });
    expect(rollout.needsApproval).toBeUndefined();
    expect(await problem(routes.approvePlan, approve, ann)).toMatchObject({ code: 'PLAN_ALREADY_RUN' });
  });
});

describe('a confirmation', () => {
  it('does not come over the session on which the command was sent', async () => {
    agents[0]!.onApply = () => undefined;
    const id = await roll(await save());
    const command = await commandOf(0);
    agents[0]!.inForce(command);
    agents[0]!.pending(command.id);
    await inState(id, 'confirming');
    agents[0]!.pending(command.id);
    await agents[0]!.again();
    expect(agents[0]!.confirmed).toEqual([]);
    agents[0]!.pending(command.id);
    await over(id);
    expect(agents[0]!.confirmed).toEqual([command.id]);
  });

  it('comes from whichever replica has the new session', async () => {
    agents[0]!.onApply = (command) => agents[0]!.keepSoon(command, two);
    expect(await over(await roll(await save()))).toMatchObject({ state: 'confirmed' });
  });

  it('is not for the command of another gateway, and whoever names one is not heard for a while', async () => {
    for (const agent of agents.slice(0, 2)) agent.onApply = () => undefined;
    const id = await roll(await save());
    const command = await commandOf(0);
    await agents[1]!.again();
    agents[1]!.pending(command.id);
    agents[1]!.pending('01900000-0000-7000-8000-000000000000');
    agents[1]!.pending('nonsense');
    await agents[0]!.again();
    agents[0]!.pending(command.id, { isInForce: false });
    agents[0]!.pending(command.id);
    await over(id);
    expect([agents[0]!.confirmed, agents[1]!.confirmed]).toEqual([[command.id], []]);
  });

  it('is not for a command that is cancelled, which the gateway is told to put back', async () => {
    agents[0]!.onApply = (command) => agents[0]!.inForce(command);
    const id = await roll(await save(), { gateways: 2 });
    const command = await commandOf(0);
    await inState(id, 'confirming');
    expect(await owner.call(routes.cancelPolicyRollout, { params: { id } })).toMatchObject({
      state: 'running',
      totals: { confirming: 1, cancelled: 1 },
    });
    await agents[0]!.again();
    await eventually('the stop arrived', async () => agents[0]!.agent.stops[0]);
    agents[0]!.pending(command.id);
    agents[0]!.restore(command.id, 'It was stopped by the controller.', 'CANCELLED');
    const rollout = await over(id);
    expect(rollout).toMatchObject({ state: 'cancelled', totals: { restored: 1, cancelled: 1 } });
    expect(agents[0]!.confirmed).toEqual([]);
    expect(await problem(routes.cancelPolicyRollout, { params: { id } })).toMatchObject({ code: 'FLUSH_FINISHED' });
  });

  it('survives the end of the controller in between', async () => {
    const third = await TestController.start({ CTFLEET_DATABASE_URL: url }, { clock, stateDir: one.stateDir });
    await agents[0]!.again(third);
    agents[0]!.onApply = (command) => agents[0]!.inForce(command);
    const id = await roll(await save(), { by: owner.through(third.origin) });
    const command = await commandOf(0);
    await inState(id, 'confirming');
    await third.stop({ keepState: true });
    await agents[0]!.connect(one);
    agents[0]!.pending(command.id);
    expect(await over(id)).toMatchObject({ state: 'confirmed' });
  });
});

describe('a stop of everything', () => {
  it('stops roll-outs as well', async () => {
    agents[0]!.onApply = (command) => agents[0]!.inForce(command);
    agents[0]!.agent.onStop = ([id]) => agents[0]!.restore(id!, 'It was stopped by the controller.', 'CANCELLED');
    const id = await roll(await save(), { gateways: 2 });
    await inState(id, 'confirming');
    expect((await owner.call(routes.stopFlushes, { body: { tenant: tenantId } })).stopped).toEqual([id]);
    expect(await over(id)).toMatchObject({ state: 'cancelled', totals: { restored: 1, cancelled: 1 } });
  });
});

describe('an undo', () => {
  // No gateway has honestly as many sessions within the time of these tests.
  beforeAll(() => void (aheadMs += 60_000));

  it('takes back what is confirmed, once, as a roll-out of its own', async () => {
    const id = await roll(await save(), { gateways: 2 });
    expect(await over(id)).toMatchObject({ isUndoable: true });
    const commands = agents.slice(0, 2).map(({ agent }) => agent.commands[0]!.id);
    const { rolloutId: undoId } = await owner.call(routes.undoPolicyRollout, { params: { id } });
    const undo = await over(undoId);
    expect(undo).toMatchObject({ kind: 'undo', state: 'confirmed', totals: { confirmed: 2 }, waves: 2, isUndoable: false });
    expect(agents.slice(0, 2).map(({ agent }) => agent.commands.at(-1)!.work)).toMatchObject(
      commands.map((insteadOf) => ({ $case: 'applyPolicy', value: { insteadOf, document: '', withinSeconds: 120 } })),
    );
    const { difference } = await owner.call(routes.getRolloutDifference, { params: { id: undoId, gatewayId: agents[0]!.id } });
    expect(difference.changes).toMatchObject([{ path: 'timeouts.icmp', from: 10, to: 30 }]);
    expect(await get(id)).toMatchObject({ isUndoable: false, undoneBy: undoId });
    expect(await problem(routes.undoPolicyRollout, { params: { id } })).toMatchObject({ code: 'PLAN_ALREADY_RUN' });
    expect(await problem(routes.undoPolicyRollout, { params: { id: undoId } })).toMatchObject({ code: 'INVALID_REQUEST' });
  });

  it('is refused where nothing was kept, and while it runs', async () => {
    agents[0]!.onApply = (command) => agents[0]!.inForce(command);
    const id = await roll(await save());
    const command = await commandOf(0);
    await inState(id, 'confirming');
    expect(await problem(routes.undoPolicyRollout, { params: { id } })).toMatchObject({ code: 'FLUSH_RUNNING' });
    agents[0]!.restore(command.id);
    await over(id);
    expect(await problem(routes.undoPolicyRollout, { params: { id } })).toMatchObject({ code: 'PLAN_EMPTY' });
  });
});

describe('the people of a tenant', () => {
  it('see only roll-outs that touch no other tenant, and roll out only on their own gateways', async () => {
    const globex = await place('Globex', 1);
    const theirs = await one.person('hank', [{ role: 'admin', tenantId: globex.tenantId }]);
    const ours = await one.person('carl', [{ role: 'admin', tenantId }]);
    const everywhere = await save('{ timeouts: { icmp: 10s } }', { target: { level: 'fleet' } });
    const scope = { gateways: [agents[0]!.id, agents.at(-1)!.id] };
    const id = await roll(everywhere, { scope });
    const asked = await get(id);
    expect(asked).toMatchObject({ state: 'awaiting-approval', needsApproval: 'it changes gateways of several tenants' });
    const own = await roll(await save(), { by: ours });
    for (const [person, rollout] of [[theirs, id] as const, [ours, id] as const, [theirs, own] as const]) {
      for (const route of [routes.getPolicyRollout, routes.cancelPolicyRollout, routes.undoPolicyRollout, routes.watchPolicyRollout])
        expect(await problem(route, { params: { id: rollout } }, person)).toMatchObject({ status: 404 });
      const difference = { params: { id: rollout, gatewayId: agents[0]!.id } };
      expect(await problem(routes.getRolloutDifference, difference, person)).toMatchObject({ status: 404 });
      expect((await person.call(routes.listPolicyRollouts)).items.map((item) => item.id)).not.toContain(rollout);
    }
    expect(await over(own)).toMatchObject({ state: 'confirmed' });
    expect(
      await problem(routes.applyPolicy, { params: { id: everywhere }, body: { scope, digest: asked.digest, reason: 'x' } }, theirs),
    ).toMatchObject({
      status: 404,
    });
  });
});

// The clock goes forward in these, and stays there.
describe('a second person later', () => {
  it('comes too late after a quarter of an hour, and after it was cancelled', async () => {
    const ben = await one.person('ben', [{ role: 'approver', tenantId }]);
    const cancelled = await get(await roll(await save(several), { gateways: 2 }));
    expect(await owner.call(routes.cancelPolicyRollout, { params: { id: cancelled.id } })).toMatchObject({
      state: 'cancelled',
      totals: { cancelled: 2 },
    });
    const approve = { params: { id: cancelled.id }, body: { digest: cancelled.digest } };
    expect(await problem(routes.approvePlan, approve, ben)).toMatchObject({ code: 'PLAN_EXPIRED' });
    const late = await get(await roll(await save(several), { gateways: 2 }));
    aheadMs += 16 * 60_000;
    expect(await get(late.id)).toMatchObject({ state: 'expired' });
    const { status, code } = await problem(routes.approvePlan, { params: { id: late.id }, body: { digest: late.digest } }, ben);
    expect([status, code]).toEqual([409, 'PLAN_EXPIRED']);
    expect(await problem(routes.cancelPolicyRollout, { params: { id: late.id } })).toMatchObject({ code: 'FLUSH_FINISHED' });
    expect(agents[0]!.agent.commands).toEqual([]);
  });
});

describe('a gateway that is not heard', () => {
  it('has as long as the policy may wait before its end counts as unknown, and may still report it', async () => {
    agents[0]!.onApply = (command) => agents[0]!.inForce(command);
    const id = await roll(await save(), { body: { withinSeconds: 600 } });
    const { notAfterMs, id: commandId } = await commandOf(0);
    await inState(id, 'confirming');
    agents[0]!.agent.disconnect();
    const deadlines = one.running.app.get(DeadlinesService);
    aheadMs = Number(notAfterMs) - Date.now() + 500_000;
    await deadlines.sweep();
    expect((await get(id)).totals).toEqual({ confirming: 1 });
    aheadMs += 200_000;
    await deadlines.sweep();
    expect((await get(id)).totals).toEqual({ indeterminate: 1 });
    await agents[0]!.connect(one);
    agents[0]!.restore(commandId);
    expect(await inState(id, 'restored')).toMatchObject({ totals: { restored: 1 } });
  });
});
