import type { z } from 'zod';
import type { Action } from '../model/access.ts';

/** One route of the REST API. Validation, OpenAPI and the typed client all follow from it. */
export interface Route {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below /api/v1; parameters in braces. */
  path: string;
  summary: string;
  /** What the caller must be allowed to do. */
  action: Action;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** Status of success; its body follows `response`. */
  status: 200 | 201 | 202 | 204;
  response?: z.ZodType;
  /** Only for a person who is signed in: what decides over tokens, second persons and limits is never done by a token. */
  isForPeople?: true;
  /** A POST that changes nothing, or only asks: an Idempotency-Key is accepted and nothing is kept under it. */
  isSafe?: true;
  /** Server-sent events; `response` is the data of one event. */
  isStream?: true;
}

/** Keeps the literal types of a route. */
export function defineRoute<const R extends Route>(route: R): R {
  return route;
}
