import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../agent/time/clock.ts';
import type { FlowContext } from '../../../agent/conntrack/table.ts';
import { Disk } from '../../../agent/disk/disk.ts';
import { Blocks } from '../../../agent/firewall/tables/blocks.ts';
import { Commands } from '../../../agent/operations/commands.ts';
import { Journal } from '../../../agent/operations/journal.ts';
import { Lately } from '../../../agent/operations/lately.ts';
import { LocalGuard, NO_RULES } from '../../../agent/operations/local-guard.ts';
import { PlanStore } from '../../../agent/operations/plan-store.ts';
import { UndoStore } from '../../../agent/operations/undo-store.ts';
import { look } from '../../../agent/remediations/evaluate.ts';
import type { GatewayRemediation } from '../../../agent/remediations/remediation-set.ts';
import { RunHistory } from '../../../agent/remediations/run-history.ts';
import { RunLog } from '../../../agent/remediations/run-log.ts';
import { remediationDocument } from '../../../proto/http/remediation-document.ts';
import { Method, Outcome, Result_State, type Command, type Result } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { refusedBy } from '../../../proto/model/block/of-filter.ts';
import { runIn } from '../../lab/namespace.ts';
import { clientAddress, SERVERS } from '../../lab/topology.ts';
import { Conversation } from '../../support/conversation.ts';
import { Namespace } from '../../support/namespace.ts';
import { StrictGateway } from '../../support/strict-gateway.ts';
import { until } from '../../support/until.ts';
import { filterOf } from '../../support/filter-of.ts';

const PLAN = '01900000-0000-7000-8000-000000000001';
const ID = '01900000-0000-7000-8000-000000000002';
const CONTEXT: FlowContext = { wans: [], protections: [] };
const [server] = SERVERS as [string];
const why = Namespace.why();

