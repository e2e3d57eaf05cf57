import type { Logger } from 'pino';
import {
  Method,
  Outcome,
  Progress_Phase,
  Result,
  Result_State,
  type Command,
  type Progress,
  type RunPlan,
} from '../../proto/gen/ctfleet/v1/operation.ts';
import { FleetError, type ErrorCode } from '../../proto/model/error-codes.ts';
import type { Clock } from '../time/clock.ts';
import type { ControllerClock } from '../time/controller-clock.ts';
import type { ConntrackTable, FlowContext } from '../conntrack/table.ts';
import type { Blocks } from '../firewall/tables/blocks.ts';
import { DEFAULT_SECONDS, endBy, type OneBlock } from './end-flows.ts';
import { endedOf, type OnEnded } from './ended.ts';
import { readOnce } from './flow-list.ts';
import { Journal, type JournalRecord, type JournalState, type Ending } from './journal.ts';
import type { Guard } from './local-guard.ts';
import { fromRuns, toRuns } from './outcomes.ts';
import type { FrozenPlan, PlanStore } from './plan-store.ts';
import { PutInForce, type PolicyWork } from './put-in-force.ts';
import type { Refusals } from '../firewall/tables/refusals.ts';
import { runPlan } from './run-plan.ts';
import { signedPlanOf } from './signed-plan.ts';
import { canUndo, undoPlan } from './undo-plan.ts';
import { COMMAND_ID, type UndoStore } from './undo-store.ts';
import { assertNotDrifted } from './drift.ts';

/** Deleted flows are kept for an undo for an hour at most. */
const MAX_UNDO_SECONDS = 3600;
/** The longest that a command may wait before it verifies: later commands wait for it. */
const MAX_VERIFY_MS = 60_000;
/**
 * Sequence and epoch count up by one: no honest controller jumps further than this, and recording such a number would make the agent refuse
 * every later command.
 */
export const MAX_JUMP = 1_000_000n;
/** Most unacknowledged commands, each held in memory and on disk. Further ones are not accepted, and the controller resends them later. */
const MAX_OPEN = 1000;
/** Most stops honoured in one message; the journal remembers no more than that. */
const MAX_STOPS = 1000;

export interface CommandDependencies {
  /** This gateway's own id, by its certificate; absent: no signature of a second person can be for it. */
  gatewayId?: string;
  table: ConntrackTable;
  /** Absent where packets cannot be refused. */
  refusals?: Refusals;
  blocks?: Blocks;
  /** Absent where no policy can be put in force. */
  policyWork?: PolicyWork;
  journal: Journal;
  plans: PlanStore;
  undos: UndoStore;
  guard: Guard;
  clock: Clock;
  context: () => FlowContext;
  /** Deadlines are held against the latest that it may be, and results bear that time. */
  controllerClock: Pick<ControllerClock, 'latest'>;
  report: { progress(progress: Progress): void; result(result: Result): void };
  onEnded?: OnEnded;
  log: Logger;
}

export type ResultPart = Partial<Result> & { state: Result_State };
/** The part of a result about a plan's flows. */
type Done = Pick<Result, 'runs' | 'undoUntilMs'> & Partial<Pick<Result, 'packetsRefused' | 'refusedUntilMs'>>;

const STOPPED = 'The command was stopped before it began.';

/** What to do with a received command. A `dishonest` one is refused without being recorded, so that its numbers do not affect others. */
export type Admission = { kind: 'new' } | { kind: 'known' } | { kind: 'refused' | 'dishonest'; code: ErrorCode; detail: string };

/**
 * Depends only on the journal and the time. A known id never runs again; a lower epoch, a sequence that is not higher, and either more than
 * a million ahead are refused; a late command does nothing.
 */
export function admit(command: Command, journal: JournalState, controllerNowMs: number): Admission {
  const ids = [command.id, ...idsOf(command)];
  if (!ids.every((id) => COMMAND_ID.test(id)))
    return {
      kind: 'dishonest',
      code: 'INVALID_REQUEST',
      detail: 'An id in the command is invalid: it must have at most 64 letters, digits, dots and hyphens.',
    };
  if (journal.commands.has(command.id) || journal.acknowledged.has(command.id)) return { kind: 'known' };
  // Before all other refusals, because those record the numbers.
  for (const [word, value, last] of [
    ['sequence', command.seq, journal.lastSeq],
    ['epoch', command.epoch, journal.lastEpoch],
  ] as const) {
    if (value > last + MAX_JUMP)
      return {
        kind: 'dishonest',
        code: 'COMMAND_OUT_OF_ORDER',
        detail: `Its ${word} ${value} followed ${last}, an impossible jump. If the gateway’s state was lost, enrol it again.`,
      };
  }
  if (journal.stopped.has(command.id)) return { kind: 'refused', code: 'CANCELLED', detail: STOPPED };
  if (command.epoch < journal.lastEpoch)
    return { kind: 'refused', code: 'EPOCH_SUPERSEDED', detail: 'A newer session of this gateway exists.' };
  if (command.seq <= journal.lastSeq)
    return { kind: 'refused', code: 'COMMAND_OUT_OF_ORDER', detail: `Command ${command.seq} came after ${journal.lastSeq}.` };
  if (controllerNowMs > Number(command.notAfterMs))
    return { kind: 'refused', code: 'COMMAND_LATE', detail: 'The deadline had passed when the command arrived.' };
  return { kind: 'new' };
}

