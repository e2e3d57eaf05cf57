import type { AgentMessage, SampleBatch, Unreadable } from '../../proto/gen/ctfleet/v1/link.ts';
import type { Progress, Result, StandingBlocks } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { PolicyState } from '../../proto/gen/ctfleet/v1/policy.ts';
import type { RemediationRun } from '../../proto/gen/ctfleet/v1/remediation.ts';
import type { Aftermath, WanEvents } from '../../proto/gen/ctfleet/v1/wan_event.ts';
import { Aftermaths, CommandProgress, Newest, Results, sourceOf, type Queue, type Source } from './outbox-sources.ts';

/**
 * What waits to be said on a session, in the order of `#sources`. It is bounded because each kind is: of pongs, of messages that were not
 * understood, of what is blocked, of how the gateway is set and of each command's progress only the newest counts, results are one a
 * command and stay in the journal until acknowledged, reports of remediations stay on disk and are read a part at a time, samples go a
 * batch at a time. `write` says false when the stream is full; then nothing is taken until `drained`.
 */
export class Outbox {
  readonly #pong = new Newest<bigint>((sentAtMs) => ({ $case: 'pong', value: { sentAtMs } }));
  readonly #unreadable = new Newest<Unreadable>((value) => ({ $case: 'unreadable', value }));
  readonly #results = new Results();
  readonly #blocks = new Newest<StandingBlocks>((value) => ({ $case: 'standingBlocks', value }));
  readonly #policy = new Newest<PolicyState>((value) => ({ $case: 'policyState', value }));
  readonly #progress = new CommandProgress();
  readonly #aftermaths = new Aftermaths();
  /** What comes first is said first. */
  readonly #sources: readonly Source[];
  #write: ((message: AgentMessage) => boolean) | undefined;
  #isFull = false;

  constructor(samples: Queue<SampleBatch>, reports: Queue<RemediationRun>, wanEvents: Queue<WanEvents>) {
    this.#sources = [
      this.#pong,
      this.#unreadable,
      this.#results,
      this.#blocks,
      this.#policy,
      this.#progress,
      sourceOf(wanEvents, (value) => ({ $case: 'wanEvents', value })),
      sourceOf(reports, (value) => ({ $case: 'remediationRun', value })),
      // What a controller does not know it does not keep: a run first, then what became of its flows.
      this.#aftermaths,
      sourceOf(samples, (value) => ({ $case: 'samples', value })),
    ];
  }

  get isOpen(): boolean {
    return this.#write !== undefined;
  }

  /** A session is up: says what waited. */
  open(write: (message: AgentMessage) => boolean): void {
    this.#write = write;
    this.#isFull = false;
    this.pump();
  }

  close(): void {
    this.#write = undefined;
    for (const source of this.#sources) source.reset();
  }

  drained(): void {
    this.#isFull = false;
    this.pump();
  }

  pong(sentAtMs: bigint): void {
    this.#pong.set(sentAtMs);
    this.pump();
  }

  unreadable(unreadable: Unreadable): void {
    this.#unreadable.set(unreadable);
    this.pump();
  }

  /** All that is blocked now. */
  standingBlocks(blocks: StandingBlocks): void {
    this.#blocks.set(blocks);
    this.pump();
  }

  /** How this gateway is set now. */
  policyState(state: PolicyState): void {
    this.#policy.set(state);
    this.pump();
  }

  progress(progress: Progress): void {
    this.#progress.set(progress);
    this.pump();
  }

  /** What became of the flows that a command or a run ended. */
  aftermath(id: string, aftermath: Aftermath): void {
    this.#aftermaths.set(id, aftermath);
    this.pump();
  }

  result(result: Result): void {
    this.#results.add(result);
    this.#progress.forget(result.commandId);
    this.pump();
  }

  /** Says what waits, as far as there is a session with room for it; also when there is a new sample or report to be taken. */
  pump(): void {
    while (this.#write && !this.#isFull) {
      const messages = this.#next();
      if (messages.length === 0) return;
      for (const message of messages) if (!this.#write(message)) this.#isFull = true;
    }
  }

  #next(): AgentMessage[] {
    for (const source of this.#sources) {
      const messages = source.take();
      if (messages.length > 0) return messages;
    }
    return [];
  }
}
