import type { AgentMessage, Unreadable } from '../../proto/gen/ctfleet/v1/link.ts';
import type { Progress, Result, StandingBlocks } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { RunReports } from '../remediations/run-reports.ts';
import type { Spool } from './spool.ts';

/** Runs of outcomes in one message, far below 256 KiB. */
const RUNS = 8000;

/**
 * What waits to be said on a session. It is bounded because each kind is: of pongs, of messages that were not understood, of what is
 * blocked and of each command's progress only the newest
 * counts, results are one a command and stay in the journal until acknowledged, reports of remediations stay on disk and are read a part at
 * a time,
 * samples go a batch at a time. Results before progress before reports before samples. `write` says false when the stream is full; then
 * nothing is taken until `drained`.
 */
export class Outbox {
  readonly #spool: Spool;
  readonly #reports: Pick<RunReports, 'take' | 'reset'>;
  readonly #results = new Map<string, Result>();
  readonly #progress = new Map<string, Progress>();
  #pong: bigint | undefined;
  #unreadable: Unreadable | undefined;
  #blocks: StandingBlocks | undefined;
  #write: ((message: AgentMessage) => boolean) | undefined;
  #isFull = false;

  constructor(spool: Spool, reports: Pick<RunReports, 'take' | 'reset'>) {
    this.#spool = spool;
    this.#reports = reports;
  }

  /** A session is up: says what waited. */
  open(write: (message: AgentMessage) => boolean): void {
    this.#write = write;
    this.#isFull = false;
    this.pump();
  }

  close(): void {
    this.#write = undefined;
    this.#progress.clear();
    this.#pong = undefined;
    this.#unreadable = undefined;
    this.#blocks = undefined;
    this.#reports.reset();
    this.#spool.reset();
  }

  drained(): void {
    this.#isFull = false;
    this.pump();
  }

  pong(sentAtMs: bigint): void {
    this.#pong = sentAtMs;
    this.pump();
  }

  /** Of several that wait, only the newest is said. */
  unreadable(unreadable: Unreadable): void {
    this.#unreadable = unreadable;
    this.pump();
  }

  /** All that is blocked now; it takes the place of what waited. */
  standingBlocks(blocks: StandingBlocks): void {
    this.#blocks = blocks;
    this.pump();
  }

  progress(progress: Progress): void {
    this.#progress.set(progress.commandId, progress);
    this.pump();
  }

  result(result: Result): void {
    this.#results.set(result.commandId, result);
    this.#progress.delete(result.commandId);
    this.pump();
  }

  pump(): void {
    while (this.#write && !this.#isFull) {
      const messages = this.#next();
      if (messages.length === 0) return;
      for (const message of messages) if (!this.#write(message)) this.#isFull = true;
    }
  }

  #next(): AgentMessage[] {
    if (this.#pong !== undefined) {
      const sentAtMs = this.#pong;
      this.#pong = undefined;
      return [{ body: { $case: 'pong', value: { sentAtMs } } }];
    }
    if (this.#unreadable) {
      const value = this.#unreadable;
      this.#unreadable = undefined;
      return [{ body: { $case: 'unreadable', value } }];
    }
    const [result] = this.#results.values();
    if (result) {
      this.#results.delete(result.commandId);
      return toParts(result).map((value) => ({ body: { $case: 'result', value } }));
    }
    if (this.#blocks) {
      const value = this.#blocks;
      this.#blocks = undefined;
      return [{ body: { $case: 'standingBlocks', value } }];
    }
    const [progress] = this.#progress.values();
    if (progress) {
      this.#progress.delete(progress.commandId);
      return [{ body: { $case: 'progress', value: progress } }];
    }
    const run = this.#reports.take();
    if (run) return [{ body: { $case: 'remediationRun', value: run } }];
    const batch = this.#spool.take();
    return batch ? [{ body: { $case: 'samples', value: batch } }] : [];
  }
}

/** A result whose runs are too many for one message, as several. */
export function toParts(result: Result): Result[] {
  const count = Math.max(1, Math.ceil(result.runs.length / RUNS));
  return Array.from({ length: count }, (_, part) => ({
    ...result,
    runs: result.runs.slice(part * RUNS, (part + 1) * RUNS),
    part,
    isLastPart: part === count - 1,
  }));
}
