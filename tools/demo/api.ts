import { Client, type Answered, type MaybeAsked } from '../../client/client.ts';
import { signIn } from '../../client/sign-in.ts';
import type { Route } from '../../proto/http/route.ts';

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
