import { createHash, createPublicKey, X509Certificate as X509 } from 'node:crypto';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { credentials, status } from '@grpc/grpc-js';
import { EnrolmentClient, type EnrolRequest, type EnrolResponse } from '../../proto/gen/ctfleet/v1/link.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { formatFingerprint } from '../../proto/model/key-fingerprint.ts';
import { CONTROLLER_NAME } from '../../proto/model/link-names.ts';
import { RETRY_AFTER_KEY, retryAfterMs } from './backoff.ts';
import type { RequestedKey } from './certificate-request.ts';
import { CHANNEL_OPTIONS } from './credentials.ts';
import type { Identity } from './identity.ts';
import { rootsIn } from './trust.ts';

/** The controller is away or has had too many attempts from this address; neither says anything about the token. */
const TRY_AGAIN: ReadonlySet<status> = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.RESOURCE_EXHAUSTED]);

/** `ctf1.<id>.<secret>.<SHA-256 of the CA's public key, base64url>`. */
export interface JoinToken {
  text: string;
  caPin: string;
}

/** Throws JOIN_TOKEN_REFUSED for a text that is not a join token. */
export function parseJoinToken(text: string): JoinToken {
  const parts = text.trim().split('.');
  if (parts.length !== 4 || parts[0] !== 'ctf1' || !/^[\w-]{43}$/.test(parts[3]!)) {
    throw new FleetError(
      'JOIN_TOKEN_REFUSED',
      'This is not a join token; it begins with ctf1. and has four parts. Copy it again from the console.',
    );
  }
  return { text: text.trim(), caPin: parts[3]! };
}

/** What is kept of a join token that was tried. */
export function tokenHash({ text }: JoinToken): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** What the controller says: an identity, or that a person has to approve the key first. */
export type EnrolAnswer = { kind: 'enrolled'; identity: Identity } | { kind: 'awaiting'; fingerprint: string; askAgainMs: number };

/** What an agent says of itself. `gatewayId`: which gateway it is already; only a new one can await approval. */
interface Asking {
  hostname: string;
  version: string;
  gatewayId?: string;
  site?: string;
}

/** A connection to a controller that has shown the CA of a token's pin; agents of one process may share it. */
export class EnrolmentConnection {
  readonly #client: EnrolmentClient;

  private constructor(client: EnrolmentClient) {
    this.#client = client;
  }

  /**
   * Before a token is sent, the controller must show a CA whose public key has the token's pin, so that nobody in between learns the
   * secret. Throws JOIN_TOKEN_REFUSED for another controller, UNAVAILABLE if nobody answers or the signal aborts.
   */
  static async open(address: string, { caPin }: JoinToken, signal?: AbortSignal): Promise<EnrolmentConnection> {
    const ca = await pinnedCa(address, caPin, signal);
    return new EnrolmentConnection(new EnrolmentClient(address, credentials.createSsl(Buffer.from(ca)), CHANNEL_OPTIONS));
  }

  /** As `enrol`, with a token that has the pin of this connection. */
  async enrol(token: JoinToken, { key, csr }: RequestedKey, agent: Asking, signal?: AbortSignal): Promise<EnrolAnswer> {
    const answer = await call(
      this.#client,
      {
        token: token.text,
        csr,
        hostname: agent.hostname,
        agentVersion: agent.version,
        gatewayId: agent.gatewayId ?? '',
        site: agent.site ?? '',
        canWait: agent.gatewayId === undefined,
      },
      signal,
    );
    if (answer.awaiting) {
      const fingerprint = fingerprintOf(key);
      if (fingerprint !== answer.awaiting.fingerprint)
        throw new FleetError('JOIN_TOKEN_REFUSED', 'The controller shows the fingerprint of another key. Nobody should approve it.');
      return { kind: 'awaiting', fingerprint, askAgainMs: answer.awaiting.askAgainSeconds * 1000 };
    }
    return {
      kind: 'enrolled',
      identity: {
        gatewayId: answer.gatewayId,
        gatewayName: answer.gatewayName,
        linkAddress: answer.linkAddress,
        key,
        certificate: Buffer.from(answer.certificatePem).toString('utf8'),
        ca: rootsIn(Buffer.from(answer.caPem).toString('utf8')),
        tokenHash: tokenHash(token),
      },
    };
  }

