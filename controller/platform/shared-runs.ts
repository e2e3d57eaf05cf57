interface Current<T> {
  now: Promise<T>;
  next?: Promise<T>;
}

/**
 * Runs work that is identical for all callers once at a time per key. Callers that arrive during a run share the next one, so that no
 * answer is older than its request.
 */
export class SharedRuns<T> {
  readonly #current = new Map<string, Current<T>>();

  run(key: string, work: () => Promise<T>): Promise<T> {
    const current = this.#current.get(key);
    if (!current) return this.#begin(key, work);
    return (current.next ??= current.now
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => this.#begin(key, work)));
  }

  #begin(key: string, work: () => Promise<T>): Promise<T> {
    const current: Current<T> = { now: work() };
    this.#current.set(key, current);
    const forget = (): void => {
      if (current.next === undefined) this.#current.delete(key);
    };
    current.now.then(forget, forget);
    return current.now;
  }
}
