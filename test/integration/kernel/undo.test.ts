import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../agent/time/clock.ts';
import type { FlowContext } from '../../../agent/conntrack/table.ts';
import { Commands } from '../../../agent/operations/commands.ts';
import { parseGuard } from '../../../agent/operations/guard-file.ts';
import { Journal } from '../../../agent/operations/journal.ts';
import { Lately } from '../../../agent/operations/lately.ts';
import { LocalGuard, NO_RULES, type GuardRules } from '../../../agent/operations/local-guard.ts';
import { PlanStore } from '../../../agent/operations/plan-store.ts';
import { UndoStore } from '../../../agent/operations/undo-store.ts';
import { Method, Outcome, Result_State, type Command, type Progress, type Result } from '../../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import { clientAddress, externalAddress, SERVERS } from '../../lab/topology.ts';
import { createEntries } from '../../support/create-entries.ts';
import { Namespace } from '../../support/namespace.ts';
import { entryOf } from '../../support/sample-entries.ts';
import { StrictGateway } from '../../support/strict-gateway.ts';

const [server] = SERVERS as [string];
const why = Namespace.why();

describe.skipIf(why !== undefined)(`commands on a strict gateway${why ? ` (skipped: ${why})` : ''}`, () => {
  let gateway: StrictGateway;
  let folder: string;
  let commands: Commands;
  let plans: PlanStore;
  let rules: GuardRules;
  let lastPlanId = '';
  let onProgress: (progress: Progress) => void;
  const results: Result[] = [];
  let seq = 0n;

  beforeAll(async () => {
    gateway = await StrictGateway.start('waves-undo');
  });
  afterAll(() => gateway.end());
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-undo-'));
    results.length = 0;
    rules = { ...NO_RULES, mostPercentOfTable: 100 };
    onProgress = () => undefined;
    plans = new PlanStore(folder);
    const journal = new Journal(folder);
    const guard = new LocalGuard(() => rules, new Lately(Date.now));
    const context = (): FlowContext => ({ wans: [], protections: guard.protections() });
    commands = new Commands({
      table: gateway.table,
      journal,
      plans,
      undos: new UndoStore(folder, plans),
      guard,
      clock: systemClock,
      context,
      controllerClock: { latest: Date.now },
      log: pino({ level: 'silent' }),
      report: { progress: (progress) => onProgress(progress), result: (result) => results.push(result) },
    });
    return () => {
      journal.close();
      rmSync(folder, { recursive: true });
    };
  });

  const carryOut = async (id: string, work: Command['work']): Promise<Result> => {
    commands.accept({ id, seq: ++seq, epoch: 1n, notAfterMs: BigInt(Date.now() + 60_000), work });
    await commands.idle();
    commands.acknowledge(id);
    return results.at(-1)!;
  };
  const run = (id: string, flows: Flow[]): Promise<Result> => {
    const planId = `${seq.toString(16).padStart(8, '0')}-0000`;
    lastPlanId = planId;
    const writer = plans.begin(planId, Date.now() + 60_000);
    flows.forEach((flow) => writer.add(flow));
    return carryOut(id, {
      $case: 'runPlan',
      value: { planId, digest: writer.finish(), method: Method.METHOD_DELETE, verifyAfterMs: 0, undoForSeconds: 300 },
    });
  };
  const undo = (commandId: string): Promise<Result> =>
    carryOut(`undo-${commandId}`, { $case: 'undoPlan', value: { commandId, planId: lastPlanId } });

  test('an undo restores TCP through a translation that chose another port, and the connection continues', async () => {
    const first = await gateway.converse('lan', 'open', 'talk.ts', 'tcp', clientAddress(1, 1), 40_000, server, 7);
    const second = await gateway.converse('lan', 'open', 'talk.ts', 'tcp', clientAddress(1, 2), 40_000, server, 7);
    await first.exchange('one');
    await second.exchange('two');
    const flows = [await gateway.flow(`proto:tcp src:${clientAddress(1, 1)}`), await gateway.flow(`proto:tcp src:${clientAddress(1, 2)}`)];
    expect([flows[1]!.reply.dst, flows[1]!.reply.dport === 40_000]).toEqual([externalAddress(1, 1), false]);

    const ran = await run('run-tcp', flows);
    expect(ran).toMatchObject({ state: Result_State.STATE_DONE, runs: [{ outcome: Outcome.OUTCOME_DELETED, count: 2 }] });
    expect(Number(ran.undoUntilMs)).toBeGreaterThan(Date.now());
    expect(await gateway.table.areThere(flows)).toEqual([false, false]);

    expect(await undo('run-tcp')).toMatchObject({
      state: Result_State.STATE_DONE,
      runs: [{ outcome: Outcome.OUTCOME_RESTORED, count: 2 }],
    });
    await first.exchange('and on');
    await second.exchange('and on');
    const now = await gateway.flow(`proto:tcp src:${clientAddress(1, 2)}`);
    expect([now.orig, now.reply]).toEqual([flows[1]!.orig, flows[1]!.reply]);
    expect(gateway.untranslated()).toBe(0);
  });

  test('an undo leaves alone a flow that traffic has re-created', async () => {
    const one = await gateway.converse('lan', 'open', 'talk.ts', 'udp', clientAddress(1, 3), 40_001, server, 9000);
    await one.exchange('before');
    await run('run-udp', [await gateway.flow(`proto:udp src:${clientAddress(1, 3)}`)]);
    await one.exchange('again');
    const anew = await gateway.flow(`proto:udp src:${clientAddress(1, 3)}`);
    expect((await undo('run-udp')).runs).toEqual([{ outcome: Outcome.OUTCOME_OCCUPIED, count: 1 }]);
    expect(await gateway.table.areThere([anew])).toEqual([true]);
  });

  const MANY = 20_000;
  const many = async (firstPort: number): Promise<Flow[]> => {
    createEntries(
      Array.from({ length: MANY }, (_, n) =>
        entryOf({
          proto: 17,
          mark: firstPort,
          orig: { src: `10.77.${n >> 8}.${n & 255}`, dst: '198.51.100.9', sport: firstPort, dport: 1060 },
          timeoutSeconds: 600,
        }),
      ),
    );
    const flows: Flow[] = [];
    const filter = { kind: 'term', field: 'mark', match: { kind: 'mask', value: firstPort, mask: 0xffffffff } } as const;
    for await (const batch of gateway.table.collect({ filter, context: { wans: [], protections: [] } })) flows.push(...batch);
    return flows;
  };

  test('a stop takes effect between two batches, and the rest of the plan lives', async () => {
    // Nearly the whole table, which a gateway by default allows nobody.
    rules = parseGuard(JSON.stringify({ mostPercentOfTable: 100 }));
    const flows = await many(4001);
    expect(flows).toHaveLength(MANY);
    let isStopped = false;
    onProgress = ({ commandId, done }) => {
      if (done < 3000 || isStopped) return;
      isStopped = true;
      commands.stop([commandId]);
    };
    const { state, runs } = await run('run-many', flows);
    expect([state, runs]).toEqual([
      Result_State.STATE_DONE,
      [
        { outcome: Outcome.OUTCOME_DELETED, count: 3000 },
        { outcome: Outcome.OUTCOME_CANCELLED, count: MANY - 3000 },
      ],
    ]);
    expect((await gateway.table.areThere(flows)).filter(Boolean)).toHaveLength(MANY - 3000);
  });

  test('the gateway’s guard file protects its flows from a plan that names them, and refuses a plan that is too large', async () => {
    const one = await gateway.converse('lan', 'open', 'talk.ts', 'udp', clientAddress(1, 4), 40_002, server, 9000);
    await one.exchange('before');
    const flow = await gateway.flow(`proto:udp src:${clientAddress(1, 4)}`);
    rules = parseGuard(JSON.stringify({ protect: [{ filter: `src:${clientAddress(1, 4)}`, reason: 'trunk' }], mostDeletesAMinute: 1000 }));
    expect((await run('run-protected', [flow])).runs).toEqual([{ outcome: Outcome.OUTCOME_PROTECTED, count: 1 }]);
    const flows = await many(4002);
    expect(await run('run-large', flows)).toMatchObject({ state: Result_State.STATE_REFUSED, reason: 'GUARD_REFUSED', runs: [] });
    expect((await gateway.table.areThere([flow, ...flows])).every(Boolean)).toBe(true);
  });
});
