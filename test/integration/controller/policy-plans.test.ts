import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Problem } from '../../../proto/http/common.ts';
import type { GatewayPolicy } from '../../../proto/http/policies.ts';
import { MAX_PLANNED_GATEWAYS } from '../../../proto/http/policy-plans.ts';
import type { Query } from '../../../proto/gen/ctfleet/v1/link.ts';
import type { PolicyEffects as WireEffects, PolicyPlanQuery } from '../../../proto/gen/ctfleet/v1/policy.ts';
import { routes } from '../../../proto/http/routes.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import { readPolicy } from '../../../proto/model/policy/read.ts';
import { toWireFlow } from '../../../proto/wire/flow.ts';
import type { PolicyReading } from '../../../proto/model/policy/gateway-reading.ts';
import { toWirePolicyReading } from '../../../proto/wire/policy.ts';
import { enrol, FakeAgent } from '../../support/controller-fake-agent.ts';
import { makePlace, startWithOwner, type Person, TestController } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';
import { MemoryAgent } from '../../support/memory-agent.ts';

const CAN = { can: ['delete', 'read-policy'], cannot: {} };
const READING: PolicyReading = {
  actual: {
    settings: { nf_conntrack_max: 262_144, nf_conntrack_icmp_timeout: 30, nf_conntrack_generic_timeout: 600, nf_conntrack_acct: 1 },
    unsettable: { nf_conntrack_max: 'it is one value for the whole machine' },
    helpers: [{ name: 'ftp', isLoaded: true }],
    table: { rules: [{ name: 'old', match: { proto: 'udp' }, mode: 'off' }], helpers: [], strange: ['chain other'] },
  },
  helpers: [{ name: 'ftp', state: 'built-in', evidence: 'It is in the list.' }],
  foreign: { rules: [], undecoded: [], unread: [], left: 0 },
  unread: [],
};

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let owner: Person;
let acme: { tenantId: string; siteId: string };
let acmeAdmin: Person;
let agent: FakeAgent;
let reading = READING;

async function enrolled(joinToken: string): Promise<FakeAgent> {
  const ca = readFileSync(path.join(controller.stateDir, 'ca.cert.pem'), 'utf8');
  return new FakeAgent(await enrol(controller.enrolAddress, ca, joinToken));
}

beforeAll(async () => {
  ({ postgres, url, controller, owner } = await startWithOwner({ CTFLEET_SEARCH_DEADLINE_MS: '3000' }));
  const place = await makePlace(owner, 'Acme', 'gw1');
  acme = place;
  acmeAdmin = await controller.person('acme', [{ role: 'admin', tenantId: acme.tenantId }]);
  agent = await enrolled(place.joinToken);
  agent.onQuery = () => [
    {
      $case: 'head',
      value: {
        snapshotAtMs: BigInt(Date.now()),
        total: 0n,
        tableCount: 0n,
        facets: [],
        explain: [],
        spared: [],
        policy: toWirePolicyReading(reading),
      },
    },
    { $case: 'end', value: { rows: 0, digest: Buffer.alloc(0) } },
  ];
  await agent.connect(controller.linkAddress, { capabilities: CAN });
});
afterEach(async () => {
  reading = READING;
  await postgres.query(url, 'DELETE FROM policy');
});
afterAll(async () => {
  agent.disconnect();
  await controller.stop();
  await postgres.stop();
});

const yaml = (name: string, spec: string) => `apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: ${name} }\nspec: ${spec}\n`;
const save = (name: string, target: object, spec: string, tenantId: string | undefined = acme.tenantId) =>
  owner.call(routes.createPolicy, { body: { tenantId, target, document: yaml(name, spec) } });
const ofAll = (name: string, target: object, spec: string) =>
  owner.call(routes.createPolicy, { body: { target, document: yaml(name, spec) } });