describe.skipIf(why !== undefined)(`a command to block${why ? ` (skipped: ${why})` : ''}`, () => {
  let gateway: StrictGateway;
  let folder: string;
  let plans: PlanStore;
  let blocks: Blocks;
  let results: Result[];
  let protections: FlowContext['protections'];

  beforeAll(async () => {
    gateway = await StrictGateway.start('ctg-blocked');
  });
  afterAll(() => gateway.end());
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'ctfleet-block-'));
    plans = new PlanStore(folder);
    blocks = new Blocks({ clock: systemClock, stateDir: folder, disk: new Disk(), protections: () => protections });
    results = [];
    protections = [];
  });
  afterEach(async () => {
    await blocks.lift((await blocks.standing()).map(({ id }) => id));
    await blocks.close();
    rmSync(folder, { recursive: true });
  });

  const agent = (journal = new Journal(folder)): Commands =>
    new Commands({
      table: gateway.table,
      blocks,
      journal,
      plans,
      undos: new UndoStore(folder, plans),
      guard: new LocalGuard(() => NO_RULES, new Lately(() => systemClock.now())),
      context: () => CONTEXT,
      log: pino({ level: 'silent' }),
      controllerClock: { latest: () => systemClock.now() },
      clock: systemClock,
      report: { progress: () => undefined, result: (result) => results.push(result) },
    });

  async function freeze(filter: string, seconds = 60): Promise<Buffer> {
    const writer = plans.begin(PLAN, systemClock.now() + 300_000, refusedBy(filterOf(filter), seconds));
    for await (const batch of gateway.table.collect({ filter: filterOf(filter), context: CONTEXT }))
      batch.forEach((flow) => writer.add(flow));
    return writer.finish();
  }

  function command(digest: Buffer, verifyAfterMs = 0): Command {
    return {
      id: ID,
      seq: 1n,
      epoch: 1n,
      notAfterMs: BigInt(systemClock.now() + 60_000),
      work: { $case: 'runPlan', value: { planId: PLAN, digest, method: Method.METHOD_BLOCK, verifyAfterMs } },
    };
  }

  test('of a host without a flow reports that nothing came, and until when the block stands', async () => {
    const commands = agent();
    commands.accept(command(await freeze(`host:${clientAddress(1, 60)}`)));
    await commands.idle();
    expect(results).toMatchObject([{ state: Result_State.STATE_DONE, runs: [], packetsRefused: 0n }]);
    expect(Number(results[0]!.refusedUntilMs) - systemClock.now()).toBeGreaterThan(50_000);
    expect(await blocks.standing()).toMatchObject([{ id: ID, planId: PLAN, packets: 0n, flows: 0 }]);
  });

  test('reports how many packets the block has refused when it looks again', async () => {
    const client = clientAddress(1, 61);
    const doomed = await gateway.converse('lan', 'open', 'talk.ts', 'udp', client, 40_001, server, 9000);
    await doomed.exchange('one');
    const commands = agent();
    commands.accept(command(await freeze(`host:${client}`), 3000));
    await until('it stands', async () => (await blocks.standing()).length || undefined);
    doomed.say('again');
    await doomed.heard('EHOSTUNREACH');
    await commands.idle();
    expect(results).toMatchObject([
      { state: Result_State.STATE_DONE, runs: [{ outcome: Outcome.OUTCOME_BLOCKED, count: 1 }], packetsRefused: 1n },
    ]);
  });

  test('that finds its table removed when it looks again restores it before it reports the host as blocked', async () => {
    const commands = agent();
    commands.accept(command(await freeze(`host:${clientAddress(1, 62)}`), 500));
    await until('it stands', async () => (await blocks.standing()).length || undefined);
    runIn(gateway.name, 'nft', ['delete', 'table', 'inet', 'ctfleet_block']);
    await commands.idle();
    expect(results[0]).toMatchObject({ state: Result_State.STATE_DONE, packetsRefused: 0n });
    expect(runIn(gateway.name, 'nft', ['list', 'tables'])).toContain('ctfleet_block');
  });

  test('that is stopped while it looks again is lifted, and reports no flow as blocked', async () => {
    const client = clientAddress(1, 63);
    const doomed = await gateway.converse('lan', 'open', 'talk.ts', 'udp', client, 40_002, server, 9000);
    await doomed.exchange('one');
    const commands = agent();
    commands.accept(command(await freeze(`host:${client}`), 1000));
    await until('it stands', async () => (await blocks.standing()).length || undefined);
    commands.stop([ID]);
    await commands.idle();
    expect(results[0]!.packetsRefused).toBeUndefined();
    expect(results[0]!.runs.map(({ outcome }) => outcome)).not.toContain(Outcome.OUTCOME_BLOCKED);
    expect(await blocks.standing()).toEqual([]);
    await doomed.exchange('and now');
  });

  test('that a crash interrupted resumes for what is left of its time, and does not start over', async () => {
    const digest = await freeze(`host:${clientAddress(1, 64)}`);
    const journal = new Journal(folder);
    journal.append({ kind: 'received', id: ID, seq: '1', epoch: '1', planId: PLAN, way: { method: Method.METHOD_BLOCK, forSeconds: 60 } });
    journal.append({ kind: 'started', id: ID, atMs: systemClock.now() - 40_000 });
    expect(digest).toHaveLength(32);
    const commands = agent(journal);
    commands.recover();
    await commands.idle();
    expect(results[0]).toMatchObject({ state: Result_State.STATE_DONE, packetsRefused: 0n });
    const [standing] = await blocks.standing();
    expect(standing!.untilMs - systemClock.now()).toBeLessThanOrEqual(20_000);
  });

  test('of a remediation refuses what has no flow yet, under the id of its run, and says so if it cannot', async () => {
    const client = clientAddress(1, 67);
    const directory = path.join(folder, 'remediations');
    const hands = {
      table: gateway.table,
      blocks,
      guard: new LocalGuard(() => NO_RULES, new Lately(() => systemClock.now())),
      runs: new RunLog(directory, new Disk()),
      history: new RunHistory(directory, systemClock.now(), new Disk()),
      clock: systemClock,
      context: () => CONTEXT,
      log: pino({ level: 'silent' }),
    };
    const remediation = (filter: string): GatewayRemediation => ({
      id: ID,
      revision: 1,
      delaySeconds: 0,
      limits: undefined,
      document: remediationDocument.parse({
        name: 'cut',
        mode: 'auto',
        trigger: { kind: 'wan-down' },
        filter,
        method: 'block',
        steps: { verifyAfterSeconds: 0 },
      }),
    });
    const about = { words: 'wan1 went down', wan: 'wan1', address: '198.18.0.12', sinceMs: systemClock.now() };
    expect(await look(hands, remediation(`host:${client} idle>1h`), about, () => true)).toMatchObject({
      kind: 'refused',
      code: 'FILTER_NOT_OF_PACKETS',
    });
    const done = await look(hands, remediation(`host:${client}`), about, () => true);
    expect(done).toMatchObject({ kind: 'reported' });
    const [standing] = await blocks.standing();
    expect([standing!.id, standing!.planId]).toEqual([(done as { runId: string }).runId, '']);
    const refused = new Conversation(gateway.lab.names.lan(1), 'talk.ts', ['tcp', client, 40_003, server, 7]);
    await refused.heard('ECONNREFUSED');
    await refused.end();
    hands.runs.close();
  });

  test('on a gateway that protects what no packet shows is refused before it begins, with the reason', async () => {
    const digest = await freeze(`host:${clientAddress(1, 68)}`);
    protections = [{ reason: 'trunk', filter: { kind: 'term', field: 'mark', match: { kind: 'mask', value: 1, mask: 1 } } }];
    const commands = agent();
    commands.accept(command(digest));
    await commands.idle();
    expect(results).toMatchObject([
      { state: Result_State.STATE_REFUSED, reason: 'GUARD_REFUSED', detail: expect.stringContaining('“trunk” cannot be told by a packet') },
    ]);
  });

  test('whose packets are not those that were shown is refused before anything is blocked', async () => {
    const shown = await freeze(`host:${clientAddress(1, 65)}`);
    await freeze(`host:${clientAddress(1, 66)}`);
    const commands = agent();
    commands.accept(command(shown));
    await commands.idle();
    expect(results).toMatchObject([{ state: Result_State.STATE_REFUSED, reason: 'PLAN_DIGEST_MISMATCH' }]);
    expect(runIn(gateway.name, 'nft', ['list', 'tables'])).not.toContain('ctfleet_block');
  });
});
