import {
  logVerbosity,
  Metadata,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  setLogVerbosity,
  status,
  type handleUnaryCall,
  type ServerInterceptor,
  type ServerUnaryCall,
  type ServiceDefinition,
  type ServiceError,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { X509Certificate } from 'node:crypto';
import { createSecureContext, createServer as createTlsServer, type SecureContext, type TlsOptions, type TLSSocket } from 'node:tls';
import { createServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ERROR_CODES, FleetError } from '../../proto/model/error-codes.ts';
import { Connections, type ConnectionLimits } from './connection-limits.ts';
import { cannotListen } from './listen-error.ts';
import { PacedWork } from './paced-work.ts';
import { toFleetError } from './problem.ts';

// We log or throw ourselves what grpc-js would print.
setLogVerbosity(logVerbosity.NONE);

/** The maximum size of a message of the link. */
export const MAX_MESSAGE_BYTES = 256 * 1024;
/** grpc-js ends a call with a larger message without notifying its handler; between the two sizes, the handler sees and counts it. */
const MAX_FRAME_BYTES = 4 * MAX_MESSAGE_BYTES;
const SHUTDOWN_MS = 1000;
/** A connection must complete its TLS handshake and begin a call within this time, or it is closed. */
const PROVE_MS = 10_000;
/** A unary request must be complete within this time, or its connection is closed; the handler has this long to answer it. */
const REQUEST_MS = 10_000;
const HANDLER_MS = 20_000;
/** A connection without a call is closed after this time. */
const IDLE_MS = 60_000;
const RENEWAL_MS = 86_400_000;
/** TLS handshakes begun in one turn of the event loop; each costs a few milliseconds, which other requests wait for. */
const HANDSHAKES_AT_ONCE = 4;
/** TLS 1.2 with forward secrecy and authenticated encryption only; those of TLS 1.3 all have both. Our certificates are ECDSA. */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
].join(':');
/** The extended key usage of a TLS client. */
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
/** The metadata key of a refusal's code. */
export const CODE_KEY = 'ctfleet-code';
/** Seconds until a retry is allowed, with a fraction where moments matter; earlier retries are refused for longer. */
export const RETRY_AFTER_KEY = 'ctfleet-retry-after-seconds';

/** A certificate with its chain, and its key. PEM. */
interface Presented {
  chain: string;
  key: string;
}

/** What a listener presents, and what it presents to clients that ask for a name (SNI). */
export interface ListenerTls extends Presented {
  byName?: readonly ({ name: string } & Presented)[];
  /** The client certificates that it requires: each is signed by one of `issuers`, which `trusted` vouches for. PEM. */
  clients?: { trusted: string; issuers: readonly string[] };
}

/** What a listener accepts: connections, and concurrent calls per connection. */
export interface ListenerLimits extends ConnectionLimits {
  streams: number;
  proveMs?: number;
  requestMs?: number;
}

/** A gRPC server on one port, behind our own gate: grpc-js accepts any number of connections and waits for each indefinitely. */
export class GrpcListener {
  private constructor(
    private readonly server: Server,
    private readonly gate: NetServer,
    private readonly connections: Connections,
    readonly port: number,
    /** Presents what is issued from now on; connections that are open stay. Rejects if nothing can be issued: what there was stays. */
    readonly present: () => Promise<void>,
  ) {}

  /**
   * Throws an Error that names the address if it cannot be opened. `issue` gives what it presents: at the beginning, and once a day, so that
   * a controller that runs for long never presents a certificate near its end.
   */
  static async open(
    address: { host: string; port: number },
    issue: () => Promise<ListenerTls>,
    service: ServiceDefinition,
    handlers: UntypedServiceImplementation,
    limits: ListenerLimits,
  ): Promise<GrpcListener> {
    let tls = await issue();
    let byName = contextsOf(tls);
    const connections = new Connections(limits);
    const sockets = new Map<string, Socket>();
    const cut = (peer: string): void => void sockets.get(peer)?.destroy();
    const server = new Server({
      interceptors: [boundedCalls(connections, limits.requestMs ?? REQUEST_MS, cut)],
      'grpc.max_receive_message_length': MAX_FRAME_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_concurrent_streams': limits.streams,
      'grpc.keepalive_time_ms': 30_000,
      'grpc.keepalive_timeout_ms': 10_000,
      'grpc.max_connection_idle_ms': IDLE_MS,
      'grpc.enable_channelz': 0,
    });
    server.addService(
      service,
      proving(handlers, (peer) => connections.prove(peer)),
    );
    // TLS is our own, since grpc-js refuses every certificate that has ended, and keeps the one that a listener began with.
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
    const SNICallback: TlsOptions['SNICallback'] = (name, choose) => choose(null, byName.get(name));
    const handshakes = createTlsServer({ ...contextOf(tls, tls), SNICallback }, (socket) => {
      socket.on('error', () => undefined);
      if (tls.clients && !isOurs(socket, tls.clients.issuers)) return void socket.destroy();
      injector.injectConnection(socket);
    });
    handshakes.on('tlsClientError', (_, socket) => void socket.destroy());
    const beginning = new PacedWork<Socket>((socket) => {
      if (!socket.destroyed) handshakes.emit('connection', socket);
    }, HANDSHAKES_AT_ONCE);
    const gate = createServer((socket) => {
      socket.on('error', () => undefined);
      const peer = `${socket.remoteAddress}:${socket.remotePort}`;
      if (connections.enter(peer, socket.remoteAddress ?? '', performance.now()) !== undefined) return void socket.resetAndDestroy();
      const timer = setTimeout(() => {
        if (!connections.isProven(peer)) socket.destroy();
      }, limits.proveMs ?? PROVE_MS);
      sockets.set(peer, socket);
      socket.once('close', () => {
        clearTimeout(timer);
        sockets.delete(peer);
        connections.leave(peer);
      });
      beginning.add(socket);
    });
    const port = await new Promise<number>((resolve, reject) => {
      gate.once('error', (error) => reject(cannotListen(address, error)));
      gate.listen(address.port, address.host, () => resolve((gate.address() as AddressInfo).port));
    });
    const present = async (): Promise<void> => {
      tls = await issue();
      byName = contextsOf(tls);
      handshakes.setSecureContext(contextOf(tls, tls));
    };
    // What cannot be issued today is issued tomorrow: a certificate lasts for many days.
    const renewing = setInterval(() => void present().catch(() => undefined), RENEWAL_MS).unref();
    gate.once('close', () => clearInterval(renewing));
    return new GrpcListener(server, gate, connections, port, present);
  }

