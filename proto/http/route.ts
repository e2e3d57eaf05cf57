import type { z } from 'zod';
import type { Action } from '../model/access.ts';

/** One route of the REST API. Validation, OpenAPI and the typed client all follow from it. */
export interface Route {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Relative to /api/v1; parameters in braces. */
  path: string;
  summary: string;
  /** What the caller must be allowed to do. */
  action: Action;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** Status on success; the body follows `response`. */
  status: 200 | 201 | 202 | 204;
  response?: z.ZodType;
  /** Only for a signed-in person: tokens, approvals and limits are never decided by a token. */
  isForPeople?: true;
  /**
   * A signed-in person who has a second factor, or of whom one is demanded, must have proved it within the last five minutes. The guard
   * checks `true`, and `of-what-is-there` for those who have one: by it the first is set up. `whole-tables` is checked by the service once
   * it knows that whole tables are meant. `unless-signed`: unless the body has a passkey's signature, which is a proof itself.
   */
  needsProof?: true | 'of-what-is-there' | 'whole-tables' | 'unless-signed';
  /** A POST that changes nothing: an Idempotency-Key is accepted but nothing is stored under it. */
  isSafe?: true;
  /** Server-sent events; `response` is the data of one event. */
  isStream?: true;
}

/** Preserves the literal types of a route. */
export function defineRoute<const R extends Route>(route: R): R {
  return route;
}
