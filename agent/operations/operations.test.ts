import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, describe, expect, it } from 'vitest';
import { Method, Outcome, Result, Result_State, type Command, type Progress } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import { parseFilter } from '../../proto/model/filter/parse.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { entryOf } from '../../test/support/sample-entries.ts';
import { MemoryTable } from '../conntrack/memory-table.ts';
import type { FlowContext } from '../conntrack/table.ts';
import { Commands } from './commands.ts';
import { builtInProtections } from './guard.ts';
import { Journal } from './journal.ts';
import { PlanStore } from './plan-store.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-operations-'));
afterAll(() => rmSync(root, { recursive: true }));

const PLAN = '01900000-0000-7000-8000-000000000001';
const filterOf = (text: string): FlowFilter => (parseFilter(text) as { filter: FlowFilter }).filter;

/** An agent's operations on a table in memory, with what they reported. */
function gateway(folder = mkdtempSync(path.join(root, 'agent-')), table = filled()) {
  const clock = { ms: 1_000_000 };
  const said: { progress: Progress[]; results: Result[] } = { progress: [], results: [] };
  const context: FlowContext = { wans: [], protections: builtInProtections(['10.0.0.1'], { addresses: ['192.0.2.9'], port: 4444 }) };
  const journal = new Journal(folder);
  const plans = new PlanStore(folder);
  const commands = new Commands({
    table, journal, plans, context: () => context, log: pino({ level: 'silent' }), controllerNow: () => clock.ms,
    clock: { now: () => clock.ms, delay: async (ms) => void (clock.ms += ms) },
    report: { progress: (progress) => said.progress.push(progress), result: (result) => said.results.push(result) },
  });
  const freeze = async (text: string): Promise<Buffer> => {
    const writer = plans.begin(PLAN, clock.ms + 300_000);
    for await (const batch of table.collect({ filter: filterOf(text), context })) batch.filter((flow) => flow.protectedBy === undefined).forEach((flow) => writer.add(flow));
    return writer.finish();
  };
  const flows = async (text: string): Promise<Flow[]> => (await table.search({ filter: filterOf(text), context, limit: 1000 })).rows;
  return { folder, table, clock, said, journal, plans, commands, freeze, flows };
}

/** Twenty registrations, some DNS, and the agent's own connection. */
function filled(): MemoryTable {
  const table = new MemoryTable({ now: () => 1_000_000 });
  for (let n = 1; n <= 20; n++) table.insert(entryOf({ proto: 17, orig: { src: `10.1.0.${n}`, dst: '198.51.100.10', sport: 5060, dport: 5060 }, timeoutSeconds: 120 }));
  for (let n = 1; n <= 5; n++) table.insert(entryOf({ proto: 17, orig: { src: `10.1.0.${n}`, dst: '198.51.100.53', sport: 2000, dport: 53 }, timeoutSeconds: 30 }));
  table.insert(entryOf({ proto: 6, orig: { src: '10.0.0.1', dst: '192.0.2.9', sport: 40_000, dport: 4444 }, state: 'ESTABLISHED', timeoutSeconds: 432_000 }));
  return table;
}

function command(digest: Buffer, change: Partial<Command> = {}): Command {
  return { id: 'c1', seq: 1n, epoch: 1n, notAfterMs: 2_000_000n, work: { $case: 'runPlan', value: { planId: PLAN, digest, method: Method.METHOD_DELETE, verifyAfterMs: 2000 } }, ...change };
}

