import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { problem } from '../../proto/http/common.ts';
import type { Route } from '../../proto/http/route.ts';

interface Input { params?: Record<string, string>; query?: Record<string, string | number>; body?: unknown }

/** The REST API as the demo's operator. Throws an Error with the problem's sentence. */
export class DemoApi {
  readonly #origin: string;
  #authorisation: Record<string, string> = {};

  constructor(origin: string) {
    this.#origin = origin;
  }

  async signIn(email: string, password: string, consoleUrl: string): Promise<void> {
    const answer = await fetch(`${this.#origin}/api/auth/sign-in/email`, {
      method: 'POST', headers: { 'content-type': 'application/json', origin: consoleUrl }, body: JSON.stringify({ email, password }),
    });
    if (!answer.ok) throw new Error(`the demo's operator cannot sign in (${answer.status}); remove .ctfleet to begin anew`);
    this.#authorisation = { cookie: answer.headers.getSetCookie().map((cookie) => cookie.split(';')[0]).join('; '), origin: consoleUrl };
  }

  async call<R extends Route & { response: z.ZodType }>(route: R, input: Input = {}): Promise<z.infer<R['response']>> {
    return route.response.parse(await (await this.send(route, input)).json()) as z.infer<R['response']>;
  }

  /** For routes that answer without a body. */
  async send(route: Route, { params = {}, query = {}, body }: Input = {}): Promise<Response> {
    const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
    const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
    const answer = await fetchOnce(`${this.#origin}/api/v1${path}${search.size > 0 ? `?${search}` : ''}`, {
      method: route.method, body: body === undefined ? undefined : JSON.stringify(body),
      headers: { ...this.#authorisation, ...(route.method === 'POST' && { 'idempotency-key': randomUUID() }), ...(body !== undefined && { 'content-type': 'application/json' }) },
    });
    if (!answer.ok) throw new Error(`${route.method} ${route.path}: ${problem.safeParse(await answer.json()).data?.detail ?? answer.status}`);
    return answer;
  }
}

/** A connection that was kept may be found closed when it is used again. The same request on another has one effect: a POST by its key, others by what they say. */
async function fetchOnce(url: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, request);
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as { code?: string };
    if (code !== 'UND_ERR_SOCKET' && code !== 'ECONNRESET') throw error;
    return fetch(url, request);
  }
}
