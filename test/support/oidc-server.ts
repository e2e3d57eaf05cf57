import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
// @ts-expect-error it comes without types
import ProviderClass from 'oidc-provider';

interface Interaction {
  prompt: { name: string; details: { missingOIDCScope?: string[]; missingOIDCClaims?: string[] } };
  params: { client_id: string };
  session?: { accountId: string };
}
interface Grant {
  addOIDCScope(scope: string): void;
  addOIDCClaims(claims: string[]): void;
  save(): Promise<string>;
}
interface Provider {
  callback(): (request: unknown, response: unknown) => void;
  interactionDetails(request: unknown, response: unknown): Promise<Interaction>;
  interactionFinished(request: unknown, response: unknown, result: object, options?: object): Promise<void>;
  Grant: new (own: { accountId: string; clientId: string }) => Grant;
}

export interface Person {
  sub: string;
  email?: string;
  email_verified?: boolean;
  name?: string;
  groups?: string[];
}

/** A real OpenID Connect provider (`oidc-provider`) on this machine, at which one person at a time signs in and agrees to everything. */
export class OidcServer {
  readonly issuer: string;
  readonly clientId = 'ctfleet';
  readonly clientSecret = 'a secret that only the two know';
  /** Who is at the provider's page; undefined: refuses. */
  person: Person | undefined;
  readonly #server: Server;
  readonly #people = new Map<string, Person>();

  private constructor(server: Server, issuer: string, redirectUris: string[]) {
    this.#server = server;
    this.issuer = issuer;
    const provider = new (ProviderClass as new (issuer: string, settings: object) => Provider)(issuer, {
      clients: [
        {
          client_id: this.clientId,
          client_secret: this.clientSecret,
          redirect_uris: redirectUris,
          token_endpoint_auth_method: 'client_secret_post',
        },
      ],
      claims: { openid: ['sub', 'groups'], email: ['email', 'email_verified'], profile: ['name'] },
      findAccount: (_: unknown, sub: string) => ({ accountId: sub, claims: () => this.#people.get(sub) ?? { sub } }),
      interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
      features: { devInteractions: { enabled: false } },
      pkce: { required: () => true },
      cookies: { keys: ['only for tests'] },
      ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
    });
    const answer = provider.callback();
    server.on('request', (request, response) => {
      if (request.url?.startsWith('/interaction/')) void this.#interact(provider, request, response);
      else answer(request, response);
    });
  }

  /** `redirectUris`: made once the address is known. */
  static async start(redirectUris: (issuer: string) => Promise<string[]>): Promise<OidcServer> {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return new OidcServer(server, issuer, await redirectUris(issuer));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #interact(provider: Provider, request: unknown, response: unknown): Promise<void> {
    const { prompt, params, session } = await provider.interactionDetails(request, response);
    if (!this.person) return provider.interactionFinished(request, response, { error: 'access_denied' });
    this.#people.set(this.person.sub, this.person);
    if (prompt.name === 'login') return provider.interactionFinished(request, response, { login: { accountId: this.person.sub } });
    const grant = new provider.Grant({ accountId: session!.accountId, clientId: params.client_id });
    grant.addOIDCScope((prompt.details.missingOIDCScope ?? []).join(' '));
    grant.addOIDCClaims(prompt.details.missingOIDCClaims ?? []);
    return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
  }
}
