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

// What grpc-js would print on its own we log or throw ourselves.
setLogVerbosity(logVerbosity.NONE);

/** A message of the link is never larger. */
export const MAX_MESSAGE_BYTES = 256 * 1024;
/** grpc-js ends a call for what is larger still without a word to its handler; between the two, the handler sees it and counts it. */
const MAX_FRAME_BYTES = 4 * MAX_MESSAGE_BYTES;
const SHUTDOWN_MS = 1000;
/** Within so long a connection is through its TLS handshake and has begun a call, or it is cut. */
const PROVE_MS = 10_000;
/** A unary request is whole within so long, or its connection is cut; and it is answered within so long after that. */
const REQUEST_MS = 10_000;
const HANDLER_MS = 20_000;
/** A connection without a call is closed after so long. */
const IDLE_MS = 60_000;
/** The metadata key under which a refusal's code travels. */
export const CODE_KEY = 'ctfleet-code';
/** After how many seconds it may be tried again; who comes earlier is refused for longer. */
export const RETRY_AFTER_KEY = 'ctfleet-retry-after-seconds';

/** What a listener shows and, with `clientCa`, whom it asks for a certificate. PEM. */
export interface ListenerTls {
  chain: string;
  key: string;
  clientCa?: string;
}

/** Whom a listener takes in: connections, and calls at one time on each. */
export interface ListenerLimits extends ConnectionLimits {
  streams: number;
  proveMs?: number;
  requestMs?: number;
}

/** A gRPC server on one port, behind a gate of our own: grpc-js takes any number of connections and waits for each as long as it likes. */
export class GrpcListener {
  private constructor(
    private readonly server: Server,
    private readonly gate: NetServer,
    private readonly connections: Connections,
    readonly port: number,
  ) {}

  /** Throws an Error that names the address if it cannot be had. */
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

  /** Whoever called from there was told to stay away for so long: a connection that comes earlier is not worth a handshake. */
  refuse(peer: string, forMs: number): void {
    this.connections.refuse(peer, forMs, performance.now());
  }

  /** Lets calls end for a second, then cuts them. */
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

/** The handlers, each of which notes first on whose connection its call came. */
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
 * Cuts a connection that begins calls faster than it may, among them those that are reset at once, and one whose unary request does not
 * come to its end.
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

/** A unary handler from a function that answers or throws. One that takes too long is answered with UNAVAILABLE. */
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

/** An error as gRPC carries it; the code of ours is in the metadata. */
export function toServiceError(error: unknown): Partial<ServiceError> & { code: status; details: string } {
  const refusal = toFleetError(error);
  const metadata = new Metadata();
  metadata.set(CODE_KEY, refusal.code);
  if (typeof refusal.fields.retryAfterSeconds === 'number') metadata.set(RETRY_AFTER_KEY, String(refusal.fields.retryAfterSeconds));
  return Object.assign(new Error(refusal.message), { code: status[ERROR_CODES[refusal.code].grpc], details: refusal.message, metadata });
}
