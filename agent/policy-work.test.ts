import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ChangeStage, policyOf } from '../test/support/policy-changing.ts';
import { Progress_Phase, Result_State, type Command, type Progress, type Result } from '../proto/gen/ctfleet/v1/operation.ts';
import { FleetError } from '../proto/model/error-codes.ts';
import { differenceDigest } from '../proto/model/policy/difference-digest.ts';
import { writePolicy } from '../proto/model/policy/write.ts';
import { MemoryTable } from './conntrack/memory/memory-table.ts';
import { Commands } from './operations/commands.ts';
import { Journal } from './operations/journal.ts';
import { PlanStore } from './operations/plan-store.ts';
import { UndoStore } from './operations/undo-store.ts';
import { watchOver } from './policies/applying/watch-over.ts';
import { GatewayPolicyWork } from './policy-work.ts';
import { OPEN_GUARD } from '../test/support/open-guard.ts';

const PLAN = '01900000-0000-7000-8000-0000000000ff';
const POLICY = policyOf({ timeouts: { 'udp.replied': 60 }, rules: [{ name: 'dns', match: { proto: 'udp' }, mode: 'off' }] }, 'evening');
const OTHER = policyOf({ timeouts: { 'udp.replied': 90 } }, 'later');

let folder: string;
let stage: ChangeStage;
let life: Life;

/** One life of an agent: its commands over a gateway in memory whose change folder and journal stay. */
class Life {
  readonly results: Result[] = [];
  readonly progress: Progress[] = [];
  readonly work: GatewayPolicyWork;
  readonly commands: Commands;
  readonly journal = new Journal(folder);
  redials = 0;
  told = 0;
  refusal: FleetError | undefined;

  constructor() {
    const log = pino({ level: 'silent' });
    const plans = new PlanStore(folder);
    this.work = new GatewayPolicyWork({
      folder: stage.folder,
      changes: stage.changes,
      // Others work while somebody waits.
      clock: { bootMs: () => stage.clock.bootMs(), bootId: () => stage.clock.bootId(), delay: async () => nextTurn() },
      redial: () => this.redials++,
      tell: () => this.told++,
      log,
    });
    this.commands = new Commands({
      table: new MemoryTable({ now: () => 0 }),
      journal: this.journal,
      plans,
      undos: new UndoStore(folder, plans),
      guard: {
        ...OPEN_GUARD,
        allowChange: () => {
          if (this.refusal) throw this.refusal;
        },
      },
      policyWork: this.work,
      context: () => ({ wans: [], protections: [] }),
      log,
      controllerClock: { latest: () => 1000 },
      clock: { now: () => 0, delay: async () => nextTurn() },
      report: { progress: (progress) => this.progress.push(progress), result: (result) => this.results.push(result) },
    });
  }

  /** As a kill: nothing of it goes on. */
  end(): void {
    this.work.close();
    this.journal.close();
  }

  async over(id = 'c1'): Promise<Result> {
    for (let turns = 0; turns < 10_000; turns++) {
      const result = this.results.find(({ commandId }) => commandId === id);
      if (result) return result;
      await nextTurn();
    }
    throw new Error('no result');
  }
}

async function commandFor(policy = POLICY, { id = 'c1', seq = 1n, insteadOf = '', withinSeconds = 120 } = {}): Promise<Command> {
  const digest = Buffer.from(insteadOf === '' ? differenceDigest((await stage.changes.plan(policy)).difference) : []);
  const document = insteadOf === '' ? writePolicy(policy) : '';
  return {
    id,
    seq,
    epoch: 1n,
    notAfterMs: 2000n,
    work: { $case: 'applyPolicy', value: { document, digest, withinSeconds, planId: PLAN, insteadOf } },
  };
}

/** A session that begins now, and on which the controller confirms. */
async function confirmOnNewSession(id = 'c1'): Promise<void> {
  stage.clock.pass(1);
  await life.work.sessionBegins()(id);
}

async function putInForce(command: Command): Promise<void> {
  life.commands.accept(command);
  await life.commands.idle();
}

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-policy-work-'));
  stage = new ChangeStage();
  life = new Life();
});
afterEach(() => {
  life.end();
  rmSync(folder, { recursive: true });
});

