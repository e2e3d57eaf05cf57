import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, describe, expect, it } from 'vitest';
import { Method, Outcome, Result, Result_State, type Command, type Progress } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { entryOf } from '../../test/support/sample-entries.ts';
import { MemoryTable } from '../conntrack/memory/memory-table.ts';
import type { FlowContext } from '../conntrack/table.ts';
import { Disk } from '../disk/disk.ts';
import { Commands } from './commands.ts';
import { builtInProtections } from './guard.ts';
import { Lately } from './lately.ts';
import { LocalGuard, NO_RULES, type GuardRules } from './local-guard.ts';
import { Journal } from './journal.ts';
import { expiryOf, PlanStore } from './plan-store.ts';
import { UndoStore } from './undo-store.ts';
import { filterOf } from '../../test/support/filter-of.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-operations-'));
afterAll(() => rmSync(root, { recursive: true }));

const PLAN = '01900000-0000-7000-8000-000000000001';

/** An agent's operations on a memory table, with what they reported. */
function gateway(folder = mkdtempSync(path.join(root, 'agent-')), table = filled(), rules: GuardRules = NO_RULES) {
  const clock = { ms: 1_000_000 };
  const said = { progress: [] as Progress[], results: [] as Result[], onProgress: undefined as ((progress: Progress) => void) | undefined };
  const context: FlowContext = { wans: [], protections: builtInProtections(['10.0.0.1'], { addresses: ['192.0.2.9'], port: 4444 }) };
  const journal = new Journal(folder);
  const plans = new PlanStore(folder);
  const commands = new Commands({
    table,
    journal,
    plans,
    undos: new UndoStore(folder, plans),
    guard: new LocalGuard(() => rules, new Lately(() => clock.ms)),
    context: () => context,
    log: pino({ level: 'silent' }),
    controllerClock: { latest: () => clock.ms },
    clock: { now: () => clock.ms, delay: async (ms) => void (clock.ms += ms) },
    report: {
      progress: (progress) => {
        said.progress.push(progress);
        said.onProgress?.(progress);
      },
      result: (result) => said.results.push(result),
    },
  });
  const freeze = async (text: string): Promise<Buffer> => {
    const writer = plans.begin(PLAN, clock.ms + 300_000);
    for await (const batch of table.collect({ filter: filterOf(text), context }))
      batch.filter((flow) => flow.protectedBy === undefined).forEach((flow) => writer.add(flow));
    return writer.finish();
  };
  const flows = async (text: string): Promise<Flow[]> => (await table.search({ filter: filterOf(text), context, limit: 1000 })).rows;
  return { folder, table, clock, said, journal, plans, commands, freeze, flows };
}

/** Twenty registrations, some DNS, and the agent's own connection. */
function filled(): MemoryTable {
  const table = new MemoryTable({ now: () => 1_000_000 });
  for (let n = 1; n <= 20; n++)
    table.insert(entryOf({ proto: 17, orig: { src: `10.1.0.${n}`, dst: '198.51.100.10', sport: 5060, dport: 5060 }, timeoutSeconds: 120 }));
  for (let n = 1; n <= 5; n++)
    table.insert(entryOf({ proto: 17, orig: { src: `10.1.0.${n}`, dst: '198.51.100.53', sport: 2000, dport: 53 }, timeoutSeconds: 30 }));
  table.insert(
    entryOf({
      proto: 6,
      orig: { src: '10.0.0.1', dst: '192.0.2.9', sport: 40_000, dport: 4444 },
      state: 'ESTABLISHED',
      timeoutSeconds: 432_000,
    }),
  );
  return table;
}

const counted = ({ runs }: Result, outcome: Outcome): number =>
  runs.reduce((sum, run) => sum + (run.outcome === outcome ? run.count : 0), 0);

function command(digest: Buffer, change: Partial<Command> = {}): Command {
  return {
    id: 'c1',
    seq: 1n,
    epoch: 1n,
    notAfterMs: 2_000_000n,
    work: { $case: 'runPlan', value: { planId: PLAN, digest, method: Method.METHOD_DELETE, verifyAfterMs: 2000 } },
    ...change,
  };
}

