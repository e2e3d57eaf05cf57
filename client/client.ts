import type { z } from 'zod';
import type { Route } from '../proto/http/route.ts';
import { Intents } from './intents.ts';
import { readProblem, silent, unreachable } from './problem.ts';
import { request, type ClientOptions, type RequestOptions } from './request.ts';
import { routeUrl } from './route-url.ts';

type Input<T> = T extends z.ZodType ? z.input<T> : undefined;
type Output<T> = T extends z.ZodType ? z.output<T> : undefined;
type Part<K extends string, T> = T extends z.ZodType
  ? {} extends z.input<T>
    ? { [P in K]?: z.input<T> }
    : { [P in K]: z.input<T> }
  : { [P in K]?: undefined };

/** The arguments of a call: `params`, `query` and `body` as the route declares them. */
export type Asked<R extends Route> = Part<'params', R['params']> &
  Part<'query', R['query']> &
  Part<'body', R['body']> & { signal?: AbortSignal };
/** The same as a last argument, which may be omitted if the route requires nothing. */
export type MaybeAsked<R extends Route> = {} extends Asked<R> ? [asked?: Asked<R>] : [asked: Asked<R>];
/** The result of a call, parsed by the route's own schema. */
export type Answered<R extends Route> = Output<R['response']>;
export type Body<R extends Route> = Input<R['body']>;

/** How long a response may take to begin, in milliseconds. A POST may have to walk tables. */
const MAX_WAIT_MS = { read: 15_000, work: 45_000 };

export interface SendOptions extends Omit<RequestOptions, 'headers'> {
  accept?: string;
}

/** The REST API of the controller, typed by proto/http/routes.ts. */
export class Client {
  readonly #options: ClientOptions;
  readonly #intents = new Intents(
    () => crypto.randomUUID(),
    () => performance.now(),
  );

  constructor(options: ClientOptions = {}) {
    this.#options = options;
  }

  /**
   * Calls one route; the response is parsed by its schema. Throws ControllerError for every problem the controller can return; an aborted
   * call throws AbortError.
   */
  async call<R extends Route>(route: R, ...[asked]: MaybeAsked<R>): Promise<Answered<R>> {
    const { params, query, body, signal } = (asked ?? {}) as {
      params?: Record<string, unknown>;
      query?: Record<string, unknown>;
      body?: unknown;
      signal?: AbortSignal;
    };
    const response = await this.send(routeUrl(route, params, query), { method: route.method, body, signal });
    return readAnswer(route, response);
  }

  /**
   * Sends one request by its path; a POST carries the key of its intent. Throws ControllerError if there is no response, or none in time.
   */
  async send(path: string, { method, body, signal, accept = 'application/json' }: SendOptions): Promise<Response> {
    const intent = `${path} ${body === undefined ? '' : JSON.stringify(body)}`;
    const limit = new AbortController();
    const waitMs = method === 'GET' ? MAX_WAIT_MS.read : MAX_WAIT_MS.work;
    const timer = setTimeout(() => limit.abort(), waitMs);
    try {
      const response = await this.#fetch(path, {
        method,
        body,
        signal: signal ? AbortSignal.any([signal, limit.signal]) : limit.signal,
        headers: { accept, ...(method === 'POST' && { 'idempotency-key': this.#intents.keyOf(intent) }) },
      });
      // 409 may mean that the first attempt is still in progress.
      if (response.status < 500 && response.status !== 409) this.#intents.settle(intent);
      return response;
    } catch (error) {
      if (signal?.aborted) throw error;
      throw limit.signal.aborted ? silent(waitMs / 1000) : unreachable(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * A kept-alive connection may turn out to be closed when it is reused. Repeating the request on another is safe: a POST by its key, other
   * methods because they are idempotent.
   */
  async #fetch(path: string, options: RequestOptions): Promise<Response> {
    try {
      return await request(this.#options, path, options);
    } catch (error) {
      const { code } = ((error as Error).cause ?? {}) as { code?: string };
      if (code !== 'UND_ERR_SOCKET' && code !== 'ECONNRESET') throw error;
      return request(this.#options, path, options);
    }
  }
}

/** What a response says by its route's own schema. Throws ControllerError where the controller says no. */
export async function readAnswer<R extends Route>(route: R, response: Response): Promise<Answered<R>> {
  if (!response.ok) throw await readProblem(response);
  return (route.response ? route.response.parse(await response.json()) : undefined) as Answered<R>;
}