describe('a command that puts a policy in force', () => {
  test('says so, seeks a new session, and is done once it is confirmed over one', async () => {
    await putInForce(await commandFor());
    expect(life.progress.map(({ phase }) => phase)).toEqual([Progress_Phase.PHASE_RECEIVED, Progress_Phase.PHASE_CONFIRMING]);
    expect([life.redials, life.results, stage.folder.pending()?.record.commandId]).toEqual([1, [], 'c1']);
    await confirmOnNewSession();
    expect(await life.over()).toMatchObject({ state: Result_State.STATE_DONE, reason: '' });
    expect(stage.folder.confirmed()).toMatchObject({ policy: 'evening', commandId: 'c1' });
  });

  test('says how many flows ended at its confirmation because they do not meet a stricter mode, and waits until they have', async () => {
    await putInForce(await commandFor({ ...POLICY, spec: { ...POLICY.spec, rules: [{ name: 'm', match: {}, mode: 'normal' }] } }));
    await confirmOnNewSession();
    await life.over();
    stage.onUnmet = () => ({ ended: 12, left: 1 });
    const strict = { ...POLICY, spec: { ...POLICY.spec, rules: [{ name: 'm', match: {}, mode: 'strict' as const }] } };
    await putInForce(await commandFor(strict, { id: 'c2', seq: 2n }));
    await confirmOnNewSession('c2');
    expect(await life.over('c2')).toMatchObject({
      state: Result_State.STATE_DONE,
      detail:
        '12 connections have ended that do not meet a stricter mode. 1 more do not meet it and go on: they are protected, or could not be ended.',
    });
  });

  test('is not confirmed over the session that was there before, which is ended once more', async () => {
    const old = life.work.sessionBegins();
    stage.clock.pass(1);
    await putInForce(await commandFor());
    await old('c1');
    expect([stage.folder.confirmed(), stage.folder.pending()?.phase, life.redials]).toEqual([undefined, 'unconfirmed', 2]);
  });

  test('is not confirmed by what the controller says of another command', async () => {
    await putInForce(await commandFor());
    await confirmOnNewSession('c2');
    expect(stage.folder.pending()?.phase).toBe('unconfirmed');
  });

  test('is refused for another difference than was planned, and nothing is touched', async () => {
    const command = await commandFor();
    stage.kernel.values.nf_conntrack_udp_timeout_stream = 99;
    await putInForce(command);
    expect(await life.over()).toMatchObject({ state: Result_State.STATE_REFUSED, reason: 'PLAN_DRIFTED' });
    expect([stage.deeds, stage.folder.pending()]).toEqual([[], undefined]);
  });

  test('is refused by the guard of the gateway, and nothing is touched', async () => {
    life.refusal = new FleetError('GUARD_REFUSED', 'readOnly');
    await putInForce(await commandFor());
    expect(await life.over()).toMatchObject({ state: Result_State.STATE_REFUSED, reason: 'GUARD_REFUSED' });
    expect(stage.deeds).toEqual([]);
  });

  test('is refused where a document cannot be read, or the time is none', async () => {
    const unreadable = await commandFor();
    if (unreadable.work?.$case === 'applyPolicy') unreadable.work.value.document = 'kind: Nonsense';
    await putInForce(unreadable);
    await putInForce(await commandFor(POLICY, { id: 'c2', seq: 2n, withinSeconds: 0 }));
    expect([(await life.over()).reason, (await life.over('c2')).reason]).toEqual(['POLICY_INVALID', 'INVALID_REQUEST']);
    expect(stage.deeds).toEqual([]);
  });

  test('is refused while another one waits to be confirmed', async () => {
    await putInForce(await commandFor());
    await putInForce(await commandFor(OTHER, { id: 'c2', seq: 2n }));
    expect(await life.over('c2')).toMatchObject({ state: Result_State.STATE_REFUSED, reason: 'GUARD_REFUSED' });
    expect(stage.folder.pending()?.record.commandId).toBe('c1');
  });

  test('fails if the kernel refuses a step, and everything is as it was', async () => {
    const was = stage.state();
    const command = await commandFor();
    stage.kernel.onDeed = (deed) => {
      stage.kernel.onDeed = () => undefined;
      throw new Error(`no ${deed}`);
    };
    await putInForce(command);
    expect(await life.over()).toMatchObject({ state: Result_State.STATE_FAILED, reason: 'UNAVAILABLE' });
    expect([stage.state(), stage.folder.pending()]).toEqual([was, undefined]);
  });

  test('fails when its dead-man puts it back at its deadline, and says why', async () => {
    const was = stage.state();
    await putInForce(await commandFor());
    stage.clock.pass(121_000);
    await watchOver(stage.watched[0]!, { ...stage, now: () => 0, killChanger: () => undefined });
    expect(await life.over()).toMatchObject({
      state: Result_State.STATE_FAILED,
      reason: 'POLICY_RESTORED',
      detail: 'It was not confirmed in time.',
    });
    expect(stage.state()).toEqual(was);
  });

  test('is put back at once when it is stopped, and stays if it was confirmed before', async () => {
    const was = stage.state();
    await putInForce(await commandFor());
    life.commands.stop(['c1']);
    expect(await life.over()).toMatchObject({ state: Result_State.STATE_FAILED, reason: 'CANCELLED' });
    expect(stage.state()).toEqual(was);
    await putInForce(await commandFor(POLICY, { id: 'c2', seq: 2n }));
    await confirmOnNewSession('c2');
    life.commands.stop(['c2']);
    expect(await life.over('c2')).toMatchObject({ state: Result_State.STATE_DONE });
    expect(stage.folder.confirmed()?.commandId).toBe('c2');
  });

  test('lets later commands go on while it waits', async () => {
    await putInForce(await commandFor());
    const work: Command['work'] = { $case: 'undoPlan', value: { commandId: 'nothing', planId: '' } };
    await putInForce({ id: 'c2', seq: 2n, epoch: 1n, notAfterMs: 2000n, work });
    expect(await life.over('c2')).toMatchObject({ state: Result_State.STATE_REFUSED });
    expect(life.results.map(({ commandId }) => commandId)).toEqual(['c2']);
  });

  test('runs once, however often it comes', async () => {
    const command = await commandFor();
    await putInForce(command);
    await putInForce(command);
    await confirmOnNewSession();
    await life.over();
    await putInForce(command);
    expect(stage.deeds.filter((deed) => deed === 'replace')).toHaveLength(1);
    expect(life.results.map(({ state }) => state)).toEqual([Result_State.STATE_DONE, Result_State.STATE_DONE]);
  });
});