describe('a plan that runs', () => {
  it('ends exactly its flows, verifies, and reports each in the plan’s order', async () => {
    const { commands, freeze, flows, said } = gateway();
    const digest = await freeze('dport:5060');
    commands.accept(command(digest));
    await commands.idle();
    expect(said.results).toMatchObject([
      {
        commandId: 'c1',
        state: Result_State.STATE_DONE,
        runs: [{ outcome: Outcome.OUTCOME_DELETED, count: 20 }],
        tableBefore: 26n,
        tableAfter: 6n,
      },
    ]);
    expect(await flows('dport:5060')).toEqual([]);
    expect(await flows('dport:53')).toHaveLength(5);
  });

  it('leaves alone a newer flow with the same tuple, and reports the old one as gone', async () => {
    const { commands, freeze, flows, said, table } = gateway();
    const digest = await freeze('src:10.1.0.7 dport:5060');
    await table.delete(await flows('src:10.1.0.7 dport:5060'));
    table.insert(entryOf({ proto: 17, orig: { src: '10.1.0.7', dst: '198.51.100.10', sport: 5060, dport: 5060 }, timeoutSeconds: 120 }));
    commands.accept(command(digest));
    await commands.idle();
    expect(said.results[0]!.runs).toEqual([{ outcome: Outcome.OUTCOME_GONE, count: 1 }]);
    expect(await flows('src:10.1.0.7 dport:5060')).toHaveLength(1);
  });

  it('never touches the agent’s own channel, not even when a plan names it', async () => {
    const { commands, plans, flows, said, clock } = gateway();
    const channel = await flows('dport:4444');
    expect(channel[0]!.protectedBy).toBe('agent channel');
    const writer = plans.begin(PLAN, clock.ms + 1000);
    channel.forEach((flow) => writer.add(flow));
    commands.accept(command(writer.finish()));
    await commands.idle();
    expect(said.results[0]!.runs).toEqual([{ outcome: Outcome.OUTCOME_PROTECTED, count: 1 }]);
    expect(await flows('dport:4444')).toHaveLength(1);
  });

  it('runs once however often the command arrives, and reports the same each time', async () => {
    const { commands, freeze, said, journal } = gateway();
    const digest = await freeze('dport:5060');
    commands.accept(command(digest));
    await commands.idle();
    commands.accept(command(digest));
    commands.repeatResults();
    expect(said.results).toHaveLength(3);
    expect(new Set(said.results.map((result) => Buffer.from(Result.encode(result).finish()).toString('hex'))).size).toBe(1);
    expect(journal.state.lastSeq).toBe(1n);
  });

  it('reports to a controller that has lost its result that it ran, and does not run twice', async () => {
    const { commands, freeze, said, journal } = gateway();
    const digest = await freeze('dport:5060');
    commands.accept(command(digest));
    await commands.idle();
    commands.acknowledge('c1');
    commands.accept(command(digest));
    await commands.idle();
    expect(said.results.map(({ state }) => state)).toEqual([Result_State.STATE_DONE, Result_State.STATE_INDETERMINATE]);
    expect(journal.state.lastSeq).toBe(1n);
  });
});

