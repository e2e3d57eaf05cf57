import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LinkRepository } from '../../controller/link/link.repository.ts';
import { LinkService } from '../../controller/link/link.service.ts';
import { routes } from '../../proto/http/routes.ts';
import { AttackedFleet } from '../support/attacked-fleet.ts';
import { FakeAgent, makeFlows } from '../support/controller-fake-agent.ts';
import { eventually } from '../support/controller-fleet.ts';
import { HostileAgent } from '../support/hostile-agent.ts';

let fleet: AttackedFleet;
let neighbour: FakeAgent;

beforeAll(async () => {
  fleet = await AttackedFleet.start();
  neighbour = await fleet.honest(await fleet.gateway('Acme', 'gw1'));
});
afterAll(async () => {
  neighbour.disconnect();
  await fleet.stop();
});

const connect = (agent: HostileAgent, instanceId: string): Promise<boolean> => agent.connect(fleet.controller.linkAddress, { instanceId });
const stateOf = async (id: string) => fleet.owner.call(routes.getGateway, { params: { id } });

describe('a gateway that reconnects while the registry is checking liveness', () => {
  it('keeps its new session', async () => {
    const [link, registry] = [fleet.controller.running.app.get(LinkService), fleet.controller.running.app.get(LinkRepository)];
    const agent = new HostileAgent(await fleet.gateway('Redialled', 'redialled'));
    await connect(agent, 'one start');
    const { heard } = registry;
    registry.heard = async (sessions) => {
      registry.heard = heard;
      agent.hangUp();
      expect(await connect(agent, 'one start')).toBe(true);
      return heard.call(registry, sessions);
    };
    await link.checkLiveness();
    await link.checkLiveness();
    expect((await stateOf(agent.identity.response.gatewayId)).state).toBe('online');
    agent.hangUp();
    expect((await agent.ended).code).toBe('');
  });
});

describe('two agents with one identity', () => {
  it('are set aside as soon as the one that lost the link comes back', async () => {
    const identity = await fleet.gateway('Cloned', 'twin');
    const id = identity.response.gatewayId;
    const [original, clone] = [new HostileAgent(identity), new HostileAgent(identity)];
    expect(await connect(original, 'start of the original')).toBe(true);
    expect(await connect(clone, 'start of the clone')).toBe(true);
    expect((await original.ended).code).toBe('EPOCH_SUPERSEDED');
    expect(await connect(original, 'start of the original')).toBe(false);
    expect(await original.ended).toMatchObject({
      code: 'GATEWAY_SET_ASIDE',
      details: expect.stringContaining('reinstate'),
      retryAfterSeconds: 30,
    });
    expect((await clone.ended).code).toBe('EPOCH_SUPERSEDED');
    expect(await stateOf(id)).toMatchObject({
      state: 'set-aside',
      setAsideReason: expect.stringContaining('two agents hold this identity'),
    });
    expect(await connect(clone, 'start of the clone')).toBe(false);
    expect(await connect(new HostileAgent(identity), 'a third')).toBe(false);
    expect(await fleet.entries('gateway.set-aside')).toHaveLength(1);

    const plan = await fleet.owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
    expect(plan.gateways.find((gateway) => gateway.id === id)).toMatchObject({
      state: 'left-out',
      reason: expect.stringContaining('set aside'),
    });
    expect(plan.totals.flows).toBe(5);

    await fleet.owner.call(routes.reinstateGateway, { params: { id } });
    expect((await fleet.entries('gateway.reinstated'))[0]!.detail.reason).toContain('two agents');
    expect(await connect(original, 'start of the original')).toBe(true);
    expect((await stateOf(id)).state).toBe('online');
    original.hangUp();
  });

  it('are not issued a command that was planned earlier', async () => {
    const identity = await fleet.gateway('Planned', 'planned');
    const agent = new FakeAgent(identity);
    agent.flows = makeFlows(3);
    await agent.connect(fleet.controller.linkAddress, { instanceId: 'a' });
    const plan = await fleet.owner.call(routes.createPlan, {
      body: { filter: 'proto:udp', scope: { gateways: [agent.gatewayId] }, reason: 'r' },
    });
    const clone = new HostileAgent(identity);
    await connect(clone, 'b');
    expect(await connect(clone, 'a')).toBe(false);
    const { flushId } = await fleet.owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    const flush = await fleet.owner.call(routes.getFlush, { params: { id: flushId } });
    expect(flush.targets).toMatchObject([{ state: 'skipped', reason: 'the gateway was revoked or set aside' }]);
    expect(agent.commands).toEqual([]);
  });

  it('without start ids, as in old versions, are detected by how often they take the link from each other', async () => {
    const identity = await fleet.gateway('Old', 'old');
    const agents = [new HostileAgent(identity), new HostileAgent(identity)];
    let dials = 0;
    for (; dials < 57 && (await connect(agents[dials % 2]!, '')); dials++) AttackedFleet.aheadMs += 2000;
    expect(dials).toBe(13);
    expect((await stateOf(identity.response.gatewayId)).setAsideReason).toContain('taken 13 times in 2 minutes');
  });
});

describe('one agent', () => {
  it('may restart, redial and crash repeatedly, with or without closing its session', async () => {
    const identity = await fleet.gateway('Alone', 'alone');
    for (let start = 0; start < 10; start++) {
      const agent = new HostileAgent(identity);
      for (let dial = 0; dial < 2; dial++) {
        AttackedFleet.aheadMs += 5000;
        expect(await connect(agent, `start ${start}`)).toBe(true);
        agent.hangUp();
        if (start % 2)
          await eventually(
            'its session is closed',
            async () => (await stateOf(identity.response.gatewayId)).state === 'offline' || undefined,
          );
      }
    }
    expect((await fleet.entries('gateway.set-aside')).filter(({ summary }) => summary.startsWith('alone'))).toEqual([]);
  });

  it('changes nothing when it repeats what an earlier session reported', async () => {
    const agent = new FakeAgent(await fleet.gateway('Replayed', 'replayed'));
    agent.flows = makeFlows(2);
    await agent.connect(fleet.controller.linkAddress, { instanceId: 'a' });
    const plan = await fleet.owner.call(routes.createPlan, {
      body: { filter: 'proto:udp', scope: { gateways: [agent.gatewayId] }, reason: 'r' },
    });
    const { flushId } = await fleet.owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    const over = () =>
      eventually('the flush has ended', async () => {
        const flush = await fleet.owner.call(routes.getFlush, { params: { id: flushId } });
        return flush.state === 'running' ? undefined : flush;
      });
    const before = await over();
    const [command] = agent.commands;
    agent.send({ $case: 'result', value: agent.done(command!, [{ outcome: 6, count: 2 }]) });
    agent.send({ $case: 'progress', value: { commandId: command!.id, phase: 2, done: 1, total: 2 } });
    await eventually('the result was acknowledged again', async () => agent.receipts.length === 2 || undefined);
    expect(await over()).toEqual(before);
    agent.disconnect();
  });
});