describe('an agent that was killed', () => {
  async function startAgain(): Promise<void> {
    life = new Life();
    await stage.changes.settle('The agent has started before it was confirmed.');
    life.commands.recover();
  }

  test('before a confirmation has put it back, and says so', async () => {
    const was = stage.state();
    await putInForce(await commandFor());
    life.end();
    await startAgain();
    expect(await life.over()).toMatchObject({
      state: Result_State.STATE_FAILED,
      reason: 'POLICY_RESTORED',
      detail: 'The agent has started before it was confirmed.',
    });
    expect(stage.state()).toEqual(was);
  });

  test('after a confirmation and before it was journalled says that it is done, and sets nothing again', async () => {
    await putInForce(await commandFor());
    life.end();
    const { record } = stage.folder.pending()!;
    stage.clock.pass(1);
    // Nor how it ended: only that one rename is certain.
    stage.folder.confirm();
    const deeds = stage.deeds.length;
    await startAgain();
    expect(await life.over()).toMatchObject({ state: Result_State.STATE_DONE });
    expect([stage.folder.confirmed()?.id, stage.deeds.length]).toEqual([record.id, deeds]);
  });

  test('after another change followed the one that was confirmed still says that it is done', async () => {
    await putInForce(await commandFor());
    life.end();
    stage.clock.pass(1);
    await stage.changes.confirm({ openedAtBootMs: stage.clock.ms });
    await stage.changes.apply(OTHER, 60_000);
    stage.clock.pass(1);
    await stage.changes.confirm({ openedAtBootMs: stage.clock.ms });
    await startAgain();
    expect(await life.over()).toMatchObject({ state: Result_State.STATE_DONE });
    expect(stage.folder.confirmed()?.policy).toBe('later');
  });

  test('before anything was set says that it was not', async () => {
    life.journal.append({ kind: 'received', id: 'c1', seq: '1', epoch: '1', planId: PLAN, isPolicy: true });
    life.journal.append({ kind: 'started', id: 'c1', atMs: 5 });
    life.end();
    await startAgain();
    expect(await life.over()).toMatchObject({ state: Result_State.STATE_FAILED, reason: 'POLICY_RESTORED' });
    expect(stage.deeds).toEqual([]);
  });
});

describe('a command that takes a policy back', () => {
  const confirmed = async (policy: typeof POLICY, id: string, seq: bigint): Promise<void> => {
    await putInForce(await commandFor(policy, { id, seq }));
    await confirmOnNewSession(id);
    await life.over(id);
  };

  test('goes to what was confirmed before', async () => {
    await confirmed(OTHER, 'c1', 1n);
    const was = stage.state();
    await confirmed(POLICY, 'c2', 2n);
    await putInForce(await commandFor(POLICY, { id: 'c3', seq: 3n, insteadOf: 'c2' }));
    await confirmOnNewSession('c3');
    expect(await life.over('c3')).toMatchObject({ state: Result_State.STATE_DONE });
    expect(stage.state()).toEqual(was);
    expect(stage.folder.confirmed()).toMatchObject({ policy: 'later', commandId: 'c3', document: writePolicy(OTHER) });
  });

  test('goes to what was there where nothing was confirmed before, and then holds nothing', async () => {
    const was = stage.state();
    await confirmed(POLICY, 'c1', 1n);
    await putInForce(await commandFor(POLICY, { id: 'c2', seq: 2n, insteadOf: 'c1' }));
    await confirmOnNewSession('c2');
    await life.over('c2');
    expect(stage.state()).toEqual(was);
    expect(stage.folder.confirmed()).toMatchObject({ document: '', held: { settings: {}, rules: [] } });
  });

  test('is itself put back if nobody confirms it', async () => {
    await confirmed(POLICY, 'c1', 1n);
    const was = stage.state();
    await putInForce(await commandFor(POLICY, { id: 'c2', seq: 2n, insteadOf: 'c1' }));
    life.commands.stop(['c2']);
    await life.over('c2');
    expect([stage.state(), stage.folder.confirmed()?.commandId]).toEqual([was, 'c1']);
  });

  test('is refused if something else holds by now', async () => {
    await confirmed(POLICY, 'c1', 1n);
    await confirmed(OTHER, 'c2', 2n);
    await putInForce(await commandFor(POLICY, { id: 'c3', seq: 3n, insteadOf: 'c1' }));
    expect(await life.over('c3')).toMatchObject({ state: Result_State.STATE_REFUSED, reason: 'PLAN_DRIFTED' });
  });
});
