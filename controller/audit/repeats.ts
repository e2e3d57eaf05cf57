/** An event that may occur thousands of times, recorded once at first and then once per window with its count. */
interface Repeat<Item> {
  item: Item;
  times: number;
  sinceMs: number;
}

/** Kinds that are told apart at one time; beyond that, new kinds are counted together. */
const MAX_KINDS = 5000;

/**
 * Counts repeated events, so that none is lost and no flood is written. The first of a kind is returned at once; those of the window after
 * it are returned together, as the newest with the count. Time is the caller's, in milliseconds.
 */
export class Repeats<Item> {
  private readonly kinds = new Map<string, Repeat<Item>>();

  constructor(private readonly windowMs: number) {}

  /** True for the first of its kind: the caller writes it now. */
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

  /** What to write for windows that have ended; with `isAll`, for all windows. */
  due(nowMs: number, isAll = false): { item: Item; times: number }[] {
    const ended = [...this.kinds].filter(([, { sinceMs }]) => isAll || nowMs - sinceMs >= this.windowMs);
    for (const [kind] of ended) this.kinds.delete(kind);
    return ended.flatMap(([, { item, times }]) => (times > 0 ? [{ item, times }] : []));
  }
}
