interface Current<T> {
  now: Promise<T>;
  next?: Promise<T>;
}

/**
 * Work that is the same for everybody who asks runs once at a time for each key. Who asks while it runs shares the next run with all others
 * who
 * did, so that no answer is older than its question.
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
