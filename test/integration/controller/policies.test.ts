import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnswerPart, Query } from '../../../proto/gen/ctfleet/v1/link.ts';
import { PolicyReading as WireReading, TrackingExplanation as WireExplanation } from '../../../proto/gen/ctfleet/v1/policy.ts';
import type { Problem } from '../../../proto/http/common.ts';
import { routes } from '../../../proto/http/routes.ts';
import type { PolicyReading } from '../../../proto/model/policy/gateway-reading.ts';
import { fromWireAskedPacket, toWirePolicyReading } from '../../../proto/wire/policy.ts';
import { enrol, FakeAgent } from '../../support/controller-fake-agent.ts';
import { makePlace, startWithOwner, type Person, TestController } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';
import { MemoryAgent } from '../../support/memory-agent.ts';

const CAN = { can: ['delete', 'read-policy', 'explain-tracking'], cannot: {} };
const READ_AT_MS = Date.now();
const PACKET = { proto: 'udp', src: '10.1.0.5', dst: '198.51.100.10', dport: '5060' };

const NO_POLICY = { effective: { values: [], policies: [] }, warnings: [] };

const READING: PolicyReading = {
  actual: {
    settings: { nf_conntrack_max: 262_144, nf_conntrack_udp_timeout: 180, nf_conntrack_tcp_loose: 1 },
    unsettable: { nf_conntrack_max: 'it is one value for the whole machine.' },
    helpers: [{ name: 'ftp', isLoaded: true }],
    table: { rules: [{ name: 'trunk', match: { proto: 'udp' }, mode: 'loose' }], helpers: ['ftp'], strange: [] },
  },
  helpers: [{ name: 'ftp', state: 'built-in', evidence: 'It is in the list.' }],
  foreign: {
    rules: [
      {
        place: { family: 'ip', table: 'raw', chain: 'PREROUTING', hooks: [{ hook: 'prerouting', priority: -300 }], position: 2, handle: 9 },
        says: [{ kind: 'notrack' }],
        text: 'udp dport 5060 notrack',
      },
    ],
    undecoded: [],
    unread: [],
    left: 0,
  },
  unread: [],
};

let postgres: TestDatabases;
let controller: TestController;
let owner: Person;
let viewer: Person;
let agent: FakeAgent;
let asked: Query['ask'][] = [];

beforeAll(async () => {
  ({ postgres, controller, owner } = await startWithOwner({ CTFLEET_SEARCH_DEADLINE_MS: '3000' }));
  const place = await makePlace(owner, 'Acme', 'milano-gw1');
  viewer = await controller.person('viewer', [{ role: 'viewer', tenantId: place.tenantId }]);
  const ca = readFileSync(path.join(controller.stateDir, 'ca.cert.pem'), 'utf8');
  agent = new FakeAgent(await enrol(controller.enrolAddress, ca, place.joinToken));
  await agent.connect(controller.linkAddress, { capabilities: CAN });
});
afterAll(async () => {
  agent.disconnect();
  await controller.stop();
  await postgres.stop();
});

/** Has the agent answer with this head. */
function answerWith(part: { policy?: WireReading; explanation?: WireExplanation }): void {
  asked = [];
  agent.onQuery = ({ ask }): AnswerPart['part'][] => {
    asked.push(ask);
    const head = { snapshotAtMs: BigInt(READ_AT_MS), total: 0n, tableCount: 0n, facets: [], explain: [], spared: [], ...part };
    return [
      { $case: 'head', value: head },
      { $case: 'end', value: { rows: 0, digest: Buffer.alloc(0) } },
    ];
  };
}

const get = (person: Person = viewer) => person.call(routes.getGatewayPolicy, { params: { id: agent.gatewayId } });
const explain = (query: Record<string, string> = PACKET) => viewer.ask(routes.explainTracking, { params: { id: agent.gatewayId }, query });

