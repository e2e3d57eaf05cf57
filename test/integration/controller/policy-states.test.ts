import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AnswerPart } from '../../../proto/gen/ctfleet/v1/link.ts';
import { ResolveDrift_Way, type PolicyDrift, type PolicyState } from '../../../proto/gen/ctfleet/v1/policy.ts';
import type { PolicyState as StateView } from '../../../proto/http/policy-states.ts';
import { routes } from '../../../proto/http/routes.ts';
import { effectiveDocument } from '../../../proto/model/policy/effective-document.ts';
import { effectivePolicy } from '../../../proto/model/policy/effective.ts';
import type { PolicyReading } from '../../../proto/model/policy/gateway-reading.ts';
import { readPolicy } from '../../../proto/model/policy/read.ts';
import { writePolicy } from '../../../proto/model/policy/write.ts';
import { toWirePolicyReading } from '../../../proto/wire/policy.ts';
import { FakeAgent } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, PASSWORD, TestController, type Person } from '../../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';

const CAN = { can: ['delete', 'read-policy', 'report-policy'], cannot: {} };

let postgres: TestDatabases;
let url: string;
let one: TestController;
let two: TestController;
let owner: Person;
let atTwo: Person;
let viewer: Person;
let operator: Person;
let umbra: Person;
let agent: FakeAgent;
let tenantId: string;
let sinceMs: bigint;

beforeAll(async () => {
  postgres = await openTestDatabases();
  url = await postgres.newDatabase();
  one = await TestController.start({ CTFLEET_DATABASE_URL: url });
  two = await TestController.start({ CTFLEET_DATABASE_URL: url }, { stateDir: one.stateDir });
  owner = await one.person('owner', [{ role: 'owner', tenantId: null }]);
  atTwo = await two.signIn('owner@example.net', PASSWORD);
  const place = await makePlace(owner, 'Acme', 'milano-gw1');
  ({ tenantId } = place);
  viewer = await one.person('viewer', [{ role: 'viewer', tenantId }]);
  operator = await one.person('operator', [{ role: 'operator', tenantId }]);
  const other = await makePlace(owner, 'Umbra', 'torino-gw1');
  await FakeAgent.join(one, other.joinToken);
  umbra = await one.person('umbra', [{ role: 'owner', tenantId: other.tenantId }]);
  agent = await FakeAgent.join(one, place.joinToken);
  await connect();
});
afterAll(async () => {
  agent.disconnect();
  await two.stop({ keepState: true });
  await one.stop();
  await postgres.stop();
});
beforeEach(async () => {
  agent.decisions.length = 0;
  sinceMs = BigInt(Date.now());
  await postgres.query(url, 'DELETE FROM policy_drift');
  for (const { id } of (await owner.call(routes.listPolicies)).items) await owner.call(routes.deletePolicy, { params: { id } });
});

const connect = (hello: object = {}): Promise<void> => agent.connect(one.linkAddress, { capabilities: CAN, tableKind: 'kernel', ...hello });

const document = (spec: string, name = 'evening'): string =>
  `apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: ${name} }\nspec: ${spec}\n`;
const save = (spec: string, name?: string) =>
  owner.call(routes.createPolicy, { body: { tenantId, target: { level: 'tenant' }, document: document(spec, name) } });

/** The digest of a document that is put in force alone. */
function digestOf(spec: string): string {
  const read = readPolicy(document(spec, 'by-hand'));
  if (!('document' in read)) throw new Error(JSON.stringify(read.problems));
  const effective = effectivePolicy([{ policyId: '', level: 'gateway', document: read.document }]);
  return createHash('sha256')
    .update(writePolicy(effectiveDocument(effective)))
    .digest('hex');
}

const drift = (path: string, more: Partial<PolicyDrift> = {}): PolicyDrift => ({
  path,
  wanted: '1h',
  actual: '2h',
  sinceMs,
  process: '',
  isSetAgain: false,
  isIgnored: false,
  ...more,
});

/** Has the agent tell how it is set; resolves once that is what is shown. `spec`: in force. */
async function tell(spec: string | undefined, some: Partial<PolicyState> = {}): Promise<StateView> {
  const inForce = { changeId: 'change-1', policy: 'by-hand', documentSha256: spec ? digestOf(spec) : '', commandId: '', sinceMs };
  const before = (await stateOf()).reportedAt;
  const state = { inForce: spec === undefined ? undefined : inForce, pending: undefined, drift: [], driftLeft: 0, unknown: '', ...some };
  agent.send({ $case: 'policyState', value: state });
  return eventually(
    'the state is taken',
    async () => {
      const now = await stateOf();
      return now.reportedAt !== before ? now : undefined;
    },
    20_000,
  );
}