  /** The peer was told to stay away for `forMs`: an earlier connection is not worth a handshake. */
  refuse(peer: string, forMs: number): void {
    this.connections.refuse(peer, forMs, performance.now());
  }

  /** Lets nobody connect any more; calls on open connections go on. */
  stopAccepting(): void {
    this.gate.close();
  }

  /** The caller of the peer's call is known, and bounded as such: see Connections. */
  vouch(peer: string): void {
    this.connections.vouch(peer, performance.now());
  }

  /** Gives calls a second to end, then cuts them. */
  async close(): Promise<void> {
    this.gate.close();
    await new Promise<void>((resolve) => {
      const cut = setTimeout(() => {
        this.server.forceShutdown();
        resolve();
      }, SHUTDOWN_MS);
      this.server.tryShutdown(() => {
        clearTimeout(cut);
        resolve();
      });
    });
  }
}

/** The handlers, each of which first records on whose connection its call arrived. */
function proving(handlers: UntypedServiceImplementation, prove: (peer: string) => void): UntypedServiceImplementation {
  return Object.fromEntries(
    Object.entries(handlers).map(([name, handler]) => [
      name,
      (call: { getPeer(): string }, callback?: unknown) => {
        prove(call.getPeer());
        (handler as (call: unknown, callback: unknown) => void)(call, callback);
      },
    ]),
  );
}

/**
 * Closes a connection that begins calls too fast, including calls that are reset at once, and one whose unary request does not complete.
 */
function boundedCalls(connections: Connections, requestMs: number, cut: (peer: string) => void): ServerInterceptor {
  return (method, call) => {
    const peer = call.getPeer();
    if (!connections.beginCall(peer, performance.now())) cut(peer);
    if (method.requestStream) return new ServerInterceptingCall(call);
    const timer = setTimeout(() => cut(peer), requestMs);
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveHalfClose: (received) => {
            clearTimeout(timer);
            received();
          },
          onCancel: () => clearTimeout(timer),
        }),
    });
  };
}

/** A unary handler from a function that returns or throws. One that takes too long is answered with UNAVAILABLE. */
export function unary<Request, Response>(
  handle: (call: ServerUnaryCall<Request, Response>) => Promise<Response>,
  handlerMs = HANDLER_MS,
): handleUnaryCall<Request, Response> {
  return async (call, callback) => {
    const answered = new AbortController();
    try {
      callback(null, await Promise.race([handle(call), overdue(handlerMs, answered.signal)]));
    } catch (error) {
      callback(toServiceError(error));
    } finally {
      answered.abort();
    }
  };
}

async function overdue(ms: number, signal: AbortSignal): Promise<never> {
  await delay(ms, undefined, { signal, ref: false });
  throw new FleetError('UNAVAILABLE', `The controller did not answer within ${ms / 1000} s. Try again.`);
}

function contextOf({ chain, key }: Presented, { clients }: ListenerTls): TlsOptions {
  return {
    cert: chain,
    key,
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    honorCipherOrder: true,
    handshakeTimeout: PROVE_MS,
    // What OpenSSL says of a certificate is its last complaint, which may hide a worse one: see isOurs.
    ...(clients && { ca: clients.trusted, requestCert: true, rejectUnauthorized: false }),
  };
}

function contextsOf(tls: ListenerTls): ReadonlyMap<string, SecureContext> {
  return new Map((tls.byName ?? []).map((one) => [one.name, createSecureContext(contextOf(one, tls))]));
}

/**
 * True for a client certificate that one of our issuers signed itself, also if it has ended; whoever handles its calls decides what it is
 * good for then. What else the root of an issuer vouches for is not ours: a company's may vouch for much. Marks the socket as authorized,
 * without which grpc-js shows no certificate.
 */
function isOurs(socket: TLSSocket, issuers: readonly string[]): boolean {
  const { raw } = socket.getPeerCertificate();
  if (raw === undefined) return false;
  if (!socket.authorized && String(socket.authorizationError) !== 'CERT_HAS_EXPIRED') return false;
  const certificate = new X509Certificate(raw);
  if (certificate.ca || !certificate.keyUsage?.includes(CLIENT_AUTH)) return false;
  const isIssued = issuers.some((one) => {
    const issuer = new X509Certificate(one);
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  });
  if (isIssued) socket.authorized = true;
  return isIssued;
}

/** An error in gRPC's form; our error code is in the metadata. */
export function toServiceError(error: unknown): Partial<ServiceError> & { code: status; details: string } {
  const refusal = toFleetError(error);
  const metadata = new Metadata();
  metadata.set(CODE_KEY, refusal.code);
  if (typeof refusal.fields.retryAfterSeconds === 'number') metadata.set(RETRY_AFTER_KEY, String(refusal.fields.retryAfterSeconds));
  return Object.assign(new Error(refusal.message), { code: status[ERROR_CODES[refusal.code].grpc], details: refusal.message, metadata });
}
