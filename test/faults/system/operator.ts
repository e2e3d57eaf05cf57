import type { z } from 'zod';
import { problem } from '../../../proto/http/common.ts';
import type { Route } from '../../../proto/http/route.ts';

const PATIENCE_MS = 20_000;

interface Input {
  params?: Record<string, string>;
  query?: Record<string, string | number>;
  body?: unknown;
}
type Body<R extends Route> = R['response'] extends z.ZodType ? z.output<R['response']> : undefined;

/** An answer; `none`: nobody answered, or only to say that they cannot just now, so that nobody knows whether it was done. */
export type Answer<R extends Route> =
  | { kind: 'ok'; body: Body<R> }
  | { kind: 'refused'; code: string; detail: string }
  | { kind: 'none'; why: string };

/** Somebody who calls the REST API of whichever front answers. */
export class Operator {
  readonly #origins: readonly string[];
  readonly #headers: Record<string, string>;
  #next = 0;

  constructor(origins: readonly string[], headers: Record<string, string>) {
    this.#origins = origins;
    this.#headers = headers;
  }

  /** Signs in. Throws if that is refused. */
  static async signIn(origins: readonly string[], email: string, password: string, publicUrl: string): Promise<Operator> {
    const answer = await fetch(`${origins[0]}/api/auth/sign-in/email`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: publicUrl },
      body: JSON.stringify({ email, password }),
    });
    if (!answer.ok) throw new Error(`the operator cannot sign in (${answer.status})`);
    return new Operator(origins, {
      cookie: answer.headers
        .getSetCookie()
        .map((cookie) => cookie.split(';')[0])
        .join('; '),
      origin: publicUrl,
    });
  }

  /** Asks one front, the next with each call. Never throws for what a front may say. */
  async ask<R extends Route>(route: R, { params = {}, query = {}, body }: Input = {}): Promise<Answer<R>> {
    const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
    const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
    const url = `${this.#origins[this.#next++ % this.#origins.length]}/api/v1${path}${search.size > 0 ? `?${search}` : ''}`;
    try {
      const answer = await fetch(url, {
        method: route.method,
        signal: AbortSignal.timeout(PATIENCE_MS),
        headers: { ...this.#headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const said: unknown = answer.status === 204 ? undefined : await answer.json();
      if (answer.ok) return { kind: 'ok', body: (route.response ? route.response.parse(said) : undefined) as Body<R> };
      if (answer.status >= 500) return { kind: 'none', why: String(answer.status) };
      const { code, detail } = problem.parse(said);
      return { kind: 'refused', code, detail };
    } catch (error) {
      return { kind: 'none', why: (error as Error).message };
    }
  }

  /** What must succeed, while nothing is in the way. */
  async call<R extends Route>(route: R, input: Input = {}): Promise<Body<R>> {
    const answer = await this.ask(route, input);
    if (answer.kind === 'ok') return answer.body;
    throw new Error(`${route.method} ${route.path}: ${answer.kind === 'refused' ? answer.detail : answer.why}`);
  }
}
