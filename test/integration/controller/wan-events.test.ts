import { afterAll, beforeAll, expect, it } from 'vitest';
import { CameBack, WanEvent, WanEvent_Sign as Sign, WanEvent_State as State } from '../../../proto/gen/ctfleet/v1/wan_event.ts';
import { routes } from '../../../proto/http/routes.ts';
import { wanEventSentence } from '../../../proto/model/wan-event.ts';
import { newId } from '../../../controller/platform/ids.ts';
import { FakeAgent, makeFlows } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, startWithOwner, type Person, type TestController } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';

let postgres: TestDatabases;
let controller: TestController;
let owner: Person;
let agent: FakeAgent;
let tenantId: string;

beforeAll(async () => {
  ({ postgres, controller, owner } = await startWithOwner());
  const place = await makePlace(owner, 'Acme', 'gw-milano');
  ({ tenantId } = place);
  agent = await FakeAgent.join(controller, place.joinToken);
  agent.flows = makeFlows(3);
  await agent.connect(controller.linkAddress);
});
afterAll(async () => {
  agent.disconnect();
  await controller.stop();
  await postgres.stop();
});

const kinds = (calls: number, tcp = 0) => ({ calls: BigInt(calls), udp: 0n, tcp: BigInt(tcp), vpn: 0n, other: 0n });
const at = () => BigInt(Date.now());

function failover(id: string, over: Partial<WanEvent> = {}): WanEvent {
  return WanEvent.fromPartial({
    id,
    revision: 1,
    state: State.STATE_OPEN,
    wan: 'wan1',
    interface: 'eth0',
    address: Buffer.from([192, 0, 2, 1]),
    seen: [{ atMs: at(), sign: Sign.SIGN_ROUTE, words: 'lost the default route' }],
    target: 'wan2',
    isTargetHealthy: true,
    beganAtMs: at(),
    changedAtMs: at(),
    using: { atMs: at(), trying: kinds(40, 211), waiting: kinds(1) },
    ...over,
  });
}

const tell = async (...events: WanEvent[]): Promise<void> => {
  const before = agent.wanEventReceipts.length;
  agent.send({ $case: 'wanEvents', value: { events } });
  await eventually('the events were received', async () => agent.wanEventReceipts.length >= before + events.length || undefined);
};
const list = (query: Record<string, string> = {}) => owner.call(routes.listWanEvents, { query });
const clock = () => '23:37';

it('a failover is one record with one sentence, by its newest revision, in the list, alone and with its gateway', async () => {
  const id = newId();
  await tell(failover(id));
  const { items } = await list({ tenant: tenantId });
  expect(items).toMatchObject([
    { id, state: 'open', wan: 'wan1', address: '192.0.2.1', gatewayName: 'gw-milano', siteName: 'HQ', actions: [] },
  ]);
  expect(wanEventSentence(items[0]!, clock)).toBe(
    'wan1 at HQ lost the default route at 23:37; 251 live flows still use it, 40 of them calls; wan2 is healthy',
  );
  expect((await owner.call(routes.listAlerts)).items).toMatchObject([{ kind: 'wan-event', state: 'raised', wanEventId: id, value: 251 }]);
  const gateway = await eventually('the gateway has it', async () => {
    const found = (await owner.call(routes.listGateways)).items[0];
    return found?.wanEvents?.length ? found : undefined;
  });
  expect(gateway.wanEvents).toMatchObject([{ id, siteName: 'HQ', using: { trying: { calls: 40, tcp: 211 } } }]);
  await tell(failover(id, { revision: 3, state: State.STATE_HEALED, using: { atMs: at(), trying: kinds(0), waiting: kinds(2) } }));
  // An answer that was lost: told again, also what is older.
  await tell(failover(id));
  expect(await owner.call(routes.getWanEvent, { params: { id } })).toMatchObject({ state: 'healed', using: { waiting: { calls: 2 } } });
  expect((await list({ state: 'all-open' })).items).toEqual([]);
  expect((await owner.call(routes.listAlerts)).items).toMatchObject([{ wanEventId: id, state: 'cleared' }]);
  await eventually(
    'the gateway has none any more',
    async () => (await owner.call(routes.listGateways)).items[0]?.wanEvents?.length === 0 || undefined,
  );
});