describe('a command is refused and nothing is touched', () => {
  it.each([
    ['when the plan on the gateway is another one', {}, Buffer.alloc(32), 'PLAN_DIGEST_MISMATCH', Result_State.STATE_REFUSED],
    ['when its deadline has passed', { notAfterMs: 999_999n }, undefined, 'COMMAND_LATE', Result_State.STATE_EXPIRED],
    [
      'when this version does not support what it asks for',
      { work: undefined },
      undefined,
      'CAPABILITY_MISSING',
      Result_State.STATE_REFUSED,
    ],
  ])('%s', async (_, change, wrongDigest, reason, state) => {
    const { commands, freeze, flows, said } = gateway();
    const digest = await freeze('dport:5060');
    commands.accept(command(wrongDigest ?? digest, change));
    await commands.idle();
    expect(said.results).toMatchObject([{ state, reason, runs: [] }]);
    expect(await flows('dport:5060')).toHaveLength(20);
  });

  it('when more of its flows have gone than it allows, and not when exactly as many have', async () => {
    for (const [maxDrift, reason, left] of [
      [2, 'PLAN_DRIFTED', 17],
      [3, '', 0],
    ] as const) {
      const { commands, table, freeze, flows, said } = gateway();
      const digest = await freeze('dport:5060');
      await table.delete((await flows('dport:5060')).slice(0, 3));
      const value = { planId: PLAN, digest, method: Method.METHOD_DELETE, verifyAfterMs: 0, maxDrift };
      commands.accept(command(digest, { work: { $case: 'runPlan', value } }));
      await commands.idle();
      expect(said.results).toMatchObject([{ reason }]);
      expect(await flows('dport:5060')).toHaveLength(left);
    }
  });

  it('when the plan is unknown here', async () => {
    const { commands, flows, said } = gateway();
    commands.accept(command(Buffer.alloc(32)));
    await commands.idle();
    expect(said.results).toMatchObject([{ state: Result_State.STATE_REFUSED, reason: 'PLAN_UNKNOWN' }]);
    expect(await flows('')).toHaveLength(26);
  });
});

describe('other methods', () => {
  const by = (digest: Buffer, method: Method, forSeconds?: number): Command =>
    command(digest, { work: { $case: 'runPlan', value: { planId: PLAN, digest, method, verifyAfterMs: 0, forSeconds } } });

  it('expire fixes the timeout of exactly the plan’s flows', async () => {
    const { commands, freeze, flows, said } = gateway();
    commands.accept(by(await freeze('dport:5060'), Method.METHOD_EXPIRE, 40));
    await commands.idle();
    expect(said.results[0]).toMatchObject({ state: Result_State.STATE_DONE, runs: [{ outcome: Outcome.OUTCOME_EXPIRING, count: 20 }] });
    expect((await flows('status:fixed-timeout')).map(({ timeoutSeconds }) => timeoutSeconds)).toEqual(Array(20).fill(40));
  });

  it.each([
    ['a simulated gateway refuses to reset, because it has no packets', Method.METHOD_RESET, undefined, 'CAPABILITY_MISSING'],
    ['nothing is blocked for days', Method.METHOD_BLOCK, 200_000, 'INVALID_REQUEST'],
    ['a method that this version does not know is refused', 99 as Method, undefined, 'CAPABILITY_MISSING'],
  ])('%s, and touches nothing', async (_, method, forSeconds, reason) => {
    const { commands, freeze, flows, said } = gateway();
    commands.accept(by(await freeze('dport:5060'), method, forSeconds));
    await commands.idle();
    expect(said.results).toMatchObject([{ state: Result_State.STATE_REFUSED, reason, runs: [] }]);
    expect(await flows('dport:5060')).toHaveLength(20);
  });

  it('a crash does not turn an expire into a delete', async () => {
    const first = gateway();
    await first.freeze('dport:5060');
    first.journal.append({
      kind: 'received',
      id: 'c1',
      seq: '1',
      epoch: '1',
      planId: PLAN,
      way: { method: Method.METHOD_EXPIRE, forSeconds: 40 },
    });
    first.journal.append({ kind: 'started', id: 'c1', atMs: 1_000_000, tableBefore: 26 });
    first.journal.close();
    const again = gateway(first.folder, first.table);
    again.commands.recover();
    await again.commands.idle();
    expect(again.said.results[0]!.runs).toEqual([{ outcome: Outcome.OUTCOME_EXPIRING, count: 20 }]);
    expect(await again.flows('dport:5060')).toHaveLength(20);
  });
});