describe('what a gateway is set to', () => {
  it('is read from it at the moment of the call, for whoever may look at it', async () => {
    answerWith({ policy: toWirePolicyReading(READING) });
    const { state, actual, gatewayId } = await get();
    expect([state, gatewayId, asked]).toEqual(['answered', agent.gatewayId, [{ $case: 'policy', value: {} }]]);
    expect(Date.parse(actual!.readAt)).toBe(READ_AT_MS);
    expect(actual!.settings).toEqual([
      {
        path: 'table.max',
        setting: 'nf_conntrack_max',
        value: 262_144,
        unit: 'entries',
        unsettable: 'it is one value for the whole machine.',
      },
      { path: 'modes.loose', setting: 'nf_conntrack_tcp_loose', value: 1, unit: 'switch', defaultValue: 1 },
      { path: 'timeouts.udp.unreplied', setting: 'nf_conntrack_udp_timeout', value: 180, unit: 'seconds', defaultValue: 30 },
    ]);
    expect(actual).toMatchObject({ helpers: READING.helpers, table: READING.actual.table, foreign: READING.foreign, unread: [] });
  });

  it('is told with the reason where the gateway cannot answer', async () => {
    agent.onQuery = () => undefined;
    expect(await get()).toEqual({ gatewayId: agent.gatewayId, state: 'slow', reason: 'No answer within 3000 ms.', ...NO_POLICY });
    agent.onQuery = () => [{ $case: 'failure', value: { code: 'UNAVAILABLE', detail: 'The thread ended.' } }];
    expect(await get()).toMatchObject({ state: 'failed', reason: 'The thread ended.' });
    answerWith({});
    expect(await get()).toMatchObject({ state: 'failed', reason: expect.stringContaining('without what was asked for') });
  });

  it('is never asked of an agent that does not know the question, and the reason says what to do', async () => {
    const { joinToken } = await makePlace(owner, 'Old', 'old-gw1');
    const ca = readFileSync(path.join(controller.stateDir, 'ca.cert.pem'), 'utf8');
    const old = new FakeAgent(await enrol(controller.enrolAddress, ca, joinToken));
    const queries: Query[] = [];
    old.onQuery = (query) => void queries.push(query);
    const params = { id: old.gatewayId };
    expect(await owner.call(routes.getGatewayPolicy, { params })).toMatchObject({ state: 'offline', reason: 'has never connected' });
    await old.connect(controller.linkAddress);
    expect(await owner.call(routes.getGatewayPolicy, { params })).toEqual({
      gatewayId: old.gatewayId,
      state: 'failed',
      reason: 'its agent is older and cannot tell; update it',
      ...NO_POLICY,
    });
    expect(await owner.call(routes.explainTracking, { params, query: PACKET })).toMatchObject({ state: 'failed' });
    expect(queries).toEqual([]);
    old.disconnect();
  });

  it('comes from a whole agent, which says what it cannot explain', async () => {
    const memory = await MemoryAgent.start(controller, owner, 'memory-gw');
    const params = { id: memory.gatewayId };
    const { actual } = await owner.call(routes.getGatewayPolicy, { params });
    expect(actual!.settings.length).toBeGreaterThan(30);
    expect(actual!.settings.every(({ unsettable }) => unsettable?.includes('in memory'))).toBe(true);
    expect(actual).toMatchObject({ noTable: expect.stringContaining('in memory'), foreign: { rules: [], left: 0 } });
    expect(await owner.call(routes.explainTracking, { params, query: PACKET })).toEqual({
      gatewayId: memory.gatewayId,
      state: 'failed',
      reason: 'There are no rules to ask: the table is in memory.',
    });
    await memory.end();
    expect(await owner.call(routes.getGatewayPolicy, { params })).toMatchObject({ state: 'offline' });
  });

  it('from a hostile agent breaks no answer: numbers, texts and lists are bounded', async () => {
    const wire = toWirePolicyReading(READING);
    const rule = { ...wire.rules[0]!, text: `\0${'x'.repeat(5000)}` };
    answerWith({
      policy: {
        ...wire,
        settings: {
          nf_conntrack_max: 2n ** 62n,
          nf_conntrack_udp_timeout: -(2n ** 63n),
          ['nf_conntrack_timeout\0']: 1n,
          __proto__: 7n,
        } as never,
        helpers: Array.from({ length: 500 }, () => ({ name: 'ftp', state: 'asleep', evidence: '\ud800' })),
        rules: [rule, { ...rule, place: undefined, says: [] }],
        unread: ['\u0000'.repeat(10_000)],
      },
    });
    const { actual } = await get();
    expect(actual!.settings.map(({ value }) => value)).toEqual([Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER]);
    expect([actual!.helpers.length, actual!.helpers[0]!.state]).toEqual([64, 'unknown']);
    expect([actual!.foreign.rules.length, actual!.foreign.rules[0]!.text.length, actual!.unread[0]!.length]).toEqual([1, 600, 600]);
    expect(JSON.stringify(actual)).not.toContain('\\u0000');
  });
});

describe('why there is no entry', () => {
  it('is asked of the gateway, and its answer names the rule', async () => {
    answerWith({
      explanation: { outcome: 'untracked', hook: 'prerouting', rule: 'ip raw PREROUTING handle 9: notrack', iif: 'lan', oif: '' },
    });
    expect((await explain()).body).toMatchObject({
      state: 'answered',
      explanation: { outcome: 'untracked', hook: 'prerouting', rule: 'ip raw PREROUTING handle 9: notrack', iif: 'lan' },
    });
    const [ask] = asked;
    expect(ask?.$case === 'tracking' && fromWireAskedPacket(ask.value)).toEqual({
      proto: 17,
      src: Uint8Array.of(10, 1, 0, 5),
      dst: Uint8Array.of(198, 51, 100, 10),
      dport: 5060,
    });
  });

  it.each<[Record<string, string>, string[]]>([
    [{ ...PACKET, proto: 'carrier-pigeon' }, ['proto']],
    [{ ...PACKET, src: '10.1.0' }, ['src']],
    [{ ...PACKET, dst: 'fd00::1' }, ['dst']],
    [{ ...PACKET, proto: 'icmp' }, ['proto']],
    [{ ...PACKET, dport: '65536' }, ['dport']],
    [{ ...PACKET, iif: 'a'.repeat(16) }, ['iif']],
    [{ proto: 'udp' }, ['src', 'dst']],
  ])('is not asked about what is no packet: %j', async (query, wrong) => {
    answerWith({});
    const { status, body } = await explain(query);
    expect([status, (body as Problem).issues?.map(({ path: place }) => place)]).toEqual([400, wrong.map((name) => `query.${name}`)]);
    expect(asked).toEqual([]);
  });
});
