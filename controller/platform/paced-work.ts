/**
 * Does a crowd's work a few pieces in each turn of the event loop, first come first served, so that all others who wait for the loop get
 * their turn in between. `work` must not throw.
 */
export class PacedWork<Item> {
  private readonly waiting: Item[] = [];
  private isScheduled = false;

  constructor(
    private readonly work: (item: Item) => void,
    private readonly perTurn: number,
    private readonly nextTurn: (run: () => void) => void = setImmediate,
  ) {}

  add(item: Item): void {
    this.waiting.push(item);
    this.schedule();
  }

  private schedule(): void {
    if (this.isScheduled || this.waiting.length === 0) return;
    this.isScheduled = true;
    this.nextTurn(() => {
      this.isScheduled = false;
      for (const item of this.waiting.splice(0, this.perTurn)) this.work(item);
      this.schedule();
    });
  }
}
