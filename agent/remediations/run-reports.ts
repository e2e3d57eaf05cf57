import type { RemediationRun } from '../../proto/gen/ctfleet/v1/remediation.ts';
import type { ControllerClock } from '../time/controller-clock.ts';
import type { RunLog } from './run-log.ts';
import { shiftTimes } from './run-parts.ts';

/**
 * Finished runs on their way to the controller: each is sent once a session, oldest first, and again in the next until it is acknowledged.
 */
export class RunReports {
  readonly #log: RunLog;
  readonly #controllerClock: Pick<ControllerClock, 'offsetMs'>;
  readonly #waiting: Set<string>;
  readonly #said = new Set<string>();
  #parts: Iterator<RemediationRun, void> | undefined;

  constructor(log: RunLog, controllerClock: Pick<ControllerClock, 'offsetMs'>) {
    this.#log = log;
    this.#controllerClock = controllerClock;
    this.#waiting = new Set(log.heads().flatMap(({ id, finishedAtMs }) => (finishedAtMs === undefined ? [] : [id])));
  }

  /** A run has finished. */
  add(runId: string): void {
    this.#waiting.add(runId);
    for (const id of this.#log.trim()) this.#waiting.delete(id);
  }

  /** The next message; undefined if there is none now. */
  take(): RemediationRun | undefined {
    for (;;) {
      const part = this.#parts?.next();
      if (part?.done === false) return shiftTimes(part.value, this.#controllerClock.offsetMs());
      this.#parts = undefined;
      const next = [...this.#waiting].find((id) => !this.#said.has(id));
      if (next === undefined) return undefined;
      this.#said.add(next);
      this.#parts = this.#log.parts(next);
    }
  }

  /** The controller has acknowledged it. */
  received(runId: string): void {
    this.#waiting.delete(runId);
    this.#said.delete(runId);
    this.#log.forget(runId);
  }

  /** The session ended: what was not acknowledged is sent again. */
  reset(): void {
    this.#said.clear();
    this.#parts = undefined;
  }
}
