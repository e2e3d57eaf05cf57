/**
 * A signal for each of many questions, all aborted with one. An event target looks through its listeners for each that is added, so that
 * thousands on one signal would cost their square.
 */
export class OwnSignals {
  readonly #open = new Set<AbortController>();
  readonly #all: AbortSignal;

  constructor(all: AbortSignal) {
    this.#all = all;
    all.addEventListener('abort', () => this.#open.forEach((own) => own.abort(all.reason)), { once: true });
  }

  /** Runs work with a signal of its own. */
  async with<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const own = new AbortController();
    if (this.#all.aborted) own.abort(this.#all.reason);
    this.#open.add(own);
    try {
      return await work(own.signal);
    } finally {
      this.#open.delete(own);
    }
  }
}
