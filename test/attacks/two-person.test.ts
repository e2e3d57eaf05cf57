import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Agent } from '../../agent/agent.ts';
import { systemClock } from '../../agent/time/clock.ts';
import { MemoryTable } from '../../agent/conntrack/memory/memory-table.ts';
import { identityOf } from '../../agent/enrolment.ts';
import { NO_RULES } from '../../agent/operations/local-guard.ts';
import { MemoryPolicies } from '../../agent/policies/reading/memory-policies.ts';
import { Outcome, type Command } from '../../proto/gen/ctfleet/v1/operation.ts';
import { RemediationRun, RemediationRun_State as State } from '../../proto/gen/ctfleet/v1/remediation.ts';
import type { Flush } from '../../proto/http/flushes.ts';
import type { Remediation, RemediationRun as RunView } from '../../proto/http/remediations.ts';
import { routes } from '../../proto/http/routes.ts';
import { toWireFlow } from '../../proto/wire/flow.ts';
import { FakeAgent, makeFlows } from '../support/controller-fake-agent.ts';
import { eventually, makePlace, Person, TestController } from '../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../support/database.ts';
import { entryOf } from '../support/sample-entries.ts';

const FLOWS = 50_000;
/** What the single token posted. */
const ATTACK = {
  name: 'make room',
  mode: 'auto',
  trigger: { kind: 'table-usage', abovePercent: 1 },
  filter: 'ip:0.0.0.0/0',
  steps: { verifyAfterSeconds: 0, sweeps: 10 },
  limits: { maxFlows: 1_000_000, maxPercentOfTable: 100, maxRunsAnHour: 60, coolDownSeconds: 0 },
};

let postgres: TestDatabases;
let controller: TestController;
let ann: Person;
let ben: Person;
let tokenOfAnn: Person;
let acme: { tenantId: string; siteId: string };
const table = new MemoryTable({ now: Date.now });
const agentDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-two-person-'));
const stopAgent = new AbortController();
let agentRuns: Promise<void> = Promise.resolve();
const fakes: FakeAgent[] = [];

beforeAll(async () => {
  postgres = await openTestDatabases();
  controller = await TestController.start({ CTFLEET_DATABASE_URL: await postgres.newDatabase(), CTFLEET_SAMPLE_INTERVAL_MS: '1000' });
  ann = await controller.person('ann', [{ role: 'owner', tenantId: null }]);
  ben = await controller.person('ben', [{ role: 'approver', tenantId: null }]);
  tokenOfAnn = new Person(controller.origin, {
    authorization: `Bearer ${(await ann.call(routes.createToken, { body: { name: 'script', role: 'owner' } })).secret}`,
  });
  const place = await makePlace(ann, 'Acme', 'gw1');
  acme = place;
  await ann.call(routes.updateLimits, {
    params: { id: acme.tenantId },
    body: { flows: 100, percentOfTable: 5, isEverything: true, areSeveralTenants: true },
  });
  const log = pino({ level: process.env.CTFLEET_TEST_LOG ?? 'silent' });
  const identity = await identityOf({
    stateDir: agentDir,
    hostname: 'gw1',
    clock: systemClock,
    random: Math.random,
    log,
    signal: stopAgent.signal,
    enrolAddress: controller.enrolAddress,
    joinToken: place.joinToken,
  });
  const agent = new Agent({
    identity,
    stateDir: agentDir,
    table,
    wans: () => [],
    policies: new MemoryPolicies(),
    ownAddresses: () => [],
    guardRules: () => ({ ...NO_RULES, mostPercentOfTable: 100 }),
    controller: async () => ({ addresses: [], port: 0 }),
    clock: systemClock,
    random: Math.random,
    log,
    hostname: 'gw1',
  });
  for (let n = 0; n < FLOWS; n++) {
    table.insert(
      entryOf({
        proto: 17,
        orig: { src: `10.1.${n >> 14}.1`, dst: '203.0.113.9', sport: 1024 + (n & 16_383), dport: 5060 },
        reply: { dst: '192.0.2.1' },
        timeoutSeconds: 86_400,
      }),
    );
  }
  agentRuns = agent.run(stopAgent.signal);
});
afterAll(async () => {
  fakes.forEach((fake) => fake.disconnect());
  stopAgent.abort();
  await agentRuns;
  await controller.stop();
  await postgres.stop();
  rmSync(agentDir, { recursive: true });
});