/** Executes commands one at a time, in order of arrival, each at most once. */
export class Commands {
  readonly #deps: CommandDependencies;
  /** Results that could not be journalled; resent in each session, and journalled at the latest on acknowledgement. */
  readonly #unjournalled = new Map<string, Result>();
  readonly #policies: PutInForce;
  #tail: Promise<void> = Promise.resolve();

  constructor(deps: CommandDependencies) {
    this.#deps = deps;
    this.#policies = new PutInForce({
      ...deps,
      work: deps.policyWork,
      isStopped: (id) => this.#isStopped(id),
      finish: (id, part) => this.#finish(id, part),
    });
  }

  /** Resumes what a crash interrupted: commands that had not started fail, started ones run again on the same flows. */
  recover(): void {
    // A damaged journal may have lost that they ran; nothing is done until its owner has checked.
    if (this.#deps.journal.damage !== undefined) return;
    for (const [id, command] of this.#deps.journal.state.commands) {
      const { planId, ending, undoOf } = command;
      if (command.state === 'received')
        this.#finish(id, {
          state: Result_State.STATE_FAILED,
          reason: 'UNAVAILABLE',
          detail: 'The agent stopped before the command started; nothing was touched.',
        });
      else if (command.state === 'started' && command.isPolicy) this.#policies.resume(id, command.startedAtMs);
      else if (command.state === 'started' && undoOf !== undefined) this.#enqueue(() => this.#undo(id, undoOf, true));
      else if (command.state === 'started')
        this.#enqueue(() => this.#run(id, planId, { method: Method.METHOD_DELETE, ...ending }, undefined, 0, true));
    }
  }

  accept(command: Command): void {
    const { journal, report, controllerClock, undos, log } = this.#deps;
    const admission = admit(command, journal.state, controllerClock.latest());
    if (admission.kind === 'known') return this.#sayAgain(command.id);
    if (admission.kind === 'dishonest') {
      log.error({ command: command.id.slice(0, 64), why: admission.detail }, 'a command was refused without being recorded');
      return report.result(
        this.#resultOf(command.id, { state: Result_State.STATE_REFUSED, reason: admission.code, detail: admission.detail }),
      );
    }
    if (journal.state.commands.size >= MAX_OPEN)
      return log.warn({ command: command.id, open: MAX_OPEN }, 'a command was not accepted: too many are unacknowledged');
    const { planId, ending, undoOf, isPolicy } = whatToJournal(command);
    try {
      journal.append({
        kind: 'received',
        id: command.id,
        seq: String(command.seq),
        epoch: String(command.epoch),
        planId,
        way: ending,
        undoOf,
        isPolicy,
      });
    } catch (error) {
      return report.result(this.#resultOf(command.id, unwritten(error)));
    }
    if (admission.kind === 'refused') {
      const state = admission.code === 'COMMAND_LATE' ? Result_State.STATE_EXPIRED : Result_State.STATE_REFUSED;
      return this.#finish(command.id, { state, reason: admission.code, detail: admission.detail });
    }
    report.progress({ commandId: command.id, phase: Progress_Phase.PHASE_RECEIVED, done: 0, total: 0 });
    this.#enqueue(async () => {
      const { work } = command;
      if (this.#isStopped(command.id))
        return this.#finish(command.id, { state: Result_State.STATE_REFUSED, reason: 'CANCELLED', detail: STOPPED });
      if (controllerClock.latest() > Number(command.notAfterMs)) {
        return this.#finish(command.id, {
          state: Result_State.STATE_EXPIRED,
          reason: 'COMMAND_LATE',
          detail: 'The deadline passed while earlier commands ran.',
        });
      }
      switch (work?.$case) {
        case 'runPlan':
          return this.#run(command.id, planId, ending!, work.value, Math.min(work.value.verifyAfterMs, MAX_VERIFY_MS), false);
        case 'undoPlan':
          return this.#undo(command.id, work.value.commandId, false);
        case 'applyPolicy':
          return this.#policies.run(command.id, work.value);
        case undefined:
          this.#finish(command.id, {
            state: Result_State.STATE_REFUSED,
            reason: 'CAPABILITY_MISSING',
            detail: 'This agent does not support that kind of command.',
          });
      }
    });
    undos.sweep(controllerClock.latest());
  }

  /** Stops commands whether they run, wait, or have yet to arrive; finished ones stay as they are. */
  stop(ids: string[]): void {
    const { journal, log } = this.#deps;
    const heeded = ids.filter((id) => COMMAND_ID.test(id)).slice(0, MAX_STOPS);
    if (heeded.length < ids.length)
      log.warn({ stops: ids.length, heeded: heeded.length }, 'some stops were ignored: too many, or invalid ids');
    for (const id of heeded) {
      if (journal.state.commands.get(id)?.state === 'finished' || journal.state.acknowledged.has(id)) continue;
      try {
        journal.append({ kind: 'stopped', id });
      } catch (error) {
        journal.state.stopped.add(id);
        log.error({ err: error, command: id }, 'a stop could not be journalled; it applies until the agent restarts');
      }
      void this.#policies.stop(id);
    }
  }

  /** The controller has recorded the result. The plan is removed, unless the command can still be undone. */
  acknowledge(id: string): void {
    const { journal, plans, undos, log } = this.#deps;
    const command = journal.state.commands.get(id);
    const unjournalled = this.#unjournalled.get(id);
    if (!command || (command.state !== 'finished' && !unjournalled)) return;
    try {
      if (unjournalled) journal.append(toFinished(unjournalled));
      this.#unjournalled.delete(id);
      journal.append({ kind: 'acknowledged', id });
      if (command.undoOf !== undefined) undos.forget(command.undoOf);
      else if (command.planId !== '' && !undos.holds(id)) plans.remove(command.planId);
    } catch (error) {
      log.error({ err: error, command: id }, 'an acknowledgement could not be journalled; the result is sent again in the next session');
    }
  }

  /** True for a plan that an unacknowledged command needs. */
  usesPlan(planId: string): boolean {
    const { journal, undos } = this.#deps;
    return [...journal.state.commands.values()].some(
      (command) => command.planId === planId || (command.undoOf !== undefined && undos.planOf(command.undoOf) === planId),
    );
  }

  /** Resends every unacknowledged result, for a new session. */
  repeatResults(): void {
    for (const [id, { state }] of this.#deps.journal.state.commands) if (state === 'finished') this.#repeatResult(id);
    for (const result of this.#unjournalled.values()) this.#deps.report.result(result);
  }

  /** Resolves when no command is running or queued. */
  idle(): Promise<void> {
    return this.#tail;
  }

  #repeatResult(id: string): void {
    const stored = this.#deps.journal.state.commands.get(id)?.result;
    if (stored !== undefined) this.#deps.report.result(Result.decode(Buffer.from(stored, 'base64')));
  }

  /**
   * A controller that resends an acknowledged command was restored from a backup: report that the command ran, so that it does not wait for
   * a result.
   */
  #sayAgain(id: string): void {
    if (!this.#deps.journal.state.acknowledged.has(id)) return this.#repeatResult(id);
    const detail =
      'This gateway ran the command and the controller acknowledged its result. The outcome of each flow is no longer kept here.';
    this.#deps.report.result(this.#resultOf(id, { state: Result_State.STATE_INDETERMINATE, reason: 'UNAVAILABLE', detail }));
  }

  #enqueue(work: () => void | Promise<void>): void {
    this.#tail = this.#tail
      .then(work)
      .catch((error: unknown) => this.#deps.log.error({ err: error }, 'a command failed with an internal error; later commands continue'));
  }

  #isStopped(id: string): boolean {
    return this.#deps.journal.state.stopped.has(id);
  }

  /** `asked`: what the plan must match; absent for a command resumed after a crash, whose plan was checked before. */
  #run(id: string, planId: string, ending: Ending, asked: RunPlan | undefined, verifyAfterMs: number, isRepeated: boolean): Promise<void> {
    const { gatewayId, table, refusals, blocks, guard, plans, clock, context, report } = this.#deps;
    const { method, forSeconds } = ending;
    let plan: FrozenPlan | undefined;
    return this.#carryOut(
      id,
      isRepeated,
      async (start) => {
        plan = plans.load(planId);
        if (asked && !plan.digest.equals(asked.digest))
          throw new FleetError('PLAN_DIGEST_MISMATCH', 'The plan on this gateway is not the one that was shown.', { planId });
        await assertNotDrifted(table, plan, asked?.maxDrift);
        const { count, stale } = plan;
        const isStopped = (): boolean => this.#isStopped(id);
        const block: OneBlock | undefined =
          method === Method.METHOD_BLOCK && blocks
            ? { blocks, id, planId, refused: plan.refused ?? { anyOf: [], seconds: forSeconds ?? DEFAULT_SECONDS[method] } }
            : undefined;
        const end = await endBy(method, forSeconds, { table, refusals, block, clock, context, isStopped });
        const signed = asked && gatewayId !== undefined ? signedPlanOf(asked, gatewayId, plan.digest) : undefined;
        guard.allow({ by: 'plan', method, flows: count, stale, tableCount: await table.count(), signed, isRepeated });
        await start();
        if (block) await blocks!.begin(block, isRepeated ? this.#startedAtMs(id) : undefined);
        const flows = readOnce(plan);
        const outcomes = await runPlan(table, clock, {
          flows,
          end,
          inBatches: method !== Method.METHOD_RESET,
          context,
          isStopped,
          verifyAfterMs,
          isRepeated,
          onProgress: (phase, done) =>
            report.progress({
              commandId: id,
              phase: phase === 'deleting' ? Progress_Phase.PHASE_DELETING : Progress_Phase.PHASE_VERIFYING,
              done,
              total: count,
            }),
        });
        this.#deps.onEnded?.({ commandId: id }, endedOf(flows, outcomes));
        if (block) return this.#ofBlock(block, outcomes, isStopped());
        const runs = toRuns(outcomes);
        return { runs, undoUntilMs: this.#hold(id, planId, ending, runs) };
      },
      () => {
        if (!plan) return { runs: [], undoUntilMs: undefined };
        const runs = [{ outcome: Outcome.OUTCOME_INDETERMINATE, count: plan.count }];
        return { runs, undoUntilMs: this.#hold(id, planId, ending, runs) };
      },
    );
  }

  /** What a block had refused when it was verified. A stopped one is lifted, so that the flows it did not reach are left alone. */
  async #ofBlock({ blocks, id }: OneBlock, outcomes: Outcome[], isStopped: boolean): Promise<Done> {
    if (isStopped) await blocks.lift([id]);
    const standing = await blocks.verify(id);
    const { clock, controllerClock } = this.#deps;
    // If the block has ended by now, all that is certain is that the entries are gone.
    if (!standing)
      return {
        runs: toRuns(outcomes.map((outcome) => (outcome === Outcome.OUTCOME_BLOCKED ? Outcome.OUTCOME_DELETED : outcome))),
        undoUntilMs: undefined,
      };
    return {
      runs: toRuns(outcomes),
      undoUntilMs: undefined,
      packetsRefused: standing.packets,
      refusedUntilMs: BigInt(Math.round(standing.untilMs - clock.now() + controllerClock.latest())),
    };
  }

  /** When a command that runs again first started, by this gateway's clock. */
  #startedAtMs(id: string): number | undefined {
    const { clock, controllerClock, journal } = this.#deps;
    const startedAtMs = journal.state.commands.get(id)?.startedAtMs;
    return startedAtMs === undefined ? undefined : clock.now() - Math.max(0, controllerClock.latest() - startedAtMs);
  }

  #undo(id: string, undoOf: string, isRepeated: boolean): Promise<void> {
    const { table, guard, undos, context, controllerClock, report } = this.#deps;
    return this.#carryOut(id, isRepeated, async (start) => {
      guard.allow({ by: 'undo', method: Method.METHOD_DELETE, flows: 0, stale: 0, tableCount: await table.count(), isRepeated });
      const { flows, outcomes } = undos.take(undoOf, id, controllerClock.latest());
      await start();
      const undone = await undoPlan(table, {
        flows,
        outcomes,
        context,
        isStopped: () => this.#isStopped(id),
        isRepeated,
        onProgress: (done) => report.progress({ commandId: id, phase: Progress_Phase.PHASE_DELETING, done, total: flows.count }),
      });
      return { runs: toRuns(undone) };
    });
  }

  /**
   * `work` calls `start` once all checks have passed. An error before that has touched nothing; an error after it makes the result
   * indeterminate, and `ifBroken` returns what can still be reported.
   */
  async #carryOut(
    id: string,
    isRepeated: boolean,
    work: (start: () => Promise<void>) => Promise<Done>,
    ifBroken?: () => Done,
  ): Promise<void> {
    const { table, journal, controllerClock } = this.#deps;
    const startedAtMs = Math.round(controllerClock.latest());
    try {
      let tableBefore: number | undefined;
      const done = await work(async () => {
        tableBefore = await table.count();
        if (!isRepeated) journal.append({ kind: 'started', id, atMs: startedAtMs, tableBefore });
      });
      const tableAfter = await table.count();
      this.#finish(id, {
        ...done,
        state: Result_State.STATE_DONE,
        tableBefore: tableBefore === undefined ? undefined : BigInt(tableBefore),
        tableAfter: BigInt(tableAfter),
        startedAtMs: BigInt(startedAtMs),
      });
    } catch (error) {
      // A restart may find the record whose write failed, and run the command.
      const hasStarted = journal.state.commands.get(id)?.state === 'started' || journal.isInDoubt;
      const reason: ErrorCode = error instanceof FleetError ? error.code : 'INTERNAL';
      this.#finish(id, {
        ...(hasStarted && ifBroken?.()),
        state: hasStarted
          ? Result_State.STATE_INDETERMINATE
          : error instanceof FleetError
            ? Result_State.STATE_REFUSED
            : Result_State.STATE_FAILED,
        reason,
        detail: (error as Error).message,
        startedAtMs: BigInt(startedAtMs),
      });
    }
  }

  /**
   * Keeps deleted flows for an undo and returns until when. Other methods keep nothing: an RST, a refusal or a fixed timeout cannot be
   * undone.
   */
  #hold(id: string, planId: string, { method, undoForSeconds = 0 }: Ending, runs: Result['runs']): bigint | undefined {
    const { undos, controllerClock, log } = this.#deps;
    if (undoForSeconds === 0 || method !== Method.METHOD_DELETE || !canUndo(fromRuns(runs))) return undefined;
    const untilMs = Math.round(controllerClock.latest()) + Math.min(undoForSeconds, MAX_UNDO_SECONDS) * 1000;
    try {
      undos.hold(id, { planId, untilMs, runs });
      return BigInt(untilMs);
    } catch (error) {
      log.error({ err: error, command: id }, 'deleted flows could not be kept; the command cannot be undone');
      return undefined;
    }
  }

  #finish(id: string, part: ResultPart): void {
    const { journal, report, log } = this.#deps;
    const result = this.#resultOf(id, part);
    try {
      journal.append(toFinished(result));
    } catch (error) {
      this.#unjournalled.set(id, result);
      log.error({ err: error, command: id }, 'a result could not be journalled; it is sent anyway');
    }
    report.result(result);
  }

  #resultOf(id: string, part: ResultPart): Result {
    const now = BigInt(Math.round(this.#deps.controllerClock.latest()));
    return {
      reason: '',
      detail: '',
      runs: [],
      part: 0,
      isLastPart: true,
      startedAtMs: now,
      finishedAtMs: now,
      tableBefore: undefined,
      tableAfter: undefined,
      undoUntilMs: undefined,
      ...part,
      commandId: id,
    };
  }
}

