import { TableEvents } from './table-events.ts';

/** Time between two attempts to subscribe to events. */
const AGAIN_MS = 60_000;

/**
 * The table's events as soon as they are available: nf_conntrack may be loaded later than the agent. Without them there are no rates, but
 * everything else works.
 */
export class LateEvents {
  readonly #onProblem: (message: string) => void;
  #events: TableEvents | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(onProblem: (message: string) => void) {
    this.#onProblem = onProblem;
  }

  /** Undefined while events are not available. */
  get current(): TableEvents | undefined {
    return this.#events;
  }

  /** Resolves after the first attempt; further ones follow by themselves. */
  async open(): Promise<void> {
    try {
      this.#events = await TableEvents.open({}, this.#onProblem);
      if (this.#isClosed) await this.close();
    } catch {
      if (!this.#isClosed) this.#timer = setTimeout(() => void this.open(), AGAIN_MS).unref();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#events?.close();
    this.#events = undefined;
  }
}