const count = async (): Promise<number> => (await table.counters()).count;
const save = (by: Person, change: object, tenantId: string | undefined = acme.tenantId): Promise<Remediation> =>
  by.call(routes.createRemediation, { body: { tenantId, document: { ...ATTACK, ...change } } });
const look = (id: string): Promise<Remediation> => ann.call(routes.getRemediation, { params: { id } });
const change = (by: Person, id: string, revision: number, body: object): Promise<Remediation> =>
  by.call(routes.updateRemediation, { params: { id }, body: { revision, ...body } });
const runOf = (remediation: string, fits: (run: RunView) => boolean = () => true): Promise<RunView> =>
  eventually('a run that has ended', async () =>
    (await ann.call(routes.listRemediationRuns, { query: { remediation } })).items.find((run) => run.state !== 'running' && fits(run)),
  );
const remove = (id: string): Promise<unknown> => ann.call(routes.deleteRemediation, { params: { id } });
const auditOf = async (action: string) => (await ann.call(routes.listAudit, { query: { action } })).items;

/** Gateways at one of a tenant's sites that do what the test says. */
async function addFakes(siteId: string, name: string, howMany: number, flows: number, tags: string[] = []): Promise<FakeAgent[]> {
  const added: FakeAgent[] = [];
  for (let n = 0; n < howMany; n++) {
    const { token } = await ann.call(routes.createEnrolmentToken, { body: { siteId, gatewayName: `${name}${n}`, tags } });
    const fake = await FakeAgent.join(controller, token);
    fake.flows = makeFlows(flows);
    fake.onCommand = (command) => fake.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: flows }]);
    await fake.connect(controller.linkAddress, { capabilities: { can: ['delete', 'stop'], cannot: {} } });
    added.push(fake);
  }
  fakes.push(...added);
  return added;
}

describe('one API token that posts a remediation to end everything', () => {
  let made: Remediation;

  it('ends nothing: the gateway only suggests, and says so', async () => {
    const check = await ann.call(routes.checkRemediation, { body: { tenantId: acme.tenantId, document: ATTACK } });
    expect(check.secondPerson).toBe('maxFlows 1000000 is more than the 100 flows that one person may end');
    made = await save(tokenOfAnn, {});
    expect(made.approval).toMatchObject({ state: 'needed', why: expect.stringContaining('token') });
    expect(await runOf(made.id)).toMatchObject({ state: 'suggested', matched: FLOWS, ended: 0 });
    expect(await count()).toBe(FLOWS);
  });

  it('cannot approve it, nor can the person behind it, nor can anybody approve a revision that does not exist', async () => {
    expect(await tokenOfAnn.ask(routes.approveRemediation, { params: { id: made.id }, body: { revision: 1 } })).toMatchObject({
      status: 403,
    });
    expect(await ann.ask(routes.approveRemediation, { params: { id: made.id }, body: { revision: 1 } })).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN' },
    });
    expect(await ben.ask(routes.approveRemediation, { params: { id: made.id }, body: { revision: 2 } })).toMatchObject({
      status: 409,
      body: { code: 'ALREADY_EXISTS' },
    });
    const stranger = await controller.person('stranger', [
      { role: 'approver', tenantId: (await makePlace(ann, 'Elsewhere', 'gw')).tenantId },
    ]);
    expect(await stranger.ask(routes.approveRemediation, { params: { id: made.id }, body: { revision: 1 } })).toMatchObject({
      status: 404,
    });
    expect(await count()).toBe(FLOWS);
  });

  it('cannot make it act by narrowing it', async () => {
    const small = await change(tokenOfAnn, made.id, 1, { document: { ...ATTACK, limits: { ...ATTACK.limits, maxFlows: 1 } } });
    expect(small.approval).toMatchObject({ state: 'needed' });
    const large = await change(tokenOfAnn, made.id, 2, { document: ATTACK });
    expect(large.approval).toMatchObject({ state: 'needed' });
    expect(await runOf(made.id, (run) => run.revision === 3)).toMatchObject({ state: 'suggested', ended: 0 });
  });

  it('sees it act once somebody else has approved this very revision, which is on record', async () => {
    const agreed = await ben.call(routes.approveRemediation, { params: { id: made.id }, body: { revision: 3 } });
    expect(agreed.approval).toMatchObject({ state: 'given', byName: 'ben' });
    expect(await ben.ask(routes.approveRemediation, { params: { id: made.id }, body: { revision: 3 } })).toMatchObject({ status: 409 });
    await eventually('the table is empty', async () => ((await count()) === 0 ? true : undefined));
    expect(await runOf(made.id, (run) => run.state === 'done')).toMatchObject({ ended: FLOWS, revision: 3 });
    expect((await auditOf('remediation.approved')).map((entry) => [entry.actor.name, entry.detail.revision])).toEqual([['ben', 3]]);
    await remove(made.id);
  });
});

