/** Lets one loop wait until something has happened, or a time has passed. */
export class Changes {
  #wake: () => void = () => undefined;

  note(): void {
    this.#wake();
  }

  /** The next change. */
  next(withinMs: number): Promise<void> {
    return this.until(new Promise<void>((resolve) => (this.#wake = resolve)), withinMs);
  }

  async until(event: Promise<unknown>, withinMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([event, new Promise((resolve) => (timer = setTimeout(resolve, withinMs)))]);
    clearTimeout(timer);
  }
}