const read = (by = owner): Promise<GatewayPolicy> => by.call(routes.getGatewayPolicy, { params: { id: agent.gatewayId } });
const valueOf = ({ effective }: GatewayPolicy, wanted: string) => effective.values.find((value) => value.path === wanted);

describe('what policies come to on a gateway', () => {
  it('is nothing without any, and then nothing differs', async () => {
    const policy = await read();
    expect(policy).toMatchObject({ state: 'answered', effective: { values: [], policies: [] }, warnings: [] });
    expect(policy.difference).toBeUndefined();
  });

  it('has each value from the narrowest of five levels, and follows the gateway to another site and its tags', async () => {
    await ofAll('base', { level: 'fleet' }, '{ timeouts: { icmp: 1s, icmpv6: 1s, frag6: 1s, generic: 1s, gre: { replied: 1s } } }');
    await save('tenant', { level: 'tenant' }, '{ timeouts: { icmpv6: 2s, frag6: 2s, generic: 2s, gre: { replied: 2s } } }');
    await save('tagged', { level: 'tag', tag: 'vpn' }, '{ timeouts: { frag6: 3s, generic: 3s, gre: { replied: 3s } } }');
    const branch = await owner.call(routes.createSite, { body: { tenantId: acme.tenantId, name: 'Branch' } });
    await save('site', { level: 'site', siteId: branch.id }, '{ timeouts: { generic: 4s, gre: { replied: 4s } } }');
    await save('own', { level: 'gateway', gatewayId: agent.gatewayId }, '{ timeouts: { gre: { replied: 5s } } }');
    const now = async () => {
      const { effective } = await read();
      return Object.fromEntries(
        effective.values.map(({ path: at, text, origin }) => [at.slice('timeouts.'.length), `${text} ${origin.level} ${origin.of ?? ''}`]),
      );
    };
    const atFirst = {
      icmp: '1s fleet ',
      icmpv6: '2s tenant Acme',
      frag6: '2s tenant Acme',
      generic: '2s tenant Acme',
      'gre.replied': '5s gateway gw1',
    };
    expect(await now()).toEqual(atFirst);
    await owner.call(routes.updateGateway, { params: { id: agent.gatewayId }, body: { tags: ['vpn'] } });
    expect(await now()).toEqual({ ...atFirst, frag6: '3s tag vpn', generic: '3s tag vpn' });
    await postgres.query(url, `UPDATE gateway SET site_id = '${branch.id}' WHERE id = '${agent.gatewayId}'`);
    expect(await now()).toEqual({ ...atFirst, frag6: '3s tag vpn', generic: '4s site Branch' });
    expect((await read()).effective.policies.map(({ policy }) => policy)).toEqual(['base', 'tenant', 'tagged', 'site', 'own']);
    await postgres.query(url, `UPDATE gateway SET site_id = '${acme.siteId}', tags = '{}' WHERE id = '${agent.gatewayId}'`);
    expect(await now()).toEqual(atFirst);
  });

  it('tells a tenant’s people the values of the installation, where they hold, and neither their policies’ names nor ids', async () => {
    const base = await ofAll(
      'secret-base',
      { level: 'fleet' },
      '{ profile: normal, timeouts: { generic: 77s }, rules: [{ name: multicast, match: { dst: 224.0.0.0/4 }, mode: off }] }',
    );
    const other = await makePlace(owner, 'Other', 'gw9');
    await save('secret-other', { level: 'tenant' }, '{ timeouts: { generic: 88s } }', other.tenantId);
    await save('mine', { level: 'tenant' }, '{ timeouts: { icmp: 9s } }');
    const policy = await read(acmeAdmin);
    expect(valueOf(policy, 'timeouts.generic')).toMatchObject({ text: '77s', origin: { level: 'fleet', isOfInstallation: true } });
    expect(valueOf(policy, 'timeouts.tcp.established')).toMatchObject({ text: '2h', origin: { isByProfile: true } });
    expect(valueOf(policy, 'timeouts.icmp')).toMatchObject({
      text: '9s',
      origin: { level: 'tenant', of: 'Acme', policy: 'mine', isOfInstallation: false },
    });
    expect(valueOf(policy, 'rules.multicast')).toMatchObject({
      text: 'name: multicast\nmatch:\n  dst: 224.0.0.0/4\nmode: "off"\n',
      rule: { mode: 'off' },
    });
    const text = JSON.stringify(policy);
    for (const secret of ['secret-base', base.id, 'secret-other', '88s']) expect(text).not.toContain(secret);
    expect(JSON.stringify(await read())).toContain('secret-base');
  });

  it('stands beside what the gateway is set to, with what differs, what it cannot do, and the warnings', async () => {
    await save(
      'wanted',
      { level: 'tenant' },
      '{ table: { max: 1000 }, timeouts: { icmp: 10m, generic: 600s, udp: { replied: 1m } }, helpers: [ftp], rules: [{ name: all, ' +
        'mode: off }] }',
    );
    const { difference, warnings } = await read();
    expect(difference).toMatchObject({
      unchanged: 1,
      isReordered: false,
      strange: ['chain other'],
      changes: [
        { on: 'setting', path: 'table.max', from: 262_144, to: 1000, verdict: { kind: 'refused' }, origin: { policy: 'wanted' } },
        {
          on: 'setting',
          path: 'timeouts.udp.replied',
          to: 60,
          verdict: { kind: 'refused', reason: expect.stringContaining('This kernel has no') },
        },
        { on: 'setting', path: 'timeouts.icmp', from: 30, to: 600, verdict: { kind: 'set' } },
        { on: 'helper', helper: 'ftp', from: false, to: true, verdict: { kind: 'set' } },
        { on: 'rule', rule: 'all', to: { name: 'all', mode: 'off' }, verdict: { kind: 'set' }, origin: { policy: 'wanted' } },
        { on: 'rule', rule: 'old', from: { name: 'old' }, verdict: { kind: 'set' } },
      ],
    });
    expect(difference!.changes.at(-1)!.origin).toBeUndefined();
    expect(warnings.map(({ code }) => code)).toEqual(expect.arrayContaining(['off-everything', 'long-without-closing']));
  });

  it('is known while the gateway is away', async () => {
    const { joinToken } = await makePlace(owner, 'Away', 'gw-away');
    const away = await enrolled(joinToken);
    await ofAll('base', { level: 'fleet' }, '{ timeouts: { icmp: 1s } }');
    const policy = await owner.call(routes.getGatewayPolicy, { params: { id: away.gatewayId } });
    expect(policy).toMatchObject({ state: 'offline', reason: 'has never connected', effective: { values: [{ path: 'timeouts.icmp' }] } });
    expect([policy.actual, policy.difference]).toEqual([undefined, undefined]);
  });

  it('stops with a sentence at a stored document that can no longer be read', async () => {
    const { id } = await save('broken', { level: 'tenant' }, '{}');
    await postgres.query(url, `UPDATE policy SET document = 'nonsense', digest = 'n' WHERE id = '${id}'`);
    expect(await owner.ask(routes.getGatewayPolicy, { params: { id: agent.gatewayId } })).toMatchObject({
      status: 500,
      body: { detail: 'The policy broken can no longer be read: correct and save it again.' },
    });
    expect((await owner.call(routes.listPolicies)).items).toHaveLength(1);
  });
});