describe('an approval', () => {
  it('survives rewording and lower limits, and ends with anything that widens', async () => {
    const made = await save(ann, { trigger: { kind: 'manual' }, filter: 'proto:tcp' });
    await ben.call(routes.approveRemediation, { params: { id: made.id }, body: { revision: 1 } });
    const document = { ...ATTACK, trigger: { kind: 'manual' }, filter: 'proto:tcp' };
    let revision = 1;
    for (const [by, changed, state] of [
      [ann, { document: { ...document, name: 'other words' } }, 'given'],
      [tokenOfAnn, { document: { ...document, limits: { ...document.limits, maxFlows: 900 } } }, 'given'],
      [ann, { document: { ...document, filter: 'proto:udp' } }, 'needed'],
    ] as const)
      expect((await change(by, made.id, revision++, changed)).approval?.state).toBe(state);
    await ben.call(routes.approveRemediation, { params: { id: made.id }, body: { revision } });
    expect((await change(ann, made.id, revision++, { isEnabled: false })).approval?.state).toBe('given');
    expect((await change(ann, made.id, revision++, { isEnabled: true })).approval?.state).toBe('needed');
    await remove(made.id);
  });

  it('becomes necessary when the tenant lowers its limits', async () => {
    const made = await save(ann, { trigger: { kind: 'manual' }, limits: { ...ATTACK.limits, maxFlows: 100 } });
    expect(made.approval?.state).toBe('not-needed');
    await ann.call(routes.updateLimits, { params: { id: acme.tenantId }, body: { flows: 99 } });
    expect((await look(made.id)).approval).toEqual({
      state: 'needed',
      why: 'maxFlows 100 is more than the 99 flows that one person may end',
    });
    await ann.call(routes.updateLimits, { params: { id: acme.tenantId }, body: { flows: 100 } });
    await remove(made.id);
  });

  it('cannot be given by someone to his own rewording of what another wrote', async () => {
    const admin = await controller.person('admin', [{ role: 'admin', tenantId: null }]);
    const made = await save(ann, { trigger: { kind: 'manual' } });
    await change(admin, made.id, 1, { document: { ...ATTACK, trigger: { kind: 'manual' }, description: 'looked through' } });
    expect(await ann.ask(routes.approveRemediation, { params: { id: made.id }, body: { revision: 2 } })).toMatchObject({ status: 403 });
    await remove(made.id);
  });
});

