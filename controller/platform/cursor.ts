import { FleetError } from '../../proto/model/error-codes.ts';
import type { z } from 'zod';

/** A cursor: opaque to callers, JSON in base64url to us. It carries no right: scope is checked again on each page. */
export function formatCursor(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Reads a cursor back. Throws INVALID_REQUEST for one that we did not make. */
export function parseCursor<S extends z.ZodType>(cursor: string | undefined, schema: S): z.output<S> | undefined {
  if (cursor === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
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