describe('a plan that is carried out', () => {
  it('ends exactly its flows, looks again, and reports each in the plan’s order', async () => {
    const { commands, freeze, flows, said } = gateway();
    const digest = await freeze('dport:5060');
    commands.accept(command(digest));
    await commands.idle();
    expect(said.results).toMatchObject([{ commandId: 'c1', state: Result_State.STATE_DONE, runs: [{ outcome: Outcome.OUTCOME_DELETED, count: 20 }], tableBefore: 26n, tableAfter: 6n }]);
    expect(await flows('dport:5060')).toEqual([]);
    expect(await flows('dport:53')).toHaveLength(5);
  });

  it('leaves a flow alone that was born after it with the same tuple, and says of the old one that it had gone', async () => {
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

  it('runs once however often the command comes, and says the same each time', async () => {
    const { commands, freeze, said, journal } = gateway();
    const digest = await freeze('dport:5060');
    commands.accept(command(digest));
    await commands.idle();
    commands.accept(command(digest));
    commands.repeatResults();
    expect(said.results).toHaveLength(3);
    expect(new Set(said.results.map((result) => Buffer.from(Result.encode(result).finish()).toString('hex'))).size).toBe(1);
    commands.acknowledge('c1');
    commands.accept(command(digest));
    expect(said.results).toHaveLength(3);
    expect(journal.state.lastSeq).toBe(1n);
  });
});

describe('a command is refused and nothing is touched', () => {
  it.each([
    ['when the plan on the gateway is another one', { }, Buffer.alloc(32), 'PLAN_DIGEST_MISMATCH', Result_State.STATE_REFUSED],
    ['when its deadline has passed', { notAfterMs: 999_999n }, undefined, 'COMMAND_LATE', Result_State.STATE_EXPIRED],
    ['when it asks for what this version does not know', { work: undefined }, undefined, 'CAPABILITY_MISSING', Result_State.STATE_REFUSED],
  ])('%s', async (_, change, wrongDigest, reason, state) => {
    const { commands, freeze, flows, said } = gateway();
    const digest = await freeze('dport:5060');
    commands.accept(command(wrongDigest ?? digest, change));
    await commands.idle();
    expect(said.results).toMatchObject([{ state, reason, runs: [] }]);
    expect(await flows('dport:5060')).toHaveLength(20);
  });

  it('when the plan is not known here', async () => {
    const { commands, flows, said } = gateway();
    commands.accept(command(Buffer.alloc(32)));
    await commands.idle();
    expect(said.results).toMatchObject([{ state: Result_State.STATE_REFUSED, reason: 'PLAN_UNKNOWN' }]);
    expect(await flows('')).toHaveLength(26);
  });
});

describe('other ways to end flows', () => {
  const by = (digest: Buffer, method: Method, forSeconds?: number): Command =>
    command(digest, { work: { $case: 'runPlan', value: { planId: PLAN, digest, method, verifyAfterMs: 0, forSeconds } } });

  it('an expiry fixes the time of exactly the plan’s flows', async () => {
    const { commands, freeze, flows, said } = gateway();
    commands.accept(by(await freeze('dport:5060'), Method.METHOD_EXPIRE, 40));
    await commands.idle();
    expect(said.results[0]).toMatchObject({ state: Result_State.STATE_DONE, runs: [{ outcome: Outcome.OUTCOME_EXPIRING, count: 20 }] });
    expect((await flows('status:fixed-timeout')).map(({ timeoutSeconds }) => timeoutSeconds)).toEqual(Array(20).fill(40));
  });

  it.each([
    ['a simulated gateway refuses to reset, because it has no packets', Method.METHOD_RESET, undefined, 'CAPABILITY_MISSING'],
    ['nothing is blocked for days', Method.METHOD_BLOCK, 200_000, 'INVALID_REQUEST'],
    ['a way that this version does not know is refused', 99 as Method, undefined, 'CAPABILITY_MISSING'],
  ])('%s, and touches nothing', async (_, method, forSeconds, reason) => {
    const { commands, freeze, flows, said } = gateway();
    commands.accept(by(await freeze('dport:5060'), method, forSeconds));
    await commands.idle();
    expect(said.results).toMatchObject([{ state: Result_State.STATE_REFUSED, reason, runs: [] }]);
    expect(await flows('dport:5060')).toHaveLength(20);
  });

  it('a crash does not turn an expiry into a delete', async () => {
    const first = gateway();
    await first.freeze('dport:5060');
    first.journal.append({ kind: 'received', id: 'c1', seq: '1', epoch: '1', planId: PLAN, way: { method: Method.METHOD_EXPIRE, forSeconds: 40 } });
    first.journal.append({ kind: 'started', id: 'c1', atMs: 1_000_000, tableBefore: 26 });
    first.journal.close();
    const again = gateway(first.folder, first.table);
    again.commands.recover();
    await again.commands.idle();
    expect(again.said.results[0]!.runs).toEqual([{ outcome: Outcome.OUTCOME_EXPIRING, count: 20 }]);
    expect(await again.flows('dport:5060')).toHaveLength(20);
  });
});

describe('an agent that died', () => {
  it('after it had started takes up the same flows, and calls what it finds gone indeterminate, because it may have been itself', async () => {
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

  it('before it had started touches nothing, and says so', async () => {
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
  it('read back as they were shown, with the same digest', async () => {
    const { freeze, plans, flows } = gateway();
    const digest = await freeze('dport:5060');
    const plan = plans.load(PLAN);
    expect(plan.digest).toEqual(digest);
    expect(plan.flows.map(({ id }) => id).toSorted()).toEqual((await flows('dport:5060')).map(({ id }) => id).toSorted());
  });

  it('are gone when their result is acknowledged, or long after they could run', async () => {
    const { commands, freeze, plans, folder } = gateway();
    commands.accept(command(await freeze('dport:5060')));
    await commands.idle();
    commands.acknowledge('c1');
    expect(readdirSync(path.join(folder, 'plans'))).toEqual([]);
    await freeze('dport:53');
    plans.sweep(Date.now() + 7_200_000);
    expect(readdirSync(path.join(folder, 'plans'))).toEqual([]);
  });
});