describe('runs of the controller', () => {
  let fake: FakeAgent;
  beforeAll(async () => {
    [fake] = (await addFakes(acme.siteId, 'one', 1, 40)) as [FakeAgent];
  });

  it('only suggest for a token, however few flows, and never for what is switched off', async () => {
    const made = await save(tokenOfAnn, { trigger: { kind: 'manual' }, limits: { ...ATTACK.limits, maxFlows: 50 } });
    await tokenOfAnn.call(routes.runRemediation, { params: { id: made.id } });
    expect(await runOf(made.id)).toMatchObject({
      state: 'suggested',
      matched: 40,
      ended: 0,
      reason: expect.stringContaining('second person'),
    });
    await change(tokenOfAnn, made.id, 1, { isEnabled: false });
    expect(await tokenOfAnn.ask(routes.runRemediation, { params: { id: made.id } })).toMatchObject({ status: 400 });
    expect(fake.commands).toEqual([]);
    await remove(made.id);
  });

  it('end what one person decided up to the limit of ten minutes, and what two decided beyond it', async () => {
    const document = { trigger: { kind: 'manual' }, scope: { gateways: [fake.gatewayId] }, limits: { ...ATTACK.limits, maxFlows: 100 } };
    const alone = await save(ann, document);
    const states: string[] = [];
    for (let n = 0; n < 3; n++) {
      const { runId } = await ann.call(routes.runRemediation, { params: { id: alone.id } });
      const run = await runOf(alone.id, ({ id }) => id === runId);
      states.push(run.state);
      if (n === 2)
        expect(run.reason).toContain('40 flows, with the 80 of the last ten minutes, are more than the 100 that one person may end');
    }
    expect(states).toEqual(['done', 'done', 'refused']);
    const together = await save(ann, { ...document, limits: ATTACK.limits });
    await ben.call(routes.approveRemediation, { params: { id: together.id }, body: { revision: 1 } });
    await ann.call(routes.runRemediation, { params: { id: together.id } });
    const run = await runOf(together.id);
    expect(run).toMatchObject({ state: 'done', ended: 40 });
    expect((await auditOf('flush.started'))[0]).toMatchObject({ flushId: run.flushId, detail: { approvedBy: 'ben' } });
    for (const { id } of [alone, together]) await remove(id);
  });

  it('and many small plans by one person add up to one that needs a second person, in either order', async () => {
    const place = await makePlace(ann, 'Small', 'unused');
    await ann.call(routes.updateLimits, { params: { id: place.tenantId }, body: { flows: 100 } });
    const [other] = (await addFakes(place.siteId, 'small', 1, 40)) as [FakeAgent];
    const plan = () =>
      ann.call(routes.createPlan, { body: { filter: 'proto:udp', scope: { gateways: [other.gatewayId] }, reason: 'bit by bit' } });
    const plans = [await plan(), await plan(), await plan()];
    const answers = await Promise.all(plans.map(({ id, digest }) => ann.ask(routes.runPlan, { params: { id }, body: { digest } })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([202, 202, 409]);
    const left = plans[answers.findIndex(({ status }) => status === 409)]!;
    expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({ code: 'APPROVAL_NEEDED' });
    expect(await plan()).toMatchObject({ friction: 'second-person' });
    await ben.call(routes.approvePlan, { params: { id: left.id }, body: { digest: left.digest } });
    await ann.call(routes.runPlan, { params: { id: left.id }, body: { digest: left.digest } });
  });
});

describe('a remediation on many gateways', () => {
  let own: FakeAgent[];
  let tenantId: string;
  beforeAll(async () => {
    const place = await makePlace(ann, 'Many', 'unused');
    tenantId = place.tenantId;
    own = [...(await addFakes(place.siteId, 'pair', 2, 1, ['ha:pair'])), ...(await addFakes(place.siteId, 'gw', 8, 1))];
  });
  const sent = (fake: FakeAgent, id: string) => fake.remediations.at(-1)?.find((one) => one.id === id);
  const given = (id: string) =>
    eventually('all have it', async () => (own.every((fake) => sent(fake, id)) ? own.map((fake) => sent(fake, id)!) : undefined));
  const report = (fake: FakeAgent, remediationId: string, n: number, outcome: Outcome, revision = 1): void =>
    fake.send({
      $case: 'remediationRun',
      value: RemediationRun.fromPartial({
        id: `019b0000-0000-7000-8000-0000000${String(n).padStart(5, '0')}`,
        remediationId,
        revision,
        state: State.STATE_DONE,
        trigger: 'the table is 90 % full',
        triggeredAtMs: BigInt(Date.now()),
        finishedAtMs: BigInt(Date.now()),
        matched: 1,
        filter: 'proto:udp',
        method: 1,
        isLastPart: true,
        sweeps: [{ number: 1, flows: makeFlows(1).map(toWireFlow), runs: [{ outcome, count: 1 }] }],
      }),
    });
  const small = { filter: 'proto:udp', limits: { ...ATTACK.limits, maxFlows: 1000, maxPercentOfTable: 10 } };

  it('is given to each with its tenant’s limits and its turn: one first, and never two of a pair together', async () => {
    const full = await save(ann, small, tenantId);
    const delays = (await given(full.id)).map(({ delaySeconds }) => delaySeconds);
    expect(delays.filter((delay) => delay === 0)).toHaveLength(1);
    expect(delays.toSorted((a, b) => a - b)).toEqual([0, 30, 30, 60, 60, 60, 60, 60, 60, 60]);
    expect(delays[0]).not.toBe(delays[1]);
    expect(sent(own[5]!, full.id)).toMatchObject({ limits: { flows: 5000, percentOfTable: 10 }, isApproved: false });
    await remove(full.id);
    const down = await save(ann, { ...small, trigger: { kind: 'wan-down' } }, tenantId);
    expect((await given(down.id)).map(({ delaySeconds }) => delaySeconds).toSorted()).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 10]);
    await remove(down.id);
  });

  it('is held back after the first failure, on all gateways at once, until a person lets it act again', async () => {
    const made = await save(ann, { ...small, trigger: { kind: 'wan-down' } }, tenantId);
    await given(made.id);
    report(own[3]!, made.id, 1, Outcome.OUTCOME_REAPPEARED);
    await eventually('all of them only suggest', async () =>
      own.every((fake) => sent(fake, made.id)?.document.includes('"mode":"suggest"')) ? true : undefined,
    );
    expect((await look(made.id)).heldBack).toMatchObject({ why: expect.stringContaining('1 of 1 gateway failed') });
    expect(await auditOf('remediation.held-back')).toHaveLength(1);
    expect(
      (await change(ann, made.id, 1, { document: { ...ATTACK, ...small, trigger: { kind: 'wan-down' }, name: 'words' } })).heldBack,
    ).toBeDefined();
    const lifted = await change(ann, made.id, 2, { isEnabled: true });
    expect([lifted.heldBack, lifted.approval?.state]).toEqual([undefined, 'not-needed']);
    await eventually('all of them act again', async () =>
      own.every((fake) => sent(fake, made.id)?.document.includes('"mode":"auto"')) ? true : undefined,
    );
    await remove(made.id);
  });

  it('is not held back by a gateway to which it was never given', async () => {
    const made = await save(ann, { ...small, trigger: { kind: 'wan-down' } }, tenantId);
    await given(made.id);
    report(fakes[0]!, made.id, 30, Outcome.OUTCOME_REAPPEARED);
    await eventually('the report is receipted', async () => (fakes[0]!.runReceipts.length > 0 ? true : undefined));
    expect((await look(made.id)).heldBack).toBeUndefined();
    await remove(made.id);
  });

  it('is held back when a fifth of a fleet fills its tables within a minute', async () => {
    const made = await save(ann, small, tenantId);
    await given(made.id);
    for (const [n, fake] of own.slice(0, 3).entries()) report(fake, made.id, 10 + n, Outcome.OUTCOME_DELETED);
    await eventually('it is held back', async () => (await look(made.id)).heldBack);
    expect((await look(made.id)).heldBack?.why).toContain('3 of 10 gateways ran it within a minute');
    await remove(made.id);
  });

  it('across all tenants needs a second person for any tenant that wants one, and one gateway’s report does not stop it', async () => {
    const made = await ann.call(routes.createRemediation, { body: { document: { ...ATTACK, ...small, trigger: { kind: 'wan-down' } } } });
    expect(made.approval).toEqual({ state: 'needed', why: 'it acts in several tenants' });
    await ben.call(routes.approveRemediation, { params: { id: made.id }, body: { revision: 1 } });
    report(own[0]!, made.id, 20, Outcome.OUTCOME_REAPPEARED);
    await runOf(made.id);
    expect((await look(made.id)).heldBack).toBeUndefined();
    report(own[1]!, made.id, 21, Outcome.OUTCOME_REAPPEARED);
    await eventually('two are enough', async () => (await look(made.id)).heldBack);
    await remove(made.id);
  });

  it('F18: does not act by itself while most of a tenant is offline, and says that it is unreachable', async () => {
    const made = await save(ann, { ...small, trigger: { kind: 'manual' } }, tenantId);
    for (const fake of own.slice(4)) fake.disconnect();
    await eventually('six are offline', async () => {
      const { items } = await ann.call(routes.listGateways, { query: { tenant: tenantId } });
      return items.filter(({ state }) => state === 'offline').length === 6 || undefined;
    });
    await ann.call(routes.runRemediation, { params: { id: made.id } });
    expect(await runOf(made.id)).toMatchObject({
      state: 'refused',
      reason: expect.stringContaining('tenant Many is unreachable: 6 of 10 gateways are offline'),
    });
    expect(own.flatMap((fake) => fake.commands)).toEqual([]);
    await remove(made.id);
  });
});