describe('what a plan says of flows that are there', () => {
  const EFFECTS: WireEffects = {
    effects: [
      { kind: 'stopped', path: 'rules.rest', flows: 3, why: 'It denies them\0.' },
      { kind: 'timeout-shortens', path: 'timeouts.icmp', flows: 7, why: '10s instead of 30s.' },
    ],
    tableCount: 90n,
    unknown: '',
  };
  const flow = (sport: number): Flow => ({
    family: 4,
    proto: 6,
    orig: { src: '10.1.0.5', dst: '203.0.113.7', sport, dport: 80 },
    reply: { src: '203.0.113.7', dst: '10.1.0.5', sport: 80, dport: sport },
    zone: 0,
    id: sport,
    status: 0,
    mark: 0,
    labels: [],
  });
  const document = yaml('base', '{ timeouts: { icmp: 10s }, rules: [{ name: rest, match: { proto: tcp }, mode: deny }] }');
  let seeing: FakeAgent;
  let told: WireEffects | undefined = EFFECTS;
  let rows = [1, 2];
  const asked: Query[] = [];
  const body = () => ({ scope: { gateways: [seeing.gatewayId] }, document, target: { level: 'fleet' as const } });
  const planned = async () => {
    const plan = await owner.call(routes.planNewPolicy, { body: body() });
    return { digest: plan.digest, gateway: plan.gateways[0]! };
  };

  beforeAll(async () => {
    seeing = await enrolled((await makePlace(owner, 'Tenant of seeing', 'seeing')).joinToken);
    seeing.onQuery = (query) => {
      asked.push(query);
      return [
        {
          $case: 'head',
          value: {
            snapshotAtMs: BigInt(Date.now()),
            total: 3n,
            tableCount: 90n,
            facets: [],
            explain: [],
            spared: [],
            policy: toWirePolicyReading(reading),
            policyEffects: told,
          },
        },
        { $case: 'flows', value: { flows: rows.map((sport) => toWireFlow(flow(sport))) } },
        { $case: 'end', value: { rows: rows.length, digest: Buffer.alloc(0) } },
      ];
    };
    await seeing.connect(controller.linkAddress, { capabilities: { can: [...CAN.can, 'plan-policy'], cannot: {} } });
  });
  afterEach(() => {
    [told, rows] = [EFFECTS, [1, 2]];
    asked.length = 0;
  });
  afterAll(() => seeing.disconnect());

  it('is counted, named where flows stop, and comes with the reading of the same moment', async () => {
    const { gateway } = await planned();
    expect(gateway).toMatchObject({
      state: 'answered',
      difference: { changes: [{ path: 'timeouts.icmp' }, { path: 'rules.rest', to: { mode: 'deny', answer: 'drop' } }, { rule: 'old' }] },
      effects: {
        effects: [
          { kind: 'stopped', path: 'rules.rest', flows: 3, why: 'It denies them\uFFFD.' },
          { kind: 'timeout-shortens', path: 'timeouts.icmp', flows: 7, why: '10s instead of 30s.' },
        ],
        tableCount: 90,
        flowsLeft: 1,
      },
    });
    expect(gateway.effects!.stopped.map(({ gatewayId, proto, orig }) => [gatewayId, proto, orig.sport])).toEqual([
      [seeing.gatewayId, 'tcp', 1],
      [seeing.gatewayId, 'tcp', 2],
    ]);
    expect(gateway.effects!.unknown).toBeUndefined();
    expect(asked.map(({ ask }) => ask?.$case)).toEqual(['policyPlan']);
    const sent = readPolicy((asked[0]!.ask!.value as PolicyPlanQuery).document);
    expect(sent).toMatchObject({ document: { spec: { timeouts: { icmp: 10 }, rules: [{ name: 'rest', mode: 'deny' }] } } });
  });

  it('is no part of the digest', async () => {
    const { digest } = await planned();
    [told, rows] = [{ ...EFFECTS, effects: [] }, []];
    expect((await planned()).digest).toBe(digest);
  });

  it('is absent where the agent is older, and then the rest is as before', async () => {
    const plan = await owner.call(routes.planNewPolicy, { body: { ...body(), scope: { gateways: [agent.gatewayId] } } });
    expect(plan.gateways[0]).toMatchObject({ state: 'answered', difference: { changes: [{}, {}, {}] } });
    expect(plan.gateways[0]!.effects).toBeUndefined();
    told = undefined;
    expect((await planned()).gateway.effects).toBeUndefined();
  });

  it('says why flows could not be looked at, and what this controller does not understand', async () => {
    told = { ...EFFECTS, effects: [{ kind: 'rerouted', path: 'x', flows: 1, why: '' }], unknown: 'The table cannot be read.' };
    const { effects } = (await planned()).gateway;
    expect(effects).toMatchObject({
      effects: [],
      unknown: 'The table cannot be read. 1 effects are of a kind that this controller does not know.',
    });
  });

  it('is not taken from an agent that sends more flows than it was asked for', async () => {
    rows = Array.from({ length: 2001 }, (_, sport) => sport + 1);
    expect((await planned()).gateway).toMatchObject({ state: 'failed', reason: expect.stringContaining('more than was asked for') });
  });
});

