import type { z } from 'zod';
import { FleetError } from '../../proto/model/error-codes.ts';
import { storageProblem } from '../../proto/model/text.ts';

/** A cursor: opaque to callers, JSON in base64url to us. It carries no right: scope is checked again on each page. */
export function formatCursor(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

const MAX_CURSOR_DEPTH = 16;

/** Reads a cursor back. Throws INVALID_REQUEST for one that we did not make. */
export function parseCursor<S extends z.ZodType>(cursor: string | undefined, schema: S): z.output<S> | undefined {
  if (cursor === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const problem = storageProblem(value, MAX_CURSOR_DEPTH);
    if (problem) throw new TypeError(problem.message);
    return schema.parse(value);
  } catch (cause) {
    throw new FleetError('INVALID_REQUEST', 'The cursor is not one of ours. Begin again without it.', { issues: [{ path: 'cursor', message: 'is not a cursor' }] }, { cause });
  }
}

/** A page of `rows`, of which one more than `limit` was read; the cursor is made from the last row that is shown. */
export function toPage<Row, Item>(rows: Row[], limit: number, toItem: (row: Row) => Item, toKey: (row: Row) => unknown): { items: Item[]; cursor?: string } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(toItem), cursor: rows.length > limit && last !== undefined ? formatCursor(toKey(last)) : undefined };
}
