import { readAnswer, type Answered, type MaybeAsked } from '../../../client/client.ts';
import { ControllerError } from '../../../client/problem.ts';
import { request } from '../../../client/request.ts';
import { routeUrl } from '../../../client/route-url.ts';
import { signIn } from '../../../client/sign-in.ts';
import type { Route } from '../../../proto/http/route.ts';

const PATIENCE_MS = 20_000;

/** An answer; `none`: nobody answered, or only to say that they cannot just now, so that nobody knows whether it was done. */
export type Answer<R extends Route> =
  | { kind: 'ok'; body: Answered<R> }
  | { kind: 'refused'; code: string; detail: string }
  | { kind: 'none'; why: string };

/** The same route as another release has it. */
export type Contract = (route: Route) => Route;

/** Somebody who calls the REST API of whichever front answers. */
export class Operator {
  readonly #origins: readonly string[];
  readonly #headers: Record<string, string>;
  readonly #contract: Contract;
  #next = 0;

  /** `contract`: as whose console answers are read; by default this release's. */
  constructor(origins: readonly string[], headers: Record<string, string>, contract: Contract = (route) => route) {
    this.#origins = origins;
    this.#headers = headers;
    this.#contract = contract;
  }

  /** Signs in. Throws if that is refused. */
  static async signIn(
    origins: readonly string[],
    who: { email: string; password: string },
    publicUrl: string,
    contract?: Contract,
  ): Promise<Operator> {
    return new Operator(origins, await signIn(origins[0]!, who, publicUrl), contract);
  }

  /**
   * Asks one front, the next with each call. Never throws for what a front may say. No request carries an Idempotency-Key and none is sent
   * twice: the story is about answers that are lost.
   */
  async ask<R extends Route>(route: R, ...[asked]: MaybeAsked<R>): Promise<Answer<R>> {
    const { params, query, body } = (asked ?? {}) as { params?: Record<string, unknown>; query?: Record<string, unknown>; body?: unknown };
    const origin = this.#origins[this.#next++ % this.#origins.length];
    try {
      const response = await request({ origin, headers: this.#headers }, routeUrl(route, params, query), {
        method: route.method,
        body,
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      return { kind: 'ok', body: (await readAnswer(this.#contract(route), response)) as Answered<R> };
    } catch (error) {
      return error instanceof ControllerError && error.problem.status < 500 && error.code !== 'INTERNAL'
        ? { kind: 'refused', code: error.code, detail: error.message }
        : { kind: 'none', why: (error as Error).message };
    }
  }

  /** What must succeed, while nothing is in the way. A connection that was kept may be closed at the very moment at which it is used. */
  async call<R extends Route>(route: R, ...asked: MaybeAsked<R>): Promise<Answered<R>> {
    const first = await this.ask(route, ...asked);
    const answer = first.kind === 'none' ? await this.ask(route, ...asked) : first;
    if (answer.kind === 'ok') return answer.body;
    throw new Error(`${route.method} ${route.path}: ${answer.kind === 'refused' ? answer.detail : answer.why}`);
  }
}
