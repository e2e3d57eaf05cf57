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
import { createServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ERROR_CODES, FleetError } from '../../proto/model/error-codes.ts';
import { Connections, type ConnectionLimits } from './connection-limits.ts';
import { cannotListen } from './listen-error.ts';
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
/** The metadata key of a refusal's code. */
export const CODE_KEY = 'ctfleet-code';
/** Seconds until a retry is allowed; earlier retries are refused for longer. */
export const RETRY_AFTER_KEY = 'ctfleet-retry-after-seconds';

/** The certificate a listener presents and, with `clientCa`, the CA of the client certificates it requires. PEM. */
export interface ListenerTls {
  chain: string;
  key: string;
  clientCa?: string;
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
  ) {}

  /** Throws an Error that names the address if it cannot be opened. */
  static async open(
    address: { host: string; port: number },
    tls: ListenerTls,
    service: ServiceDefinition,
    handlers: UntypedServiceImplementation,
    limits: ListenerLimits,
  ): Promise<GrpcListener> {
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
    const pair = { cert_chain: Buffer.from(tls.chain), private_key: Buffer.from(tls.key) };
    const credentials = ServerCredentials.createSsl(
      tls.clientCa === undefined ? null : Buffer.from(tls.clientCa),
      [pair],
      tls.clientCa !== undefined,
    );
    const injector = server.createConnectionInjector(credentials);
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
      injector.injectConnection(socket);
    });
    const port = await new Promise<number>((resolve, reject) => {
      gate.once('error', (error) => reject(cannotListen(address, error)));
      gate.listen(address.port, address.host, () => resolve((gate.address() as AddressInfo).port));
    });
    return new GrpcListener(server, gate, connections, port);
  }

  /** The peer was told to stay away for `forMs`: an earlier connection is not worth a handshake. */
  refuse(peer: string, forMs: number): void {
    this.connections.refuse(peer, forMs, performance.now());
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

/** An error in gRPC's form; our error code is in the metadata. */
export function toServiceError(error: unknown): Partial<ServiceError> & { code: status; details: string } {
  const refusal = toFleetError(error);
  const metadata = new Metadata();
  metadata.set(CODE_KEY, refusal.code);
  if (typeof refusal.fields.retryAfterSeconds === 'number') metadata.set(RETRY_AFTER_KEY, String(refusal.fields.retryAfterSeconds));
  return Object.assign(new Error(refusal.message), { code: status[ERROR_CODES[refusal.code].grpc], details: refusal.message, metadata });
}