it('what makes no sense is left out, what is too long is cut, and another gateway’s record stays as it is', async () => {
  const place = await makePlace(owner, 'Other', 'gw-other');
  const other = await FakeAgent.join(controller, place.joinToken);
  await other.connect(controller.linkAddress);
  const id = newId();
  await tell(failover(id));
  other.send({ $case: 'wanEvents', value: { events: [failover(id, { revision: 9, wan: 'theirs' })] } });
  await eventually('it was received', async () => other.wanEventReceipts.length > 0 || undefined);
  expect(await owner.call(routes.getWanEvent, { params: { id } })).toMatchObject({ wan: 'wan1', gatewayName: 'gw-milano' });
  const hostile = newId();
  await tell(
    failover('not an id'),
    failover(newId(), { wan: '' }),
    failover(newId(), { beganAtMs: 5n }),
    failover(hostile, {
      wan: `\u001b[31m${'w'.repeat(10_000)}`,
      seen: Array.from({ length: 500 }, () => ({ atMs: at(), sign: Sign.SIGN_LINK, words: 'x'.repeat(300) })),
      using: { atMs: at(), trying: kinds(2 ** 40), waiting: undefined },
      runIds: Array.from({ length: 500 }, () => 'no id'),
    }),
  );
  const stored = await owner.call(routes.getWanEvent, { params: { id: hostile } });
  expect(stored.seen).toHaveLength(50);
  expect(stored.wan.length).toBeLessThanOrEqual(100);
  expect(stored.wan).not.toContain('\u001b');
  expect(JSON.stringify(stored).length).toBeLessThan(30_000);
  other.disconnect();
});

it('what became of the flows that a flush ended is in its totals, with the event, and its end in the audit trail', async () => {
  const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', scope: { tenants: [tenantId] }, reason: 'r' } });
  const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
  const command = await eventually('the command comes', async () => agent.commands.at(-1));
  const id = newId();
  await tell(failover(id, { commandIds: [command.id] }));
  const cameBack = (isFinal: boolean, answered: number): CameBack =>
    CameBack.fromPartial({
      sinceMs: at(),
      watchedAtMs: at(),
      isFinal,
      ended: kinds(3),
      back: kinds(3),
      answered: kinds(answered),
      byWan: { wan2: 3n },
      missed:
        answered < 3
          ? [{ proto: 'udp', src: Buffer.from([10, 0, 0, 1]), dst: Buffer.from([192, 0, 2, 9]), dport: 5060, isBack: true }]
          : [],
    });
  const say = (isFinal: boolean, answered: number, of = command.id): void =>
    agent.send({ $case: 'aftermath', value: { of: { $case: 'commandId', value: of }, cameBack: cameBack(isFinal, answered) } });
  say(false, 2);
  await eventually('it is shown', async () => (await owner.call(routes.getFlush, { params: { id: flushId } })).cameBack);
  say(true, 3);
  // Of a command that is another gateway's, or nobody's, nothing is kept; what is final stays.
  say(true, 0, newId());
  say(false, 0);
  const flush = await eventually('it is final', async () => {
    const found = await owner.call(routes.getFlush, { params: { id: flushId } });
    return found.cameBack?.isFinal ? found : undefined;
  });
  expect(flush).toMatchObject({
    wanEventIds: [id],
    cameBack: { answered: { calls: 3 }, byWan: { wan2: 3 } },
    targets: [{ cameBack: { isFinal: true } }],
  });
  expect((await owner.call(routes.getWanEvent, { params: { id } })).actions).toMatchObject([{ kind: 'flush', id: flushId }]);
  const audit = await eventually(
    'it is in the audit trail',
    async () => (await owner.call(routes.listAudit, { query: { action: 'flows.came-back' } })).items[0],
  );
  expect(audit.summary).toBe('gw-milano: a minute later 3 of 3 calls are back on wan2 and answered');
});

it('a trigger by a WAN is replayed from what is on record', async () => {
  const document = {
    name: 'failover',
    mode: 'observe',
    trigger: { kind: 'wan-down', wan: 'wan*' },
    filter: 'wan:$wan proto:udp',
    scope: { tenants: [tenantId] },
  };
  const { wouldHaveFired, forecastNote } = await owner.call(routes.checkRemediation, { body: { tenantId, document } as never });
  expect(forecastNote).toBeUndefined();
  expect(wouldHaveFired.length).toBeGreaterThanOrEqual(3);
  expect(wouldHaveFired[0]).toMatchObject({ gatewayName: 'gw-milano', trigger: expect.stringMatching(/^wan\d lost the default route$/) });
});

it('a span that ends before it begins is refused with the place', async () => {
  const answer = await owner.ask(routes.listWanEvents, { query: { from: '2026-12-01T00:00:00Z', to: '2026-11-01T00:00:00Z' } });
  expect(answer.status).toBe(400);
});
