import type { z } from 'zod';
import type { Route } from '../../../proto/http/route.ts';
import { Intents } from './intents.ts';
import { readProblem, silent, unreachable } from './problem.ts';
import { routeUrl } from './url.ts';

type Input<T> = T extends z.ZodType ? z.input<T> : undefined;
type Output<T> = T extends z.ZodType ? z.output<T> : undefined;
type Part<K extends string, T> = T extends z.ZodType ? ({} extends z.input<T> ? { [P in K]?: z.input<T> } : { [P in K]: z.input<T> }) : { [P in K]?: undefined };

/** What a call of this route takes: `params`, `query` and `body` as the route declares them. */
export type Asked<R extends Route> = Part<'params', R['params']> & Part<'query', R['query']> & Part<'body', R['body']> & { signal?: AbortSignal };
/** What it gives back, parsed by the route's own schema. */
export type Answered<R extends Route> = Output<R['response']>;
export type Body<R extends Route> = Input<R['body']>;

/**
 * Calls one route of the controller. Everything in and out is typed by proto/http/routes.ts and the answer is parsed by its schema.
 * Throws ControllerError for every way it can say no; an aborted call throws AbortError.
 */
export async function call<R extends Route>(route: R, asked: Asked<R>): Promise<Answered<R>> {
  const { params, query, body, signal } = asked as { params?: Record<string, unknown>; query?: Record<string, unknown>; body?: unknown; signal?: AbortSignal };
  const response = await send(routeUrl(route, params, query), { method: route.method, body, signal });
  if (!response.ok) throw await readProblem(response);
  return (route.response ? route.response.parse(await response.json()) : undefined) as Answered<R>;
}

/** How long an answer may take to begin. What is asked with a POST may have to walk tables. */
const MAX_WAIT_MS = { read: 15_000, work: 45_000 };

const intents = new Intents(() => crypto.randomUUID(), () => performance.now());

/** One request with the session's cookie; a POST carries the key of its intent. Throws ControllerError if nothing answers, or not in time. */
export async function send(url: string, { method, body, signal, accept = 'application/json' }: { method: string; body?: unknown; signal?: AbortSignal; accept?: string }): Promise<Response> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const intent = `${url} ${text}`;
  const limit = new AbortController();
  const waitMs = method === 'GET' ? MAX_WAIT_MS.read : MAX_WAIT_MS.work;
  const timer = setTimeout(() => limit.abort(), waitMs);
  try {
    const response = await fetch(url, {
      method, signal: signal ? AbortSignal.any([signal, limit.signal]) : limit.signal, credentials: 'same-origin', cache: 'no-store',
      headers: { accept, ...(body !== undefined && { 'content-type': 'application/json' }), ...(method === 'POST' && { 'idempotency-key': intents.keyOf(intent) }) },
      body: text,
    });
    // 409 may say that the first try is still under way.
    if (response.status < 500 && response.status !== 409) intents.settle(intent);
    return response;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw limit.signal.aborted ? silent(waitMs / 1000) : unreachable(error);
  } finally {
    clearTimeout(timer);
  }
}
