import { Batches } from './batches.ts';

interface Asked<Item, Value> {
  item: Item;
  value?: Value;
}

/** Answers questions that many ask at the same moment with one read for all of them; each gets its own answer, or its own error. */
export class BatchedReads<Item, Value> {
  private readonly batches: Batches<Asked<Item, Value>>;

  /** `read` gives one value for each item, in order. */
  constructor(read: (items: Item[]) => Promise<Value[]>, most: number) {
    this.batches = new Batches<Asked<Item, Value>>(async (asked) => {
      const values = await read(asked.map(({ item }) => item));
      if (values.length !== asked.length) throw new Error(`a read of ${asked.length} items gave ${values.length} values`);
      asked.forEach((one, index) => (one.value = values[index]));
    }, most);
  }

  async of(item: Item): Promise<Value> {
    const asked: Asked<Item, Value> = { item };
    await this.batches.add(asked);
    return asked.value as Value;
  }
}
