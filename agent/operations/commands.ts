import type { Logger } from 'pino';
import { Method, Progress_Phase, Result, Result_State, type Command, type Progress } from '../../proto/gen/ctfleet/v1/operation.ts';
import { FleetError, type ErrorCode } from '../../proto/model/error-codes.ts';
import type { Clock } from '../clock.ts';
import type { ConntrackTable, FlowContext } from '../conntrack/table.ts';
import { endBy } from './end-flows.ts';
import { Journal, type JournalState, type Way } from './journal.ts';
import { toRuns } from './outcomes.ts';
import type { PlanStore } from './plan-store.ts';
import type { Refusals } from './refusals.ts';
import { runPlan } from './run-plan.ts';

export interface CommandDependencies {
  table: ConntrackTable;
  /** Absent where packets cannot be refused. */
  refusals?: Refusals;
  journal: Journal;
  plans: PlanStore;
  clock: Clock;
  context: () => FlowContext;
  /** The controller's time, by the offset measured at hello. */
  controllerNow: () => number;
  report: { progress(progress: Progress): void; result(result: Result): void };
  log: Logger;
}

type ResultPart = Partial<Result> & { state: Result_State };

/** What to do with a command that has arrived. */
export type Admission = { kind: 'new' } | { kind: 'known' } | { kind: 'refused'; code: ErrorCode; detail: string };

/** Decides from the journal alone. A known id never runs anew; a lower sequence or epoch is refused; a late command does nothing. */
export function admit(command: Command, journal: JournalState, controllerNowMs: number): Admission {
  if (journal.commands.has(command.id) || journal.acknowledged.has(command.id)) return { kind: 'known' };
  if (command.epoch < journal.lastEpoch) return { kind: 'refused', code: 'EPOCH_SUPERSEDED', detail: 'A newer session of this gateway exists.' };
  if (command.seq <= journal.lastSeq) return { kind: 'refused', code: 'COMMAND_OUT_OF_ORDER', detail: `Command ${command.seq} came after ${journal.lastSeq}.` };
  if (controllerNowMs > Number(command.notAfterMs)) return { kind: 'refused', code: 'COMMAND_LATE', detail: 'The deadline had passed when the command arrived.' };
  return { kind: 'new' };
}

/** Carries commands out one after another, in the order they came, each at most once. */
export class Commands {
  readonly #deps: CommandDependencies;
  #tail: Promise<void> = Promise.resolve();

  constructor(deps: CommandDependencies) {
    this.#deps = deps;
  }

  /** Takes up what a crash interrupted: never started commands are dropped if late, started ones run again on the same flows. */
  recover(): void {
    for (const [id, command] of this.#deps.journal.state.commands) {
      if (command.state === 'started') this.#enqueue(() => this.#run(id, command.planId, { method: Method.METHOD_DELETE, ...command.way }, undefined, 0, true));
      else if (command.state === 'received') this.#finish(id, { state: Result_State.STATE_FAILED, reason: 'UNAVAILABLE', detail: 'The agent stopped before it began; nothing was touched.' });
    }
  }