async function stateOf(person = owner): Promise<StateView> {
  return (await person.call(routes.listPolicyStates, { query: { gateway: agent.gatewayId } })).items[0]!;
}
const resolve = (person: Person, paths: string[], way: 'restore' | 'ignore') =>
  person.ask(routes.resolveDrift, { params: { id: agent.gatewayId }, body: { paths, way } });
const audited = async (action: string): Promise<string[]> =>
  (await owner.call(routes.listAudit, { query: { action } })).items.map(({ summary }) => summary);

describe('how a gateway stands to its policies', () => {
  it('is told by what is in force there against what its policies come to now, whatever those are called', async () => {
    expect((await tell(undefined)).compliance).toBe('none');
    const { id, revision } = await save('{ accounting: true }');
    expect(await stateOf()).toMatchObject({ compliance: 'outdated', reason: 'Its policies were never put in force here.' });
    expect(await tell('{ accounting: true }')).toMatchObject({ compliance: 'compliant', inForce: { policy: 'by-hand' } });
    await owner.call(routes.updatePolicy, {
      params: { id },
      body: { revision, document: document('{ accounting: true, timeouts: { icmp: 10s } }') },
    });
    expect((await stateOf()).compliance).toBe('outdated');
    expect((await tell('{ timeouts: { icmp: 10s }, accounting: true }')).compliance).toBe('compliant');
    await save('{ drift: restore }', 'other');
    expect((await stateOf()).compliance).toBe('outdated');
  });

  it('is drifted, changing or unknown, with the reason', async () => {
    await save('{ accounting: true }');
    const drifted = await tell('{ accounting: true }', { drift: [drift('table.max', { process: 'nft (pid 4711)' })] });
    expect(drifted).toMatchObject({
      compliance: 'drifted',
      drift: [{ path: 'table.max', wanted: '1h', actual: '2h', process: 'nft (pid 4711)', state: 'open' }],
    });
    const pending = { changeId: 'c2', policy: 'night', commandId: '', untilMs: sinceMs + 60_000n, isInForce: true };
    expect(await tell('{ accounting: true }', { pending })).toMatchObject({ compliance: 'changing', pending: { policy: 'night' } });
    expect(await tell('{ accounting: true }', { unknown: 'nft is not there' })).toMatchObject({ compliance: 'unknown' });
    agent.disconnect();
    const gone = await eventually('it is offline', async () => {
      const state = await stateOf();
      return state.reason?.includes('offline') ? state : undefined;
    });
    expect(gone.compliance).toBe('unknown');
    await connect({ capabilities: { can: [], cannot: { 'report-policy': 'No policy can be in force here.' } } });
    expect(await stateOf()).toMatchObject({ compliance: 'unknown', reason: 'No policy can be in force here.' });
    agent.disconnect();
    await connect();
  });

  it('is listed for the whole fleet, those that need somebody first, page by page, with counts', async () => {
    const { id } = await save('{ accounting: true }');
    await tell('{ accounting: true }', { drift: [drift('table.max')] });
    const all = await owner.call(routes.listPolicyStates);
    expect(all.counts).toMatchObject({ drifted: 1, compliant: 0 });
    expect(all.items.map(({ gatewayName, compliance }) => [gatewayName, compliance])[0]).toEqual(['milano-gw1', 'drifted']);
    const total = all.items.length;
    expect(total).toBeGreaterThan(1);
    const names: string[] = [];
    for (let cursor: string | undefined, pages = 0; pages === 0 || cursor; pages++) {
      const page = await owner.call(routes.listPolicyStates, { query: { limit: '1', ...(cursor && { cursor }) } });
      names.push(...page.items.map(({ gatewayName }) => gatewayName));
      cursor = page.cursor;
    }
    expect(names).toEqual(all.items.map(({ gatewayName }) => gatewayName));
    const some = await owner.call(routes.listPolicyStates, { query: { compliance: 'compliant' } });
    expect([some.items, Object.values(some.counts).reduce((sum, count) => sum + count)]).toEqual([[], total]);
    const reached = await owner.call(routes.listPolicyStates, { query: { policy: id } });
    expect(reached.items.map(({ gatewayName }) => gatewayName)).toEqual(['milano-gw1']);
  });

  it('is nobody’s of another tenant, nor by which policies of the installation reach it', async () => {
    await tell('{ accounting: true }', { drift: [drift('table.max')] });
    const fleet = await owner.call(routes.createPolicy, {
      body: { target: { level: 'fleet' }, document: document('{ accounting: true }', 'of-all') },
    });
    expect(JSON.stringify(await umbra.call(routes.listPolicyStates))).not.toMatch(/milano|table\.max/);
    expect((await umbra.call(routes.listPolicyStates, { query: { gateway: agent.gatewayId } })).items).toEqual([]);
    expect((await resolve(umbra, ['table.max'], 'ignore')).status).toBe(404);
    expect((await umbra.ask(routes.adoptPolicy, { params: { id: agent.gatewayId } })).status).toBe(404);
    expect((await viewer.call(routes.listPolicyStates, { query: { policy: fleet.id } })).items).toEqual([]);
    expect((await owner.call(routes.listPolicyStates, { query: { policy: fleet.id } })).items.length).toBeGreaterThan(0);
  });
});

