import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admit } from '../../agent/operations/commands.ts';
import { applyRecord, emptyJournalState, type JournalState } from '../../agent/operations/journal.ts';
import { Outcome, Result_State } from '../../proto/gen/ctfleet/v1/operation.ts';
import { routes } from '../../proto/http/routes.ts';
import { FakeAgent, makeFlows, type Enrolled } from '../support/controller-fake-agent.ts';
import { eventually, PASSWORD, TestController, type Person } from '../support/controller-fleet.ts';
import { AttackedFleet } from '../support/attacked-fleet.ts';

/** An agent that takes commands as the real one does: by its journal, which no restored database changes. */
class JournalledAgent extends FakeAgent {
  readonly journal: JournalState = emptyJournalState();
  ran = 0;

  constructor(identity: Enrolled) {
    super(identity);
    this.flows = makeFlows(5);
    this.onCommand = (command) => {
      const admission = admit(command, this.journal, Date.now());
      if (admission.kind === 'known') return undefined;
      applyRecord(this.journal, { kind: 'received', id: command.id, seq: String(command.seq), epoch: String(command.epoch), planId: '' });
      applyRecord(this.journal, { kind: 'acknowledged', id: command.id });
      if (admission.kind === 'refused')
        return this.done(command, [], { state: Result_State.STATE_REFUSED, reason: admission.code, detail: admission.detail });
      this.ran++;
      return this.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 5 }]);
    };
  }

  dial(address: string): Promise<void> {
    return this.connect(address, { lastSeq: this.journal.lastSeq, lastEpoch: this.journal.lastEpoch, instanceId: 'the only start' });
  }
}

let fleet: AttackedFleet;
let controller: TestController;
let owner: Person;
let agent: JournalledAgent;

beforeAll(async () => {
  fleet = await AttackedFleet.start();
  [controller, owner] = [fleet.controller, fleet.owner];
  agent = new JournalledAgent(await fleet.gateway('Acme', 'gw1'));
  await agent.dial(controller.linkAddress);
});
afterAll(async () => {
  agent.disconnect();
  await controller.stop();
  await fleet.postgres.stop();
});

async function begin(): Promise<string> {
  const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } });
  return (await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } })).flushId;
}

const over = (flushId: string) =>
  eventually('the flush has ended', async () => {
    const flush = await owner.call(routes.getFlush, { params: { id: flushId } });
    return flush.state === 'running' ? undefined : flush;
  });

describe('a database that is restored from a backup', () => {
  it('counts on from what its gateways have seen; flushes from before, between and after all end, and nothing runs twice', async () => {
    expect((await over(await begin())).state).toBe('verified');
    // The backup is made while one command is in flight: in it the command is sent and has no result.
    const work = agent.onCommand;
    const held: Parameters<typeof work>[0][] = [];
    agent.onCommand = (command) => void held.push(command);
    const between = await begin();
    await eventually('the command is sent', async () => held.length === 1 || undefined);
    await controller.stop({ keepState: true });
    agent.disconnect();
    const backup = await fleet.postgres.copyOf(fleet.url);
    const start = async (url: string): Promise<void> => {
      controller = await TestController.start({ CTFLEET_DATABASE_URL: url }, { stateDir: fleet.controller.stateDir });
      owner = await controller.signIn('owner@example.net', PASSWORD);
    };

    await start(fleet.url);
    agent.onCommand = work;
    await agent.dial(controller.linkAddress);
    expect((await over(between)).state).toBe('verified');
    for (let flush = 0; flush < 3; flush++) expect((await over(await begin())).state).toBe('verified');
    expect([agent.ran, agent.journal.lastSeq]).toEqual([5, 5n]);
    await controller.stop({ keepState: true });
    agent.disconnect();

    await start(backup);
    await agent.dial(controller.linkAddress);
    expect(await over(between)).toMatchObject({
      state: 'partial',
      targets: [{ state: 'indeterminate', reason: expect.stringContaining('restored from a backup') }],
    });
    expect((await over(await begin())).state).toBe('verified');
    expect([agent.ran, agent.journal.lastSeq]).toEqual([6, 6n]);
    const entries = (await owner.call(routes.listAudit, { query: { action: 'gateway.counted-on' } })).items;
    expect(entries).toMatchObject([{ detail: { knownSeq: '2', seenSeq: '5' } }]);
  });

  it('renumbers commands that were issued before the gateway came back, in their order', async () => {
    agent.disconnect();
    await eventually('it is offline', async () => (await owner.call(routes.listGateways)).items[0]?.state === 'offline' || undefined);
    await agent.dial(controller.linkAddress);
    const plans = [];
    for (let plan = 0; plan < 2; plan++) plans.push(await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'r' } }));
    agent.disconnect();
    await eventually('it is offline again', async () => (await owner.call(routes.listGateways)).items[0]?.state === 'offline' || undefined);
    // As after a restore: the gateway has seen three more commands than the database knows.
    for (const seq of [7, 8, 9])
      applyRecord(agent.journal, {
        kind: 'received',
        id: `lost ${seq}`,
        seq: String(seq),
        epoch: String(agent.journal.lastEpoch),
        planId: '',
      });
    const flushes = [];
    for (const plan of plans)
      flushes.push((await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } })).flushId);
    agent.commands.length = 0;
    await agent.dial(controller.linkAddress);
    for (const flush of flushes) expect((await over(flush)).state).toBe('verified');
    // The one from before the restore comes again under its own number, and the agent recognises it.
    expect(agent.commands.map(({ seq }) => seq)).toEqual([2n, 10n, 11n]);
    expect(agent.ran).toBe(8);
  });

  it('refuses an agent that has seen numbers which no backup explains, says so, and continues with it unchanged', async () => {
    agent.disconnect();
    for (const numbers of [{ lastSeq: 2n ** 64n - 1n }, { lastEpoch: 2n ** 64n - 1n }]) {
      await expect(agent.connect(controller.linkAddress, numbers)).rejects.toThrow('enrol it again');
    }
    await agent.dial(controller.linkAddress);
    expect((await over(await begin())).state).toBe('verified');
    const [refused] = (await owner.call(routes.listAudit, { query: { action: 'gateway.refused' } })).items;
    expect(refused).toMatchObject({ outcome: 'refused', gatewayName: 'gw1' });
  });

  it('acknowledges a result for a command it never knew, so that the agent does not repeat it for ever, and says so', async () => {
    const unknown = '01900000-0000-7000-8000-00000000dead';
    agent.send({
      $case: 'result',
      value: {
        ...agent.done({ id: unknown, seq: 4n, epoch: 1n, notAfterMs: 0n, work: undefined }, [
          { outcome: Outcome.OUTCOME_DELETED, count: 5 },
        ]),
      },
    });
    await eventually('it is acknowledged', async () => agent.receipts.includes(unknown) || undefined);
    const entry = await eventually(
      'it is on record',
      async () => (await owner.call(routes.listAudit, { query: { action: 'flush.result-unknown' } })).items[0],
    );
    expect(entry.detail).toMatchObject({ commandId: unknown, flows: 5 });
  });
});
