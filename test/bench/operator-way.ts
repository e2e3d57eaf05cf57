import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import type { KernelTable } from '../../agent/conntrack/kernel/kernel-table.ts';
import type { FlowContext } from '../../agent/conntrack/table.ts';
import { Commands } from '../../agent/operations/commands.ts';
import { freezePlan } from '../../agent/operations/freeze-plan.ts';
import { Journal } from '../../agent/operations/journal.ts';
import { PlanStore } from '../../agent/operations/plan-store.ts';
import { UndoStore } from '../../agent/operations/undo-store.ts';
import { systemClock } from '../../agent/time/clock.ts';
import { Method, Outcome, Result_State, type Result } from '../../proto/gen/ctfleet/v1/operation.ts';
import { OPEN_GUARD } from '../support/open-guard.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';

/**
 * Flows are ended on one gateway as an operator has it done, but for the link: a plan is frozen on disk, a command for it is journalled,
 * the very flows are deleted a batch at a time, and each is looked for again. Limits of the guard are not what is measured.
 */
export class OperatorWay {
  readonly #table: KernelTable;
  readonly #context: FlowContext;
  readonly #folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-bench-'));
  readonly #plans = new PlanStore(this.#folder);
  readonly #journal = new Journal(this.#folder);
  readonly #commands: Commands;
  #seq = 0n;
  #result: Result | undefined;

  constructor(table: KernelTable, context: FlowContext) {
    this.#table = table;
    this.#context = context;
    this.#commands = new Commands({
      table,
      journal: this.#journal,
      plans: this.#plans,
      undos: new UndoStore(this.#folder, this.#plans),
      guard: OPEN_GUARD,
      clock: systemClock,
      context: () => context,
      controllerClock: { latest: () => systemClock.now() },
      report: { progress: () => undefined, result: (result) => (this.#result = result) },
      log: pino({ level: 'silent' }),
    });
  }

  /** How many flows were deleted, and not there when looked at again. `undoForSeconds`: how long they are kept to be put back. */
  async end(filter: FlowFilter, undoForSeconds = 0): Promise<number> {
    const [planId, nowMs] = [randomUUID(), systemClock.now()];
    const method = Method.METHOD_DELETE;
    const { digest } = await freezePlan(
      {
        table: this.#table,
        plans: this.#plans,
        isPlanInUse: (id) => this.#commands.usesPlan(id),
        context: () => this.#context,
        clock: systemClock,
      },
      { planId, filter, method, expiresAtMs: nowMs + 600_000, maxFlows: Infinity },
      nowMs,
      async () => undefined,
      new AbortController().signal,
    );
    this.#commands.accept({
      id: randomUUID(),
      seq: ++this.#seq,
      epoch: 1n,
      notAfterMs: BigInt(nowMs + 600_000),
      work: { $case: 'runPlan', value: { planId, digest, method, verifyAfterMs: 0, undoForSeconds } },
    });
    await this.#commands.idle();
    const { commandId, state, detail, runs } = this.#result!;
    if (state !== Result_State.STATE_DONE) throw new Error(`a plan was not carried out: ${detail}`);
    this.#commands.acknowledge(commandId);
    return runs.reduce((sum, { outcome, count }) => sum + (outcome === Outcome.OUTCOME_DELETED ? count : 0), 0);
  }

  close(): void {
    this.#journal.close();
    rmSync(this.#folder, { recursive: true });
  }
}
