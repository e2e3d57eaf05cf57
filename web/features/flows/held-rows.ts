import type { FlowRow } from '../../../proto/http/flows.ts';
import { rowKey } from '../../../client/words/flow-words.ts';

/** Rows that were on the page when the operator touched it, while others arrived. */
export interface Held {
  /** The answer that they belong to; of any other, nothing is held. */
  of: string;
  rows: FlowRow[];
}

/** What the page shows of an answer that may still be filling, and how many rows of it are held back so that nothing moves. */
export function rowsToShow(
  newest: FlowRow[],
  held: Held | undefined,
  { of, isFilling }: { of: string; isFilling: boolean },
): { rows: FlowRow[]; more: number } {
  if (held?.of !== of) return { rows: newest, more: 0 };
  const known = new Set(held.rows.map(rowKey));
  const more = newest.reduce((count, row) => count + (known.has(rowKey(row)) ? 0 : 1), 0);
  // Once all has arrived and nothing is new, there is nothing that could move.
  return isFilling || more > 0 ? { rows: held.rows, more } : { rows: newest, more: 0 };
}