describe('drift', () => {
  it('is in the audit trail when it begins and when it ends, once each, and what is over is shown for a day', async () => {
    await tell('{ accounting: true }');
    const [begun, ended] = [(await audited('policy.drifted')).length, (await audited('policy.drift-over')).length];
    for (let n = 0; n < 3; n++)
      await tell('{ accounting: true }', { drift: [drift('rules.guests', { process: 'nft (pid 4711)' }), drift('accounting')] });
    const drifted = await audited('policy.drifted');
    expect(drifted.length).toBe(begun + 1);
    expect(drifted[0]).toBe('milano-gw1 is no longer as its policy has it: rules.guests, by nft (pid 4711) and 1 value more');
    const over = drift('rules.guests', { process: 'nft (pid 4711)', isSetAgain: true });
    for (let n = 0; n < 3; n++) await tell('{ accounting: true }', { drift: [over, drift('accounting')] });
    expect((await audited('policy.drift-over')).length).toBe(ended + 1);
    expect((await stateOf()).drift.map(({ path, state }) => [path, state])).toEqual([
      ['accounting', 'open'],
      ['rules.guests', 'over'],
    ]);
    await tell('{ accounting: true }', { drift: [over] });
    expect((await audited('policy.drift-over')).length).toBe(ended + 2);
  });

  it('is seen by who watches the fleet', async () => {
    const events = await viewer.watch(routes.watchFleet, {}, { ids: agent.gatewayId });
    await events.until(({ kind }: { kind: string }) => kind === 'heartbeat');
    agent.send({
      $case: 'policyState',
      value: { inForce: undefined, pending: undefined, drift: [], driftLeft: 0, unknown: '' },
    });
    const event = await events.until(
      ({ kind, gateway }: { kind: string; gateway?: { id: string } }) => kind === 'gateway' && gateway?.id === agent.gatewayId,
    );
    events.close();
    expect(event).toBeDefined();
  });

  it('of a hostile agent is bounded, cleaned, and its own alone', async () => {
    const hostile = '\u001b[2J\u0000\u202e<script>' + 'x'.repeat(100);
    const many = Array.from({ length: 400 }, (_, n) => drift(`rules.${n}${hostile}`, { wanted: hostile, process: hostile }));
    const state = await tell('{ accounting: true }', {
      drift: many,
      unknown: '',
      inForce: { changeId: hostile, policy: hostile, documentSha256: hostile, commandId: hostile, sinceMs },
    });
    expect(state.drift.length + state.driftLeft).toBe(400);
    expect(JSON.stringify(state)).not.toMatch(/\\u001b|\\u0000|\u202e/);
    const flood = async (): Promise<void> => {
      sinceMs += 20_000n;
      await tell('{ accounting: true }', { drift: Array.from({ length: 290 }, (_, n) => drift(`rules.${n}`, { isSetAgain: true })) });
    };
    for (let n = 0; n < 3; n++) await flood();
    expect((await stateOf()).drift.length).toBe(200);
  });
});