describe('an undo', () => {
  const run = (digest: Buffer, undoForSeconds = 300): Command =>
    command(digest, {
      work: { $case: 'runPlan', value: { planId: PLAN, digest, method: Method.METHOD_DELETE, verifyAfterMs: 0, undoForSeconds } },
    });
  const undo = (change: Partial<Command> = {}): Command =>
    command(Buffer.alloc(0), { id: 'u1', seq: 2n, work: { $case: 'undoPlan', value: { commandId: 'c1', planId: PLAN } }, ...change });

  /** A plan that ran: nineteen flows deleted, one already gone. */
  async function afterRun(undoForSeconds?: number) {
    const stage = gateway();
    const digest = await stage.freeze('dport:5060');
    await stage.table.delete((await stage.flows('dport:5060')).slice(-1));
    stage.commands.accept(run(digest, undoForSeconds));
    await stage.commands.idle();
    stage.commands.acknowledge('c1');
    return { ...stage, digest };
  }

  it('restores exactly what the command deleted, after its result was acknowledged, and only once', async () => {
    const { commands, said, flows, clock } = await afterRun();
    expect(said.results[0]!.undoUntilMs).toBe(BigInt(clock.ms + 300_000));
    expect(await flows('dport:5060')).toEqual([]);
    commands.accept(undo());
    await commands.idle();
    expect(said.results[1]!.state).toBe(Result_State.STATE_DONE);
    expect([counted(said.results[1]!, Outcome.OUTCOME_RESTORED), counted(said.results[1]!, Outcome.OUTCOME_GONE)]).toEqual([19, 1]);
    expect(await flows('dport:5060')).toHaveLength(19);
    commands.accept(undo({ id: 'u2', seq: 3n }));
    await commands.idle();
    expect(said.results[2]).toMatchObject({ state: Result_State.STATE_REFUSED, reason: 'PLAN_ALREADY_RUN' });
  });

  it('leaves a flow that traffic has re-created, and reports it as occupied', async () => {
    const { commands, said, flows, table } = await afterRun();
    table.insert(entryOf({ proto: 17, orig: { src: '10.1.0.1', dst: '198.51.100.10', sport: 5060, dport: 5060 }, timeoutSeconds: 120 }));
    const [anew] = await flows('src:10.1.0.1 dport:5060');
    commands.accept(undo());
    await commands.idle();
    expect(counted(said.results[1]!, Outcome.OUTCOME_OCCUPIED)).toBe(1);
    expect((await flows('src:10.1.0.1 dport:5060'))[0]!.id).toBe(anew!.id);
  });

  it('is refused when its time has passed, and where nothing was kept', async () => {
    const late = await afterRun(1);
    late.clock.ms += 1001;
    late.commands.accept(undo());
    await late.commands.idle();
    expect(late.said.results[1]).toMatchObject({ state: Result_State.STATE_REFUSED, reason: 'PLAN_EXPIRED', runs: [] });
    const never = await afterRun(0);
    expect(never.said.results[0]!.undoUntilMs).toBeUndefined();
    never.commands.accept(undo());
    await never.commands.idle();
    expect(never.said.results[1]).toMatchObject({ reason: 'PLAN_EXPIRED' });
    expect(readdirSync(path.join(never.folder, 'plans'))).toEqual([]);
  });

  it('keeps nothing on disk once its own result is acknowledged', async () => {
    const { commands, folder } = await afterRun();
    commands.accept(undo());
    await commands.idle();
    commands.acknowledge('u1');
    expect([readdirSync(path.join(folder, 'plans')), readdirSync(path.join(folder, 'undo'))]).toEqual([[], []]);
  });

  it('that is half written when the agent is killed is removed, a damaged one is set aside, and commands continue', async () => {
    const folder = mkdtempSync(path.join(root, 'agent-'));
    mkdirSync(path.join(folder, 'undo'));
    for (const name of ['c0.part', 'c9']) writeFileSync(path.join(folder, 'undo', name), '{"planId":');
    const { commands, freeze, said } = gateway(folder);
    commands.accept(run(await freeze('dport:53')));
    await commands.idle();
    expect(said.results[0]!.state).toBe(Result_State.STATE_DONE);
    expect(readdirSync(path.join(folder, 'undo')).toSorted()).toEqual(['c1', expect.stringMatching(/^c9\.damaged-\d+$/)]);
  });

  it('that a crash interrupted continues, and reports existing entries as indeterminate, because it may have restored them itself', async () => {
    const first = await afterRun();
    first.journal.append({ kind: 'received', id: 'u1', seq: '2', epoch: '1', planId: PLAN, undoOf: 'c1' });
    const { flows: planned } = new UndoStore(first.folder, first.plans).take('c1', 'u1', first.clock.ms);
    first.journal.append({ kind: 'started', id: 'u1', atMs: 1_000_000 });
    await first.table.restore([...planned.batches(4)][0]!);
    first.journal.close();
    const again = gateway(first.folder, first.table);
    again.clock.ms += 400_000;
    again.commands.recover();
    await again.commands.idle();
    const [result] = again.said.results;
    expect([counted(result!, Outcome.OUTCOME_INDETERMINATE), counted(result!, Outcome.OUTCOME_RESTORED)]).toEqual([4, 15]);
  });
});

