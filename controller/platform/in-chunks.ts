import { setImmediate as nextTurn } from 'node:timers/promises';

/** Sends to a fleet take microseconds each, and milliseconds for as many. */
const CHUNK = 200;

/** Does the work for each item, and lets everything else have its turn between chunks. */
export async function inChunks<Item>(items: readonly Item[], work: (item: Item) => void): Promise<void> {
  for (let at = 0; at < items.length; at += CHUNK) {
    if (at > 0) await nextTurn();
    items.slice(at, at + CHUNK).forEach(work);
  }
}