  close(): void {
    this.#client.close();
  }
}

/**
 * Trades a join token for an identity with this key, which never leaves. Throws JOIN_TOKEN_REFUSED for a token that is used, expired, for
 * another gateway or meant for another controller; UNAVAILABLE, with `retryAfterMs`, if nobody answers, if the controller has too much to
 * do, or if the signal aborts.
 */
export async function enrol(
  address: string,
  token: JoinToken,
  key: RequestedKey,
  agent: Asking,
  signal?: AbortSignal,
): Promise<EnrolAnswer> {
  const connection = await EnrolmentConnection.open(address, token, signal);
  try {
    return await connection.enrol(token, key, agent, signal);
  } finally {
    connection.close();
  }
}

/** What people compare, of a private key (PEM). */
export function fingerprintOf(key: string): string {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return formatFingerprint(createHash('sha256').update(spki).digest());
}

function call(client: EnrolmentClient, request: EnrolRequest, signal?: AbortSignal): Promise<EnrolResponse> {
  let stop: () => void = () => undefined;
  return new Promise<EnrolResponse>((resolve, reject) => {
    const call = client.enrol(request, { deadline: Date.now() + 20_000 } as never, (error, answer) => {
      if (!error) return resolve(answer);
      reject(
        new FleetError(
          TRY_AGAIN.has(error.code) || signal?.aborted ? 'UNAVAILABLE' : 'JOIN_TOKEN_REFUSED',
          error.details || error.message,
          { retryAfterMs: retryAfterMs(error.metadata?.get(RETRY_AFTER_KEY) ?? []) },
          { cause: error },
        ),
      );
    });
    stop = () => call.cancel();
    signal?.addEventListener('abort', stop, { once: true });
  }).finally(() => signal?.removeEventListener('abort', stop));
}

/** The CA in the controller's chain that has the pin, as PEM. */
function pinnedCa(address: string, pin: string, signal?: AbortSignal): Promise<string> {
  const { hostname, port } = new URL(`tls://${address}`);
  return new Promise((resolve, reject) => {
    const host = hostname.replace(/^\[|\]$/g, '');
    const socket = connect({
      host,
      port: Number(port),
      servername: CONTROLLER_NAME,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
      timeout: 10_000,
    });
    const fail = (message: string, cause?: Error) => {
      socket.destroy();
      reject(new FleetError(cause ? 'UNAVAILABLE' : 'JOIN_TOKEN_REFUSED', message, { address }, { cause }));
    };
    signal?.addEventListener('abort', () => fail('The agent was stopped.', new Error('aborted')), { once: true });
    socket.once('error', (error) => fail(`The controller at ${address} does not answer: ${error.message}`, error));
    socket.once('timeout', () => fail(`The controller at ${address} does not answer in 10 s.`, new Error('timeout')));
    socket.once('secureConnect', () => {
      const seen = new Set<string>();
      for (
        let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
        certificate?.raw && !seen.has(certificate.fingerprint256);
        certificate = certificate.issuerCertificate
      ) {
        seen.add(certificate.fingerprint256);
        if (spkiPin(certificate.raw) === pin) {
          socket.destroy();
          return resolve(
            `-----BEGIN CERTIFICATE-----\n${certificate.raw.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
          );
        }
      }
      fail(`What answers at ${address} is not the controller that made this token. Nothing was sent to it.`);
    });
  });
}

function spkiPin(der: Buffer): string {
  const spki = new X509(der).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('base64url');
}
