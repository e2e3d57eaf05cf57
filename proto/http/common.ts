import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from '../model/error-codes.ts';
import { textProblem } from '../model/text.ts';

/** UUIDv7, lower case. */
export const id = z.string().regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'is not an id');
export const idParams = z.object({ id });
/** ISO 8601 with a zone. */
export const time = z.iso.datetime({ offset: true });
const LAST_TIME_MS = Date.UTC(2200, 0);
/** A time that a caller names: what a database and a calendar can hold. */
export const askedTime = time.refine((text) => Date.parse(text) >= 0 && Date.parse(text) < LAST_TIME_MS, 'must be from 1970 to 2199');
/** A number that a caller names and a column of 32 bits keeps. */
export const count32 = z.number().int().min(0).max(2_147_483_647);
/** A 64-bit count as decimal text. */
export const count64 = z.string().regex(/^\d{1,20}$/);
export const pageQuery = z.object({
  cursor: z.string().max(20_000).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
/** What is shown of a name. */
export const shownName = z.string();
/** A name that a caller gives: one line that people can read. */
export const name = forPeople(z.string().trim().min(1).max(100));

/** A text that a caller writes for people: something to see, and nothing that commands what shows it. */
export function forPeople<S extends z.ZodType<string>>(schema: S, options: { hasLines?: boolean } = {}): S {
  return schema.superRefine((text, context) => {
    const message = textProblem(text, options);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
}

/**
 * A page of a list; `cursor` is there while more follow. What is stored but cannot be shown is named in `unreadable`, with why; it fails no
 * page.
 */
export function page<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item),
    cursor: z.string().optional(),
    unreadable: z.array(z.object({ id: z.string(), reason: z.string() })).optional(),
  });
}

/** How long a key is known. */
export const IDEMPOTENCY_KEPT_DAYS = 1;
/** The header Idempotency-Key of a POST: one key for one intent, the same for each try of it. */
export const idempotencyKey = z.string().regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 visible ASCII characters');

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
