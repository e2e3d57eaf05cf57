import { Progress_Phase, Result_State } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { ApplyPolicy } from '../../proto/gen/ctfleet/v1/policy.ts';
import { FleetError, type ErrorCode } from '../../proto/model/error-codes.ts';
import type { CommandDependencies, ResultPart } from './commands.ts';

/** How a policy that a command put in force ended; `why` is a sentence. `unmet`: what became of flows that do not meet a stricter mode. */
export interface PolicyEnd {
  isKept: boolean;
  why: string;
  unmet?: string;
}

/** Puts policies in force so that they are taken back by themselves; one at a time. */
export interface PolicyWork {
  /**
   * Puts one in force until its time is over. `start` is called once nothing speaks against it, before anything is changed, and may throw
   * to refuse it. Throws FleetError; then the gateway is as it was, or `isPending`.
   */
  begin(id: string, work: ApplyPolicy, start: () => void): Promise<void>;
  /** True while what a command put in force is neither confirmed nor put back. */
  isPending(id: string): boolean;
  /** Has the controller heard from over a new session, which alone confirms it. */
  seekConfirmation(): void;
  /** Resolves once it is confirmed or put back; at once for one that is not pending. Never, if the agent ends before. */
  ended(id: string): Promise<PolicyEnd>;
  /** Puts back what a command put in force, if it is pending. */
  stop(id: string): Promise<void>;
}

export type PutInForceDependencies = Pick<CommandDependencies, 'journal' | 'guard' | 'controllerClock' | 'report' | 'log'> & {
  work: PolicyWork | undefined;
  isStopped: (id: string) => boolean;
  finish: (id: string, part: ResultPart) => void;
};

/**
 * Commands that put a policy in force. Such a command is over when its policy is confirmed or put back; until then later commands go on.
 *
 *   received ──▶ started ──▶ in force ── confirmed ──▶ DONE
 *       └─ refused   │           └────── put back ───▶ FAILED, POLICY_RESTORED or CANCELLED
 *                    └─ not set as a whole, and put back at once ──▶ FAILED
 */
export class PutInForce {
  readonly #deps: PutInForceDependencies;

  constructor(deps: PutInForceDependencies) {
    this.#deps = deps;
  }

  /** Resolves once it is in force, or refused. */
  async run(id: string, asked: ApplyPolicy): Promise<void> {
    const { work, journal, guard, report, isStopped } = this.#deps;
    const startedAtMs = this.#now();
    try {
      if (!work) throw new FleetError('CAPABILITY_MISSING', 'This agent does not put policies in force.');
      await work.begin(id, asked, () => {
        guard.allowChange();
        journal.append({ kind: 'started', id, atMs: startedAtMs });
      });
    } catch (error) {
      if (!work?.isPending(id)) return this.#failed(id, error, startedAtMs);
      return this.#awaitEnd(work, id, startedAtMs);
    }
    report.progress({ commandId: id, phase: Progress_Phase.PHASE_CONFIRMING, done: 0, total: 0 });
    this.#awaitEnd(work, id, startedAtMs);
    if (isStopped(id)) return this.stop(id);
    work.seekConfirmation();
  }

  /** After a restart: what was pending was put back before, unless it was confirmed. It is never put in force again. */
  resume(id: string, startedAtMs = this.#now()): void {
    const { work, finish } = this.#deps;
    if (work) return this.#awaitEnd(work, id, startedAtMs);
    const detail = 'This agent no longer knows of policies: whether this one is in force has to be looked up on the gateway.';
    finish(id, { state: Result_State.STATE_INDETERMINATE, reason: 'CAPABILITY_MISSING', detail });
  }

  async stop(id: string): Promise<void> {
    const { work, log } = this.#deps;
    await work
      ?.stop(id)
      .catch((error: unknown) => log.error({ err: error, command: id }, 'a policy could not be put back; it is tried again'));
  }

  #awaitEnd(work: PolicyWork, id: string, startedAtMs: number): void {
    const { finish, isStopped, log } = this.#deps;
    work
      .ended(id)
      .then(({ isKept, why, unmet }) =>
        finish(id, {
          startedAtMs: BigInt(startedAtMs),
          ...(isKept
            ? { state: Result_State.STATE_DONE, detail: unmet }
            : { state: Result_State.STATE_FAILED, reason: isStopped(id) ? 'CANCELLED' : 'POLICY_RESTORED', detail: why }),
        }),
      )
      .catch((error: unknown) =>
        log.error({ err: error, command: id }, 'how a policy ended could not be told; it is told after a restart'),
      );
  }

  #failed(id: string, error: unknown, startedAtMs: number): void {
    const { journal, finish } = this.#deps;
    const hasStarted = journal.state.commands.get(id)?.state === 'started';
    const reason: ErrorCode = error instanceof FleetError ? error.code : 'INTERNAL';
    finish(id, {
      state: hasStarted || !(error instanceof FleetError) ? Result_State.STATE_FAILED : Result_State.STATE_REFUSED,
      reason,
      detail: (error as Error).message,
      startedAtMs: BigInt(startedAtMs),
    });
  }

  #now(): number {
    return Math.round(this.#deps.controllerClock.latest());
  }
}
