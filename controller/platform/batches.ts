interface Waiting<Item> {
  item: Item;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * Collects what arrives while the previous batch is running, so that a crowd that arrives at the same moment costs a few transactions and
 * one connection. One batch at a time, in order of arrival. A failed batch is retried item by item, so that one broken item does not block
 * the others. Two failures in a row mean that the items are not the cause, and the rest of the batch fails with the same error.
 */
export class Batches<Item> {
  private readonly waiting: Waiting<Item>[] = [];
  private isAtWork = false;

  constructor(
    private readonly work: (items: Item[]) => Promise<void>,
    private readonly most: number,
  ) {}

  /** Resolves once the item's batch has succeeded; rejects with the item's own error. */
  add(item: Item): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      if (!this.isAtWork) void this.workOff();
    });
  }

  private async workOff(): Promise<void> {
    this.isAtWork = true;
    await Promise.resolve(); // items of the same moment share a batch
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, this.most);
      if (batch.length === 1 || !(await this.succeeds(batch))) await this.oneByOne(batch);
    }
    this.isAtWork = false;
  }

  private async oneByOne(batch: Waiting<Item>[]): Promise<void> {
    for (let at = 0, failures = 0; at < batch.length; at++) {
      try {
        await this.work([batch[at]!.item]);
        batch[at]!.resolve();
        failures = 0;
      } catch (error) {
        batch[at]!.reject(error);
        if (++failures === 2) return batch.slice(at + 1).forEach(({ reject }) => reject(error));
      }
    }
  }

  private async succeeds(batch: Waiting<Item>[]): Promise<boolean> {
    try {
      await this.work(batch.map(({ item }) => item));
    } catch {
      return false;
    }
    batch.forEach(({ resolve }) => resolve());
    return true;
  }
}