describe('an undo of unknown outcomes', () => {
  it('restores all that is gone after a kill midway, even if the repeated command was refused', async () => {
    const first = gateway();
    const digest = await first.freeze('dport:5060');
    first.journal.append({
      kind: 'received',
      id: 'c1',
      seq: '1',
      epoch: '1',
      planId: PLAN,
      way: { method: Method.METHOD_DELETE, undoForSeconds: 300 },
    });
    first.journal.append({ kind: 'started', id: 'c1', atMs: 1_000_000 });
    await first.table.delete((await first.flows('dport:5060')).slice(0, 13));
    expect(digest).toHaveLength(32);
    first.journal.close();
    const again = gateway(first.folder, first.table, { ...NO_RULES, isReadOnly: true });
    again.commands.recover();
    await again.commands.idle();
    expect(again.said.results).toMatchObject([
      { state: Result_State.STATE_INDETERMINATE, reason: 'GUARD_REFUSED', runs: [{ outcome: Outcome.OUTCOME_INDETERMINATE, count: 20 }] },
    ]);
    expect(again.said.results[0]!.undoUntilMs).toBe(1_300_000n);
    again.commands.acknowledge('c1');
    again.journal.close();
    const third = gateway(first.folder, first.table);
    third.commands.accept({ ...command(digest), id: 'u1', seq: 2n, work: { $case: 'undoPlan', value: { planId: PLAN, commandId: 'c1' } } });
    await third.commands.idle();
    const [undone] = third.said.results;
    expect([counted(undone!, Outcome.OUTCOME_RESTORED), counted(undone!, Outcome.OUTCOME_OCCUPIED)]).toEqual([13, 7]);
    expect(await third.flows('dport:5060')).toHaveLength(20);
  });
});

describe('plans of a gateway', () => {
  const small = (limits: { plans: number; bytes: number }): { plans: PlanStore; folder: string } => {
    const folder = mkdtempSync(path.join(root, 'agent-'));
    return { plans: new PlanStore(folder, new Disk(), limits), folder };
  };
  const write = (plans: PlanStore, planId: string, flows: Flow[]): void => {
    const writer = plans.begin(planId, 2_000_000);
    flows.forEach((flow) => writer.add(flow));
    writer.finish();
  };

  it('are refused beyond the maximum number, with a remedy in the message', () => {
    const { plans } = small({ plans: 2, bytes: 1 << 20 });
    for (const id of ['a1', 'a2']) write(plans, id, []);
    expect(() => plans.begin('a3', 2_000_000)).toThrow(
      expect.objectContaining({ code: 'RATE_LIMITED', message: expect.stringMatching(/2 plans.*expire/) as unknown }),
    );
    plans.sweep(2_000_000 + 121_000, (planId) => planId === 'a1');
    write(plans, 'a3', []);
    expect(plans.kept().plans).toBe(2);
  });

  it('are refused beyond the maximum size, and nothing is left of the refused one', async () => {
    const { plans, folder } = small({ plans: 99, bytes: 3000 });
    const flows = await gateway().flows('dport:5060');
    write(plans, 'a1', flows.slice(0, 10));
    expect(() =>
      write(
        plans,
        'a2',
        Array.from({ length: 99 }, () => flows[0]!),
      ),
    ).toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }));
    expect(readdirSync(path.join(folder, 'plans'))).toEqual(['a1']);
    expect(plans.load('a1').count).toBe(10);
  });

  it('wait for half an hour at most, whatever time the controller asks for', () => {
    expect([expiryOf(253_402_300_799_000, 1000), expiryOf(-5, 1000), expiryOf(301_000, 1000), expiryOf(Infinity, 1000)]).toEqual([
      1_801_000, 1000, 301_000, 1_801_000,
    ]);
  });
});

