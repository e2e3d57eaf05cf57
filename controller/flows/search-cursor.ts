import { z } from 'zod';
import { FleetError } from '../../proto/model/error-codes.ts';
import { formatCursor, parseCursor } from '../platform/cursor.ts';
import type { MergeOrder, Place } from './place.ts';

/** The last row of a page: value, name and id of the gateway, id of the flow. Continuing in another order would repeat and skip rows. */
const searchCursor = z.strictObject({
  order: z.string().max(50),
  place: z.tuple([z.union([z.string().max(300), z.number(), z.null()]), z.string().max(300), z.string().max(100), z.number()]),
});

/** Before 2026-12 a cursor held a place for each gateway. */
const earlierCursor = z.object({ order: z.string(), after: z.record(z.string(), z.unknown()) });

/** Throws INVALID_REQUEST for a cursor of another order, of an earlier version, or of nobody. */
export function readSearchCursor(text: string | undefined, order: MergeOrder): Place | undefined {
  const cursor = parseCursor(text, z.union([searchCursor, earlierCursor]));
  if (!cursor) return undefined;
  if ('after' in cursor)
    throw new FleetError(
      'INVALID_REQUEST',
      'The cursor is of a controller of before, and this one pages in another way. Start again without it.',
    );
  if (cursor.order !== orderText(order))
    throw new FleetError('INVALID_REQUEST', 'The cursor belongs to a different sort order. Start again without it.');
  const [value, gatewayName, gatewayId, flowId] = cursor.place;
  return { value: value ?? undefined, gatewayName, gatewayId, flowId };
}

export function formatSearchCursor({ value, gatewayName, gatewayId, flowId }: Place, order: MergeOrder): string {
  return formatCursor({ order: orderText(order), place: [value ?? null, gatewayName, gatewayId, flowId] } satisfies z.input<
    typeof searchCursor
  >);
}

function orderText({ field, descending }: MergeOrder): string {
  return `${field} ${descending}`;
}
