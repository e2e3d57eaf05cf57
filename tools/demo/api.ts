import { Client, type Answered, type MaybeAsked } from '../../client/client.ts';
import { readProblem } from '../../client/problem.ts';
import type { Route } from '../../proto/http/route.ts';

/**
 * Signs in with a password. Answers the headers of whoever has done so: the cookie, and the origin that goes with it. Throws
 * ControllerError.
 */
export async function signIn(
  origin: string,
  { email, password }: { email: string; password: string },
  consoleUrl: string,
): Promise<Record<string, string>> {
  const answer = await new Client({ origin, headers: { origin: consoleUrl } }).send('/api/auth/sign-in/email', {
    method: 'POST',
    body: { email, password },
  });
  if (!answer.ok) throw await readProblem(answer);
  return {
    cookie: answer.headers
      .getSetCookie()
      .map((cookie) => cookie.split(';')[0])
      .join('; '),
    origin: consoleUrl,
  };
}

/** The REST API as the demo's operator, once signed in. */
export class DemoApi {
  readonly #origin: string;
  #client: Client;

  constructor(origin: string) {
    this.#origin = origin;
    this.#client = new Client({ origin });
  }

  async signIn(email: string, password: string, consoleUrl: string): Promise<void> {
    const headers = await signIn(this.#origin, { email, password }, consoleUrl).catch((cause: Error) => {
      throw new Error(`the demo's operator cannot sign in (${cause.message}); remove .ctfleet to start over`, { cause });
    });
    this.#client = new Client({ origin: this.#origin, headers });
  }

  /** For streams. */
  get client(): Client {
    return this.#client;
  }

  /** Throws ControllerError with the problem's sentence. */
  call<R extends Route>(route: R, ...asked: MaybeAsked<R>): Promise<Answered<R>> {
    return this.#client.call(route, ...asked);
  }
}