describe('a stop', () => {
  it('takes effect between batches: what was ended stays ended, the rest is left alone and reported as cancelled', async () => {
    const table = new MemoryTable({ now: () => 1_000_000 });
    for (let n = 0; n < 3500; n++)
      table.insert(
        entryOf({ proto: 17, orig: { src: '10.1.0.1', dst: '198.51.100.10', sport: 1000 + n, dport: 5060 }, timeoutSeconds: 120 }),
      );
    const { commands, freeze, flows, said } = gateway(undefined, table, { ...NO_RULES, mostPercentOfTable: 100 });
    const digest = await freeze('dport:5060');
    said.onProgress = ({ done }) => {
      if (done === 2000) commands.stop(['c1', 'unknown']);
    };
    commands.accept(command(digest));
    await commands.idle();
    expect(said.results[0]).toMatchObject({
      state: Result_State.STATE_DONE,
      runs: [
        { outcome: Outcome.OUTCOME_DELETED, count: 2000 },
        { outcome: Outcome.OUTCOME_CANCELLED, count: 1500 },
      ],
    });
    expect((await table.counters()).count).toBe(1500);
    expect(await flows('dport:5060')).toHaveLength(1000);
  });

  it.each([
    ['that arrives before its command', true, false],
    ['that arrives while its command waits', false, false],
    ['that arrives before its command, with a crash in between,', true, true],
  ])('%s refuses the command, and nothing is touched', async (_, isBefore, isCrash) => {
    let stage = gateway();
    const digest = await stage.freeze('dport:5060');
    if (isBefore) stage.commands.stop(['c1']);
    if (isCrash) {
      stage.journal.close();
      stage = gateway(stage.folder, stage.table);
    }
    stage.commands.accept(command(digest));
    stage.commands.stop(['c1']);
    await stage.commands.idle();
    expect(stage.said.results).toMatchObject([{ state: Result_State.STATE_REFUSED, reason: 'CANCELLED', runs: [] }]);
    expect(await stage.flows('dport:5060')).toHaveLength(20);
  });

  it('of a finished command changes nothing', async () => {
    const { commands, freeze, said, journal } = gateway();
    commands.accept(command(await freeze('dport:5060')));
    await commands.idle();
    commands.stop(['c1']);
    expect(said.results[0]!.runs).toEqual([{ outcome: Outcome.OUTCOME_DELETED, count: 20 }]);
    expect(journal.state.stopped.size).toBe(0);
  });
});

describe('the guard of the gateway’s owner', () => {
  it.each([
    ['that is read-only', { isReadOnly: true }, 'readOnly'],
    ['that allows other methods only', { methods: [Method.METHOD_EXPIRE] }, 'methods'],
    ['that allows fewer flows a minute', { mostDeletesAMinute: 19 }, 'mostDeletesAMinute'],
    ['that allows a smaller part of the table', { mostPercentOfTable: 50 }, 'mostPercentOfTable'],
    ['that cannot be read', { isReadOnly: true, error: '/etc/ctfleet/guard.yaml cannot be used' }, '/etc/ctfleet/guard.yaml'],
  ])('%s refuses a plan before anything is touched, and the message names the rule', async (_, rules, named) => {
    const { commands, freeze, flows, said } = gateway(undefined, undefined, { ...NO_RULES, ...rules });
    commands.accept(command(await freeze('dport:5060')));
    await commands.idle();
    expect(said.results).toMatchObject([{ state: Result_State.STATE_REFUSED, reason: 'GUARD_REFUSED', runs: [] }]);
    expect(said.results[0]!.detail).toContain(named);
    expect(await flows('dport:5060')).toHaveLength(20);
  });
});

