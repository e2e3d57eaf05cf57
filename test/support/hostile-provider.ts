import { generateKeyPair, exportJWK, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What it does other than an honest provider. */
export type Misdeed =
  | 'none'
  | 'wrong-issuer'
  | 'wrong-audience'
  | 'wrong-nonce'
  | 'expired'
  | 'foreign-key'
  | 'unsigned'
  | 'changed-key'
  | 'garbage';

/** A provider that answers every code with an ID token, with one thing wrong. Its authorization page is never opened. */
export class HostileProvider {
  readonly issuer: string;
  misdeed: Misdeed = 'none';
  /** The issuer in its discovery document, if another. */
  named: string | undefined;
  /** Of the sign-in on its way. */
  nonce = '';
  readonly #server: Server;
  #keys = newKeys();

  private constructor(server: Server, issuer: string) {
    this.#server = server;
    this.issuer = issuer;
    server.on('request', (request, response) => {
      void this.#answer(request.url ?? '/').then((body) =>
        response.setHeader('content-type', 'application/json').end(JSON.stringify(body)),
      );
    });
  }

  static async start(): Promise<HostileProvider> {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new HostileProvider(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** New keys from now on, as an honest provider changes them. */
  changeKeys(): void {
    this.#keys = newKeys();
  }

  async #answer(place: string): Promise<unknown> {
    const { issuer, misdeed } = this;
    const { publicKey, privateKey } = await this.#keys;
    if (place.startsWith('/.well-known/'))
      return {
        issuer: this.named ?? issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/keys`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['ES256'],
      };
    if (place.startsWith('/keys')) return { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }] };
    if (misdeed === 'garbage') return { access_token: 7, id_token: ['x'], token_type: 'bearer' };
    const now = Math.floor(Date.now() / 1000);
    const claims: JWTPayload = {
      iss: misdeed === 'wrong-issuer' ? 'https://elsewhere.example' : issuer,
      aud: misdeed === 'wrong-audience' ? 'somebody-else' : 'ctfleet',
      sub: 'eve',
      nonce: misdeed === 'wrong-nonce' ? 'of an earlier sign-in' : this.nonce,
      iat: now - (misdeed === 'expired' ? 7200 : 0),
      exp: now + (misdeed === 'expired' ? -3600 : 600),
      email: 'eve@example.net',
      email_verified: true,
      groups: ['owners'],
    };
    const key = misdeed === 'foreign-key' ? (await newKeys()).privateKey : privateKey;
    const token =
      misdeed === 'unsigned'
        ? new UnsecuredJWT(claims).encode()
        : await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(key);
    return { access_token: 'of no use', token_type: 'bearer', id_token: token };
  }
}

function newKeys() {
  return generateKeyPair('ES256', { extractable: true });
}