describe('a plan', () => {
  it('says for each gateway what would change and what is refused, and names those that are away or too old', async () => {
    const [one, two] = [await MemoryAgent.start(controller, owner, 'memory-1'), await MemoryAgent.start(controller, owner, 'memory-2')];
    const away = await enrolled((await makePlace(owner, 'Tenant of away', 'away')).joinToken);
    const old = await enrolled((await makePlace(owner, 'Tenant of old', 'old')).joinToken);
    const queries: unknown[] = [];
    old.onQuery = (query) => void queries.push(query);
    await old.connect(controller.linkAddress);
    const scope = { gateways: [agent, one, two, away, old].map(({ gatewayId }) => gatewayId) };
    const document = yaml('base', '{ timeouts: { icmp: 10s } }');
    const plan = await owner.call(routes.planNewPolicy, { body: { scope, document, target: { level: 'fleet' } } });
    expect(plan).toMatchObject({ isApplied: false, unreached: 0 });
    const byName = new Map(plan.gateways.map((gateway) => [gateway.gatewayName, gateway]));
    const change = { on: 'setting', path: 'timeouts.icmp', from: 30, to: 10 };
    expect(byName.get('gw1')).toMatchObject({
      state: 'answered',
      difference: {
        changes: [
          { ...change, verdict: { kind: 'set' }, origin: { level: 'fleet', policy: 'base' } },
          { on: 'rule', rule: 'old' },
        ],
      },
    });
    for (const name of ['memory-1', 'memory-2'])
      expect(byName.get(name)).toMatchObject({
        state: 'answered',
        difference: { changes: [{ ...change, verdict: { kind: 'refused', reason: expect.stringContaining('in memory') } }] },
      });
    expect(byName.get('away')).toMatchObject({ state: 'offline', reason: 'has never connected' });
    expect(byName.get('old')).toMatchObject({ state: 'failed', reason: 'its agent is older and cannot tell; update it' });
    expect(queries).toEqual([]);
    expect((await owner.call(routes.listPolicies)).items).toEqual([]);
    await Promise.all([one.end(), two.end()]);
    old.disconnect();
  });

  it('has a digest over the policy and every difference: equal for equal ones, whoever asks, and another after any change', async () => {
    await ofAll('of-all', { level: 'fleet' }, '{ timeouts: { generic: 5s } }');
    const { id } = await save('planned', { level: 'tenant' }, '{ timeouts: { icmp: 10s } }');
    const scope = { gateways: [agent.gatewayId] };
    const digest = async (change: object = {}, by = owner) =>
      (await by.call(routes.planPolicy, { params: { id }, body: { scope, ...change } })).digest;
    const first = await digest();
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(await digest()).toBe(first);
    expect(await digest({}, acmeAdmin)).toBe(first);
    expect(await digest({ document: `# other text\n${yaml('planned', '{ timeouts: { icmp: 10s } }')}` })).toBe(first);
    const others = [
      await digest({ document: yaml('planned', '{ timeouts: { icmp: 11s } }') }),
      await digest({ target: { level: 'gateway', gatewayId: agent.gatewayId } }),
    ];
    reading = { ...READING, actual: { ...READING.actual, settings: { ...READING.actual.settings, nf_conntrack_icmp_timeout: 29 } } };
    others.push(await digest());
    expect(new Set([first, ...others]).size).toBe(4);
  });

  it('of a saved policy with another target is about the gateways that it would lose, too', async () => {
    const { id } = await save('planned', { level: 'tenant' }, '{ timeouts: { icmp: 10s } }');
    const branch = await owner.call(routes.createSite, { body: { tenantId: acme.tenantId, name: 'Empty branch' } });
    const scope = { tenants: [acme.tenantId] };
    const moved = await owner.call(routes.planPolicy, { params: { id }, body: { scope, target: { level: 'site', siteId: branch.id } } });
    expect(moved.gateways).toMatchObject([{ gatewayName: 'gw1', difference: { changes: [{ on: 'rule', rule: 'old' }], unchanged: 0 } }]);
    await owner.call(routes.updatePolicy, { params: { id }, body: { revision: 1, target: { level: 'site', siteId: branch.id } } });
    expect(await owner.call(routes.planPolicy, { params: { id }, body: { scope } })).toMatchObject({ gateways: [], unreached: 1 });
  });

  it('stays within what the caller sees, and says of mistakes what saving says', async () => {
    const { id } = await ofAll('base', { level: 'fleet' }, '{}');
    const document = yaml('mine', '{ timeouts: { icmp: 10s } }');
    expect(await acmeAdmin.ask(routes.planPolicy, { params: { id }, body: {} })).toMatchObject({ status: 404 });
    expect(await acmeAdmin.ask(routes.planNewPolicy, { body: { document, target: { level: 'fleet' } } })).toMatchObject({ status: 403 });
    const plan = await acmeAdmin.call(routes.planNewPolicy, { body: { tenantId: acme.tenantId, document, target: { level: 'tenant' } } });
    expect(plan.gateways.map(({ gatewayName }) => gatewayName)).toEqual(['gw1']);
    const wrong = { tenantId: acme.tenantId, document: yaml('x', '{ a: 1 }'), target: { level: 'tenant' } };
    const answer = await acmeAdmin.ask(routes.planNewPolicy, { body: wrong });
    expect((answer.body as Problem).problems).toMatchObject([{ line: 4, column: 9, path: 'spec.a' }]);
  });

  it('of more gateways than one plan has is refused before any is asked', async () => {
    const asked: unknown[] = [];
    const answer = agent.onQuery;
    agent.onQuery = (query) => void asked.push(query);
    const crowd = await makePlace(owner, 'Crowd', 'gw0');
    await postgres.query(
      url,
      `INSERT INTO gateway (id, tenant_id, site_id, name, tags, created_at)
       SELECT gen_random_uuid(), '${crowd.tenantId}', '${crowd.siteId}', 'crowd' || n, '{}', now()
       FROM generate_series(1, ${MAX_PLANNED_GATEWAYS + 1}) AS n`,
    );
    const body = { document: yaml('x', '{}'), target: { level: 'fleet' } };
    expect(await owner.ask(routes.planNewPolicy, { body })).toMatchObject({
      status: 422,
      body: { code: 'PLAN_TOO_LARGE', detail: expect.stringContaining('Narrow the scope') },
    });
    expect(asked).toEqual([]);
    agent.onQuery = answer;
    await postgres.query(url, `DELETE FROM gateway WHERE tenant_id = '${crowd.tenantId}'`);
  });

  it('does not wait beyond the deadline of searches for a gateway that is silent', async () => {
    const answer = agent.onQuery;
    agent.onQuery = () => undefined;
    const body = { tenantId: acme.tenantId, document: yaml('x', '{ timeouts: { icmp: 10s } }'), target: { level: 'tenant' } };
    expect((await owner.call(routes.planNewPolicy, { body })).gateways).toMatchObject([
      { state: 'slow', reason: 'No answer within 3000 ms.' },
    ]);
    agent.onQuery = answer;
  });
});