  accept(command: Command): void {
    const { journal, report, controllerNow } = this.#deps;
    const admission = admit(command, journal.state, controllerNow());
    if (admission.kind === 'known') return this.#repeatResult(command.id);
    const { planId = '', method = Method.METHOD_UNSPECIFIED, forSeconds } = command.work?.$case === 'runPlan' ? command.work.value : {};
    const way: Way = { method, forSeconds };
    try {
      journal.append({ kind: 'received', id: command.id, seq: String(command.seq), epoch: String(command.epoch), planId, way });
    } catch (error) {
      const detail = `The agent cannot write its journal and so touches nothing: ${(error as Error).message}`;
      return report.result(this.#resultOf(command.id, { state: Result_State.STATE_FAILED, reason: 'UNAVAILABLE', detail }));
    }
    if (admission.kind === 'refused') {
      const state = admission.code === 'COMMAND_LATE' ? Result_State.STATE_EXPIRED : Result_State.STATE_REFUSED;
      return this.#finish(command.id, { state, reason: admission.code, detail: admission.detail });
    }
    report.progress({ commandId: command.id, phase: Progress_Phase.PHASE_RECEIVED, done: 0, total: 0 });
    this.#enqueue(async () => {
      if (command.work?.$case !== 'runPlan') {
        return this.#finish(command.id, { state: Result_State.STATE_REFUSED, reason: 'CAPABILITY_MISSING', detail: 'This agent does not know that work.' });
      }
      if (controllerNow() > Number(command.notAfterMs)) {
        return this.#finish(command.id, { state: Result_State.STATE_EXPIRED, reason: 'COMMAND_LATE', detail: 'The deadline passed while earlier commands ran.' });
      }
      await this.#run(command.id, planId, way, command.work.value.digest, command.work.value.verifyAfterMs, false);
    });
  }

  /** The controller has the result on record. */
  acknowledge(id: string): void {
    const command = this.#deps.journal.state.commands.get(id);
    if (command?.state !== 'finished') return;
    this.#deps.journal.append({ kind: 'acknowledged', id });
    if (command.planId !== '') this.#deps.plans.remove(command.planId);
  }

  /** Says every result again that the controller has not acknowledged; for a new session. */
  repeatResults(): void {
    for (const [id, { state }] of this.#deps.journal.state.commands) if (state === 'finished') this.#repeatResult(id);
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    return this.#tail;
  }

  #repeatResult(id: string): void {
    const stored = this.#deps.journal.state.commands.get(id)?.result;
    if (stored !== undefined) this.#deps.report.result(Result.decode(Buffer.from(stored, 'base64')));
  }

  #enqueue(work: () => void | Promise<void>): void {
    this.#tail = this.#tail.then(work);
  }

  async #run(id: string, planId: string, { method, forSeconds }: Way, digest: Uint8Array | undefined, verifyAfterMs: number, isRepeated: boolean): Promise<void> {
    const { table, refusals, journal, plans, clock, context, report } = this.#deps;
    const startedAtMs = clock.now();
    try {
      const plan = plans.load(planId);
      if (digest && !plan.digest.equals(digest)) throw new FleetError('PLAN_DIGEST_MISMATCH', 'The plan on this gateway is not the one that was shown.', { planId });
      const end = endBy(method, forSeconds, { table, refusals, clock, context });
      const tableBefore = (await table.counters()).count;
      if (!isRepeated) journal.append({ kind: 'started', id, atMs: startedAtMs, tableBefore });
      const outcomes = await runPlan(table, clock, {
        flows: plan.flows, end, inBatches: method !== Method.METHOD_RESET, context, verifyAfterMs, isRepeated,
        onProgress: (phase, done) => report.progress({
          commandId: id, phase: phase === 'deleting' ? Progress_Phase.PHASE_DELETING : Progress_Phase.PHASE_VERIFYING, done, total: plan.flows.length,
        }),
      });
      const tableAfter = (await table.counters()).count;
      this.#finish(id, { state: Result_State.STATE_DONE, runs: toRuns(outcomes), tableBefore: BigInt(tableBefore), tableAfter: BigInt(tableAfter), startedAtMs: BigInt(startedAtMs) });
    } catch (error) {
      const hasStarted = journal.state.commands.get(id)?.state === 'started';
      const reason: ErrorCode = error instanceof FleetError ? error.code : 'INTERNAL';
      this.#finish(id, {
        state: hasStarted ? Result_State.STATE_INDETERMINATE : error instanceof FleetError ? Result_State.STATE_REFUSED : Result_State.STATE_FAILED,
        reason, detail: (error as Error).message, startedAtMs: BigInt(startedAtMs),
      });
    }
  }

  #finish(id: string, part: ResultPart): void {
    const { journal, report, log } = this.#deps;
    const result = this.#resultOf(id, part);
    try {
      journal.append({ kind: 'finished', id, result: Buffer.from(Result.encode(result).finish()).toString('base64') });
    } catch (error) {
      log.error({ err: error, command: id }, 'a result could not be journalled; it is sent all the same');
    }
    report.result(result);
  }

  #resultOf(id: string, part: ResultPart): Result {
    const now = BigInt(this.#deps.clock.now());
    return { reason: '', detail: '', runs: [], part: 0, isLastPart: true, startedAtMs: now, finishedAtMs: now, tableBefore: undefined, tableAfter: undefined, ...part, commandId: id };
  }
}
