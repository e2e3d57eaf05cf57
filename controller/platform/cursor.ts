import type { z } from 'zod';
import { FleetError } from '../../proto/model/error-codes.ts';
import { storageProblem } from '../../proto/model/text.ts';

/** A cursor: opaque to callers, base64url JSON to us. It grants nothing: scope is checked again on each page. */
export function formatCursor(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

const MAX_CURSOR_DEPTH = 16;

/** Parses a cursor. Throws INVALID_REQUEST if it is not one of ours. */
export function parseCursor<S extends z.ZodType>(cursor: string | undefined, schema: S): z.output<S> | undefined {
  if (cursor === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const problem = storageProblem(value, MAX_CURSOR_DEPTH);
    if (problem) throw new TypeError(problem.message);
    return schema.parse(value);
  } catch (cause) {
    throw new FleetError(
      'INVALID_REQUEST',
      'The cursor is invalid. Start again without it.',
      { issues: [{ path: 'cursor', message: 'is not a valid cursor' }] },
      { cause },
    );
  }
}

/** A page of a list; rows that cannot be shown are named beside those that can. */
export interface Page<Item> {
  items: Item[];
  cursor?: string;
  unreadable?: { id: string; reason: string }[];
}

/** A page of `rows`, of which up to `limit` + 1 were read; the cursor comes from the last row of the page, shown or not. */
export function toPage<Row extends { id: string }, Item>(
  rows: Row[],
  limit: number,
  toItem: (row: Row) => Item,
  toKey: (row: Row) => unknown,
): Page<Item> {
  const onPage = rows.slice(0, limit);
  const last = onPage.at(-1);
  const { items, unreadable } = showEach(onPage, toItem);
  return { items, unreadable, cursor: rows.length > limit && last !== undefined ? formatCursor(toKey(last)) : undefined };
}

/** Converts row by row, so that one bad row does not break the page. */
export function showEach<Row extends { id: string }, Item>(
  rows: Row[],
  toItem: (row: Row) => Item,
): Pick<Page<Item>, 'items' | 'unreadable'> {
  const items: Item[] = [];
  const unreadable: { id: string; reason: string }[] = [];
  for (const row of rows) {
    try {
      const item = toItem(row);
      checkShowable(item);
      items.push(item);
    } catch (error) {
      unreadable.push({ id: row.id, reason: error instanceof Error ? error.message : 'cannot be shown' });
    }
  }
  return { items, unreadable: unreadable.length > 0 ? unreadable : undefined };
}

/** ISO 8601 of a time that can be shown; undefined if absent, invalid or beyond the year 9999. */
export function shownTime(time: Date | null | undefined): string | undefined {
  const ms = time?.getTime();
  return ms !== undefined && ms >= 0 && ms <= LAST_SHOWN_MS ? new Date(ms).toISOString() : undefined;
}

const LAST_SHOWN_MS = Date.UTC(9999, 11, 31);

/**
 * Throws for values that no schema of the contract accepts: numbers that JSON cannot represent or that are inexact, and years of more than
 * four digits.
 */
function checkShowable(value: unknown): void {
  if (typeof value === 'number' && !(Math.abs(value) <= Number.MAX_VALUE))
    throw new RangeError(`${value} is not a number that can be shown`);
  if (typeof value === 'string' && /^[+-]\d{6}-\d\d-\d\dT/.test(value))
    throw new RangeError(`${value.slice(0, 30)} is not a time that can be shown`);
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(checkShowable);
}
