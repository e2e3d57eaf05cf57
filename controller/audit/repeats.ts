/** Something that may happen by the thousand, put on record once at first and then once a window with how often it happened. */
interface Repeat<Item> {
  item: Item;
  times: number;
  sinceMs: number;
}

/** Kinds that are told apart at one time; beyond, what is new is counted with the others. */
const MAX_KINDS = 5000;

/**
 * Counts what repeats, so that none of it is lost and no flood of it is written. The first of a kind comes back at once; those of the
 * window
 * after it come back together, the newest with the count. Time is the caller's, in milliseconds.
 */
export class Repeats<Item> {
  private readonly kinds = new Map<string, Repeat<Item>>();

  constructor(private readonly windowMs: number) {}

  /** True for the first of its kind: it is to be written now. */
  note(kind: string, item: Item, nowMs: number): boolean {
    const place = this.kinds.has(kind) || this.kinds.size < MAX_KINDS ? kind : 'others';
    const known = this.kinds.get(place);
    if (known) {
      Object.assign(known, { item, times: known.times + 1 });
      return false;
    }
    this.kinds.set(place, { item, times: 0, sinceMs: nowMs });
    return true;
  }

  /** What is to be written of windows that have ended; with `isAll`, of all. */
  due(nowMs: number, isAll = false): { item: Item; times: number }[] {
    const ended = [...this.kinds].filter(([, { sinceMs }]) => isAll || nowMs - sinceMs >= this.windowMs);
    for (const [kind] of ended) this.kinds.delete(kind);
    return ended.flatMap(([, { item, times }]) => (times > 0 ? [{ item, times }] : []));
  }
}