/** The result of a command that does not start because the journal cannot be written. */
function unwritten(error: unknown): ResultPart {
  if (error instanceof FleetError) return { state: Result_State.STATE_REFUSED, reason: error.code, detail: error.message };
  return {
    state: Result_State.STATE_FAILED,
    reason: 'UNAVAILABLE',
    detail: `The agent cannot write its journal, so nothing was touched: ${(error as Error).message}`,
  };
}

function toFinished(result: Result): JournalRecord {
  return { kind: 'finished', id: result.commandId, result: Buffer.from(Result.encode(result).finish()).toString('base64') };
}

/** The ids in the work, besides the command's own. An undo need not name the plan: the kept undo record does. */
function idsOf({ work }: Command): string[] {
  if (work?.$case === 'applyPolicy') return [work.value.planId, ...(work.value.insteadOf === '' ? [] : [work.value.insteadOf])];
  if (work?.$case === 'undoPlan') return [work.value.commandId, ...(work.value.planId === '' ? [] : [work.value.planId])];
  return work && work.value.planId !== '' ? [work.value.planId] : [];
}

function whatToJournal({ work }: Command): { planId: string; ending?: Ending; undoOf?: string; isPolicy?: true } {
  switch (work?.$case) {
    case 'runPlan': {
      const { planId, method, forSeconds, undoForSeconds } = work.value;
      return { planId, ending: { method, forSeconds, undoForSeconds } };
    }
    case 'undoPlan':
      return { planId: work.value.planId, undoOf: work.value.commandId };
    case 'applyPolicy':
      return { planId: work.value.planId, isPolicy: true };
    case undefined:
      return { planId: '' };
  }
}