it('the agent reports progress as soon as it has deleted, before it waits to verify', async () => {
  const { commands, freeze, said, table, clock } = gateway();
  const spoken: { done: number; left: number; atMs: number }[] = [];
  const digest = await freeze('dport:5060');
  said.onProgress = ({ done }) => {
    spoken.push({ done, left: table.size, atMs: clock.ms });
  };
  commands.accept(command(digest));
  await commands.idle();
  expect(spoken).toContainEqual({ done: 20, left: 6, atMs: 1_000_000 });
  expect(clock.ms).toBe(1_002_000);
});

describe('an agent that crashed', () => {
  it('after the command started resumes with the same flows, and reports those that are gone as indeterminate, because it may have deleted them itself', async () => {
    const first = gateway();
    const digest = await first.freeze('dport:5060');
    first.journal.append({ kind: 'received', id: 'c1', seq: '1', epoch: '1', planId: PLAN });
    first.journal.append({ kind: 'started', id: 'c1', atMs: 1_000_000, tableBefore: 26 });
    await first.table.delete(await first.flows('dport:5060 src:10.1.0.1'));
    first.journal.close();

    const again = gateway(first.folder, first.table);
    again.commands.recover();
    await again.commands.idle();
    const counts = new Map(again.said.results[0]!.runs.map(({ outcome, count }) => [outcome, count]));
    expect(again.said.results[0]!.state).toBe(Result_State.STATE_DONE);
    expect(counts.get(Outcome.OUTCOME_INDETERMINATE)).toBe(1);
    expect(await again.flows('dport:5060')).toEqual([]);
    again.commands.accept(command(digest));
    await again.commands.idle();
    expect(again.said.results).toHaveLength(2);
  });

  it('before the command started touches nothing, and reports it', async () => {
    const first = gateway();
    await first.freeze('dport:5060');
    first.journal.append({ kind: 'received', id: 'c1', seq: '1', epoch: '1', planId: PLAN });
    first.journal.close();
    const again = gateway(first.folder, first.table);
    again.commands.recover();
    await again.commands.idle();
    expect(again.said.results).toMatchObject([{ state: Result_State.STATE_FAILED, runs: [] }]);
    expect(await again.flows('dport:5060')).toHaveLength(20);
  });
});

describe('frozen plans', () => {
  it('are read back as they were shown, with the same digest', async () => {
    const { freeze, plans, flows } = gateway();
    const digest = await freeze('dport:5060');
    const plan = plans.load(PLAN);
    expect(plan.digest).toEqual(digest);
    expect(
      [...plan.batches(7)]
        .flat()
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual((await flows('dport:5060')).map(({ id }) => id).toSorted());
  });

  it('are removed when their result is acknowledged, or two minutes after they expire unless a command needs them', async () => {
    const { commands, freeze, plans, folder, clock } = gateway();
    commands.accept(command(await freeze('dport:5060')));
    await commands.idle();
    commands.acknowledge('c1');
    expect(readdirSync(path.join(folder, 'plans'))).toEqual([]);
    await freeze('dport:53');
    plans.sweep(clock.ms + 300_000, () => false);
    expect(readdirSync(path.join(folder, 'plans'))).toEqual([PLAN]);
    plans.sweep(clock.ms + 300_000 + 121_000, () => true);
    expect(readdirSync(path.join(folder, 'plans'))).toEqual([PLAN]);
    plans.sweep(clock.ms + 300_000 + 121_000, () => false);
    expect(readdirSync(path.join(folder, 'plans'))).toEqual([]);
  });
});
