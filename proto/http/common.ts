import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from '../model/error-codes.ts';
import type { PolicyProblem } from '../model/policy/problem.ts';
import { textProblem } from '../model/text.ts';

/** UUIDv7, lower case. */
export const id = z.string().regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'is not an id');
export const idParams = z.object({ id });
/** ISO 8601 with a zone. */
export const time = z.iso.datetime({ offset: true });
const LAST_TIME_MS = Date.UTC(2200, 0);
/** A time given by a caller, within what a database and a calendar can hold. */
export const askedTime = time.refine((text) => Date.parse(text) >= 0 && Date.parse(text) < LAST_TIME_MS, 'must be between 1970 and 2199');
/** A number given by a caller, stored in a 32-bit column. */
export const count32 = z.number().int().min(0).max(2_147_483_647);
/** A 64-bit count as decimal text. */
export const count64 = z.string().regex(/^\d{1,20}$/);
export const pageQuery = z.object({
  cursor: z.string().max(20_000).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
/** A name in a response. */
export const shownName = z.string();
/** A name given by a caller: one readable line. */
export const name = forPeople(z.string().trim().min(1).max(100));

/** Text by a caller for people to read: visible, and without characters that control whatever displays it. */
export function forPeople<S extends z.ZodType<string>>(schema: S, options: { hasLines?: boolean } = {}): S {
  return schema.superRefine((text, context) => {
    const message = textProblem(text, options);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
}

/**
 * A page of a list; `cursor` is present while more follow. Stored items that cannot be shown are listed in `unreadable` with the reason,
 * instead of failing the page.
 */
export function page<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item),
    cursor: z.string().optional(),
    unreadable: z.array(z.object({ id: z.string(), reason: z.string() })).optional(),
  });
}

/** How long a key is remembered. */
export const IDEMPOTENCY_KEPT_DAYS = 1;
/** The header Idempotency-Key of a POST: one key per intent, the same for every attempt. */
export const idempotencyKey = z.string().regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 visible ASCII characters');

/** What is wrong with the document of a policy, and where. Line and column count from 1. */
export const policyProblem = z.object({
  line: z.number().int(),
  column: z.number().int(),
  /** Such as `spec.rules[2].match.src`; empty for the whole. */
  path: z.string(),
  message: z.string(),
  cure: z.string(),
}) satisfies z.ZodType<PolicyProblem>;

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
  /** For POLICY_INVALID: each mistake in the document. */
  problems: z.array(policyProblem).optional(),
});
export type Problem = z.infer<typeof problem>;