describe('a flush that spans tenants', () => {
  let mine: FakeAgent[];
  let others: FakeAgent[];
  let operator: Person;
  beforeAll(async () => {
    const [a, b] = [await makePlace(ann, 'Mine', 'unused'), await makePlace(ann, 'Others', 'unused')];
    for (const id of [a.tenantId, b.tenantId]) await ann.call(routes.updateLimits, { params: { id }, body: { areSeveralTenants: false } });
    mine = await addFakes(a.siteId, 'mine', 2, 3);
    others = await addFakes(b.siteId, 'others', 2, 3);
    operator = await controller.person('operator', [{ role: 'operator', tenantId: a.tenantId }]);
  });

  const start = async (): Promise<string> => {
    const { id, digest } = await ann.call(routes.createPlan, {
      body: { filter: 'proto:udp', scope: { gateways: [...mine, ...others].map(({ gatewayId }) => gatewayId) }, reason: 'fleet-wide' },
    });
    return (await ann.call(routes.runPlan, { params: { id }, body: { digest, waves: false } })).flushId;
  };
  const statesOf = ({ targets }: Flush, of: FakeAgent[]): string[] =>
    of.map(({ gatewayId }) => targets.find((target) => target.gatewayId === gatewayId)!.state);
  const flush = (id: string): Promise<Flush> => ann.call(routes.getFlush, { params: { id } });

  it('is stopped by a tenant’s operator on his own gateways, and continues on the others, which he cannot see', async () => {
    const held: Command[] = [];
    for (const fake of mine) fake.onCommand = (command) => void held.push(command);
    const id = await start();
    await eventually('his gateways are at work', async () => (held.length === 2 ? true : undefined));
    expect(await operator.ask(routes.getFlush, { params: { id } })).toMatchObject({ status: 404 });
    expect(await operator.call(routes.stopFlushes, { body: {} })).toEqual({ stopped: [id] });
    await eventually('his gateways have been told', async () => (mine.every((fake) => fake.stops.length === 1) ? true : undefined));
    for (const fake of mine)
      fake.send({ $case: 'result', value: fake.done(fake.commands[0]!, [{ outcome: Outcome.OUTCOME_CANCELLED, count: 3 }]) });
    const ended = await eventually('it ends', async () => ((await flush(id)).state === 'running' ? undefined : flush(id)));
    expect([statesOf(ended, mine), statesOf(ended, others)]).toEqual([
      ['cancelled', 'cancelled'],
      ['verified', 'verified'],
    ]);
    expect(others.flatMap((fake) => fake.stops)).toEqual([]);
    const seen = (await ann.call(routes.listAudit, { query: { flush: id } })).items.filter((entry) => entry.action === 'flush.cancelled');
    expect(seen.map((entry) => [entry.actor.name, entry.tenantId === undefined, entry.detail.stoppedIds])).toEqual([
      ['operator', false, mine.map(({ gatewayId }) => gatewayId)],
    ]);
  });

  it('can be stopped on a single gateway, and never on one that is not his', async () => {
    for (const fake of [...mine, ...others]) Object.assign(fake, { onCommand: () => undefined, stops: [], commands: [] });
    const id = await start();
    await eventually('all are at work', async () => ([...mine, ...others].every((fake) => fake.commands.length === 1) ? true : undefined));
    expect(await operator.call(routes.stopFlushes, { body: { gateway: others[0]!.gatewayId } })).toEqual({ stopped: [] });
    expect(await operator.call(routes.stopFlushes, { body: { gateway: mine[0]!.gatewayId } })).toEqual({ stopped: [id] });
    await eventually('it is told', async () => (mine[0]!.stops.length === 1 ? true : undefined));
    expect([mine[1]!.stops, others[0]!.stops, others[1]!.stops]).toEqual([[], [], []]);
    await ann.call(routes.cancelFlush, { params: { id } });
  });
});
