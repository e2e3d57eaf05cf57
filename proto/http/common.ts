import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from '../model/error-codes.ts';

/** UUIDv7, lower case. */
export const id = z.string().regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'is not an id');
export const idParams = z.object({ id });
/** ISO 8601 with a zone. */
export const time = z.iso.datetime({ offset: true });
/** A 64-bit count as decimal text. */
export const count64 = z.string().regex(/^\d{1,20}$/);
export const pageQuery = z.object({ cursor: z.string().max(20_000).optional(), limit: z.coerce.number().int().min(1).max(500).default(100) });
export const name = z.string().trim().min(1).max(100);

/** A page of a list; `cursor` is there while more follow. What is stored but cannot be shown is named in `unreadable`, with why; it fails no page. */
export function page<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), cursor: z.string().optional(), unreadable: z.array(z.object({ id: z.string(), reason: z.string() })).optional() });
}

/** RFC 9457, with the code, and for a bad filter the span and a suggestion. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]),
  instance: z.string().optional(),
  traceId: z.string().optional(),
  span: z.object({ start: z.number().int(), end: z.number().int() }).optional(),
  suggestion: z.string().optional(),
  /** For INVALID_REQUEST: where in the body, query or path, and why. */
  issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof problem>;
