import type { AgentMessage } from '../../proto/gen/ctfleet/v1/link.ts';
import type { Progress, Result } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Aftermath } from '../../proto/gen/ctfleet/v1/wan_event.ts';

type Body = NonNullable<AgentMessage['body']>;

/** One kind of thing that waits to be said on a session. */
export interface Source {
  /** What is next, and waits no longer; of a long one all parts. Empty if nothing waits. */
  take(): AgentMessage[];
  /** The session ended. */
  reset(): void;
}

/** Of several only the newest is said, and none in a later session. */
export class Newest<T> implements Source {
  readonly #toBody: (value: T) => Body;
  #waiting: { value: T } | undefined;

  constructor(toBody: (value: T) => Body) {
    this.#toBody = toBody;
  }

  /** Takes the place of what waited. */
  set(value: T): void {
    this.#waiting = { value };
  }

  take(): AgentMessage[] {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting ? [{ body: this.#toBody(waiting.value) }] : [];
  }

  reset(): void {
    this.#waiting = undefined;
  }
}

/** What became of flows that were ended: of each command or run only the newest, and none in a later session. */
export class Aftermaths implements Source {
  readonly #waiting = new Map<string, Aftermath>();

  set(id: string, aftermath: Aftermath): void {
    this.#waiting.set(id, aftermath);
  }

  take(): AgentMessage[] {
    const [next] = this.#waiting;
    if (!next) return [];
    this.#waiting.delete(next[0]);
    return [{ body: { $case: 'aftermath', value: next[1] } }];
  }

  reset(): void {
    this.#waiting.clear();
  }
}

/** How far commands are: of each only the newest, and none in a later session. */
export class CommandProgress implements Source {
  readonly #waiting = new Map<string, Progress>();

  set(progress: Progress): void {
    this.#waiting.set(progress.commandId, progress);
  }

  /** The command has a result: how far it was is of no interest any more. */
  forget(commandId: string): void {
    this.#waiting.delete(commandId);
  }

  take(): AgentMessage[] {
    const [value] = this.#waiting.values();
    if (!value) return [];
    this.#waiting.delete(value.commandId);
    return [{ body: { $case: 'progress', value } }];
  }

  reset(): void {
    this.#waiting.clear();
  }
}

/** Runs of outcomes in one message, far below 256 KiB. */
const RUNS = 8000;

/** One a command. Those that were not said yet wait for the next session; those that were are in the journal until acknowledged. */
export class Results implements Source {
  readonly #waiting = new Map<string, Result>();

  add(result: Result): void {
    this.#waiting.set(result.commandId, result);
  }

  take(): AgentMessage[] {
    const [result] = this.#waiting.values();
    if (!result) return [];
    this.#waiting.delete(result.commandId);
    return toParts(result).map((value) => ({ body: { $case: 'result', value } }));
  }

  reset(): void {}
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

/** What gives out one message after another, and itself remembers what has to be said again. */
export interface Queue<T> {
  /** The next, undefined if there is none now. */
  take(): T | undefined;
  reset(): void;
}

/** A source of what such a queue gives. */
export function sourceOf<T>(queue: Queue<T>, toBody: (value: T) => Body): Source {
  return {
    take: () => {
      const value = queue.take();
      return value === undefined ? [] : [{ body: toBody(value) }];
    },
    reset: () => queue.reset(),
  };
}