describe('a decision about drift', () => {
  beforeEach(async () => {
    await tell('{ accounting: true }', { drift: [drift('table.max'), drift('accounting')] });
  });

  it('reaches the gateway by whichever replica holds its link, and is in the audit trail', async () => {
    expect((await resolve(atTwo, ['table.max'], 'restore')).status).toBe(202);
    const [told] = await eventually('it is told', async () => (agent.decisions.length > 0 ? agent.decisions : undefined));
    expect(told).toEqual({ changeId: 'change-1', paths: ['table.max'], way: ResolveDrift_Way.WAY_RESTORE });
    expect((await audited('policy.drift-decided'))[0]).toBe('owner had milano-gw1 set again table.max');
    expect((await resolve(owner, ['accounting'], 'ignore')).status).toBe(202);
    await eventually('it is told', async () => agent.decisions.find(({ way }) => way === ResolveDrift_Way.WAY_IGNORE));
    const state = await tell('{ accounting: true }', {
      drift: [drift('table.max', { isSetAgain: true }), drift('accounting', { isIgnored: true })],
    });
    expect(state).toMatchObject({
      drift: [
        { path: 'accounting', state: 'ignored' },
        { path: 'table.max', state: 'over' },
      ],
    });
    expect(state.compliance).not.toBe('drifted');
  });

  it('is sent again to an agent that connects before it has done it, and not once it has', async () => {
    await resolve(owner, ['table.max'], 'restore');
    await eventually('it is told', async () => agent.decisions[0]);
    agent.decisions.length = 0;
    agent.disconnect();
    await connect();
    await eventually('it is told again', async () => agent.decisions[0]);
    await tell('{ accounting: true }', { drift: [drift('accounting')] });
    agent.decisions.length = 0;
    agent.disconnect();
    await connect();
    // What comes after the decisions of an opened session.
    await tell('{ accounting: true }', { drift: [drift('accounting')] });
    expect(agent.decisions).toEqual([]);
  });

  it('is refused for what does not differ, with its place, and asked for twice it is audited once', async () => {
    const wrong = await resolve(owner, ['table.max', 'events'], 'restore');
    expect(wrong).toMatchObject({
      status: 400,
      body: { code: 'INVALID_REQUEST', issues: [{ path: 'paths[1]', message: 'does not differ' }] },
    });
    const before = (await audited('policy.drift-decided')).length;
    for (let n = 0; n < 2; n++) expect((await resolve(owner, ['table.max'], 'ignore')).status).toBe(202);
    expect((await audited('policy.drift-decided')).length).toBe(before + 1);
  });

  it('takes somebody who may apply policies, a gateway that is there, and an owner who lets it be changed', async () => {
    for (const person of [viewer, operator]) expect((await resolve(person, ['table.max'], 'ignore')).status).toBe(403);
    agent.disconnect();
    await connect({ guard: { isReadOnly: true, methods: [], protected: [], error: '', isBuiltIn: false, signedFor: [] } });
    expect(await resolve(owner, ['table.max'], 'restore')).toMatchObject({ status: 409, body: { code: 'GUARD_REFUSED' } });
    expect((await resolve(owner, ['table.max'], 'ignore')).status).toBe(202);
    agent.disconnect();
    const offline = await eventually('it is offline', async () => {
      const answer = await resolve(owner, ['table.max'], 'ignore');
      return answer.status === 202 ? undefined : answer;
    });
    expect(offline).toMatchObject({ status: 503, body: { code: 'GATEWAY_OFFLINE' } });
    await connect();
  });
});

describe('a gateway adopted as a policy', () => {
  const READING: PolicyReading = {
    actual: {
      settings: { nf_conntrack_max: 262_144, nf_conntrack_icmp_timeout: 10 },
      unsettable: {},
      helpers: [{ name: 'ftp', isLoaded: true }],
      table: { rules: [{ name: 'trunk', match: { proto: 'udp' }, idleTimeoutSeconds: 60 }], helpers: ['ftp'], strange: [] },
    },
    helpers: [],
    foreign: { rules: [], undecoded: [], unread: [], left: 0 },
    unread: [],
  };

  it('is a document that can be saved as it is, with what has drifted, and saves nothing', async () => {
    await tell('{ accounting: true }', { drift: [drift('table.max')] });
    agent.onQuery = (): AnswerPart['part'][] => [
      {
        $case: 'head',
        value: {
          snapshotAtMs: BigInt(Date.now()),
          total: 0n,
          tableCount: 0n,
          facets: [],
          explain: [],
          spared: [],
          policy: toWirePolicyReading(READING),
        },
      },
      { $case: 'end', value: { rows: 0, digest: Buffer.alloc(0) } },
    ];
    const adopted = await viewer.call(routes.adoptPolicy, { params: { id: agent.gatewayId } });
    expect(adopted).toMatchObject({ drifted: ['table.max'], notes: [] });
    expect((await owner.call(routes.listPolicies)).items).toEqual([]);
    const saved = await owner.call(routes.createPolicy, {
      body: { tenantId, target: { level: 'gateway', gatewayId: agent.gatewayId }, document: adopted.document },
    });
    const { gateways } = await owner.call(routes.planPolicy, { params: { id: saved.id }, body: {} });
    expect(gateways).toMatchObject([{ state: 'answered', difference: { changes: [] } }]);
  });

  it('is refused with the reason where the gateway is not there', async () => {
    agent.disconnect();
    const answer = await eventually('it is offline', async () => {
      const asked = await viewer.ask(routes.adoptPolicy, { params: { id: agent.gatewayId } });
      return asked.status === 200 ? undefined : asked;
    });
    expect(answer).toMatchObject({ status: 503, body: { code: 'GATEWAY_OFFLINE' } });
    await connect();
  });
});
