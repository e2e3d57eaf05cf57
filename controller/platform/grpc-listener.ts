import {
  logVerbosity, Metadata, Server, ServerCredentials, setLogVerbosity, status, type handleUnaryCall, type ServerUnaryCall, type ServiceDefinition, type ServiceError, type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { createServer, type AddressInfo, type Server as NetServer } from 'node:net';
import { ERROR_CODES } from '../../proto/model/error-codes.ts';
import { Connections, type ConnectionLimits } from './connection-limits.ts';
import { cannotListen } from './listen-error.ts';
import { toFleetError } from './problem.ts';

// What grpc-js would print on its own we log or throw ourselves.
setLogVerbosity(logVerbosity.NONE);

/** A message of the link is never larger. */
export const MAX_MESSAGE_BYTES = 256 * 1024;
const SHUTDOWN_MS = 1000;
/** Within so long a connection is through its TLS handshake and has begun a call, or it is cut. */
const PROVE_MS = 10_000;
/** A connection without a call is closed after so long. */
const IDLE_MS = 60_000;
/** The metadata key under which a refusal's code travels. */
export const CODE_KEY = 'ctfleet-code';
/** After how many seconds it may be tried again; who comes earlier is refused for longer. */
export const RETRY_AFTER_KEY = 'ctfleet-retry-after-seconds';

/** What a listener shows and, with `clientCa`, whom it asks for a certificate. PEM. */
export interface ListenerTls { chain: string; key: string; clientCa?: string }

/** Whom a listener takes in: connections, and calls at one time on each. */
export interface ListenerLimits extends ConnectionLimits { streams: number; proveMs?: number }

/** A gRPC server on one port, behind a gate of our own: grpc-js takes any number of connections and waits for each as long as it likes. */
export class GrpcListener {
  private constructor(private readonly server: Server, private readonly gate: NetServer, readonly port: number) {}

  /** Throws an Error that names the address if it cannot be had. */
  static async open(address: { host: string; port: number }, tls: ListenerTls, service: ServiceDefinition, handlers: UntypedServiceImplementation, limits: ListenerLimits): Promise<GrpcListener> {
    const server = new Server({
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES, 'grpc.max_send_message_length': MAX_MESSAGE_BYTES, 'grpc.max_concurrent_streams': limits.streams,
      'grpc.keepalive_time_ms': 30_000, 'grpc.keepalive_timeout_ms': 10_000, 'grpc.max_connection_idle_ms': IDLE_MS, 'grpc.enable_channelz': 0,
    });
    const connections = new Connections(limits);
    server.addService(service, proving(handlers, (peer) => connections.prove(peer)));
    const pair = { cert_chain: Buffer.from(tls.chain), private_key: Buffer.from(tls.key) };
    const credentials = ServerCredentials.createSsl(tls.clientCa === undefined ? null : Buffer.from(tls.clientCa), [pair], tls.clientCa !== undefined);
    const injector = server.createConnectionInjector(credentials);
    const gate = createServer((socket) => {
      socket.on('error', () => undefined);
      const peer = `${socket.remoteAddress}:${socket.remotePort}`;
      if (connections.enter(peer, socket.remoteAddress ?? '') !== undefined) return void socket.resetAndDestroy();
      const timer = setTimeout(() => { if (!connections.isProven(peer)) socket.destroy(); }, limits.proveMs ?? PROVE_MS);
      socket.once('close', () => { clearTimeout(timer); connections.leave(peer); });
      injector.injectConnection(socket);
    });
    const port = await new Promise<number>((resolve, reject) => {
      gate.once('error', (error) => reject(cannotListen(address, error)));
      gate.listen(address.port, address.host, () => resolve((gate.address() as AddressInfo).port));
    });
    return new GrpcListener(server, gate, port);
  }

  /** Lets calls end for a second, then cuts them. */
  async close(): Promise<void> {
    this.gate.close();
    await new Promise<void>((resolve) => {
      const cut = setTimeout(() => { this.server.forceShutdown(); resolve(); }, SHUTDOWN_MS);
      this.server.tryShutdown(() => { clearTimeout(cut); resolve(); });
    });
  }
}

/** The handlers, each of which notes first on whose connection its call came. */
function proving(handlers: UntypedServiceImplementation, prove: (peer: string) => void): UntypedServiceImplementation {
  return Object.fromEntries(Object.entries(handlers).map(([name, handler]) => [name, (call: { getPeer(): string }, callback?: unknown) => {
    prove(call.getPeer());
    (handler as (call: unknown, callback: unknown) => void)(call, callback);
  }]));
}

/** A unary handler from a function that answers or throws. */
export function unary<Request, Response>(handle: (call: ServerUnaryCall<Request, Response>) => Promise<Response>): handleUnaryCall<Request, Response> {
  return async (call, callback) => {
    try {
      callback(null, await handle(call));
    } catch (error) {
      callback(toServiceError(error));
    }
  };
}

/** An error as gRPC carries it; the code of ours is in the metadata. */
export function toServiceError(error: unknown): Partial<ServiceError> & { code: status; details: string } {
  const refusal = toFleetError(error);
  const metadata = new Metadata();
  metadata.set(CODE_KEY, refusal.code);
  if (typeof refusal.fields.retryAfterSeconds === 'number') metadata.set(RETRY_AFTER_KEY, String(refusal.fields.retryAfterSeconds));
  return Object.assign(new Error(refusal.message), { code: status[ERROR_CODES[refusal.code].grpc], details: refusal.message, metadata });
}
