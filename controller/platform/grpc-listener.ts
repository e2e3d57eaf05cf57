import {
  logVerbosity, Metadata, Server, ServerCredentials, setLogVerbosity, status, type handleUnaryCall, type ServerUnaryCall, type ServiceDefinition, type ServiceError, type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { ERROR_CODES } from '../../proto/model/error-codes.ts';
import { cannotListen } from './listen-error.ts';
import { toFleetError } from './problem.ts';

// What grpc-js would print on its own we log or throw ourselves.
setLogVerbosity(logVerbosity.NONE);

/** A message of the link is never larger. */
export const MAX_MESSAGE_BYTES = 256 * 1024;
const SHUTDOWN_MS = 1000;
/** The metadata key under which a refusal's code travels. */
export const CODE_KEY = 'ctfleet-code';
/** After how many seconds it may be tried again; who comes earlier is refused for longer. */
export const RETRY_AFTER_KEY = 'ctfleet-retry-after-seconds';

/** What a listener shows and, with `clientCa`, whom it asks for a certificate. PEM. */
export interface ListenerTls { chain: string; key: string; clientCa?: string }

/** A gRPC server on one port. */
export class GrpcListener {
  private constructor(private readonly server: Server, readonly port: number) {}

  /** Throws an Error that names the address if it cannot be had. */
  static async open(address: { host: string; port: number }, tls: ListenerTls, service: ServiceDefinition, handlers: UntypedServiceImplementation): Promise<GrpcListener> {
    const server = new Server({
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES, 'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      'grpc.keepalive_time_ms': 30_000, 'grpc.keepalive_timeout_ms': 10_000,
    });
    server.addService(service, handlers);
    const pair = { cert_chain: Buffer.from(tls.chain), private_key: Buffer.from(tls.key) };
    const credentials = ServerCredentials.createSsl(tls.clientCa === undefined ? null : Buffer.from(tls.clientCa), [pair], tls.clientCa !== undefined);
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`${address.host}:${address.port}`, credentials, (error, bound) => {
        if (error) reject(cannotListen(address, error));
        else resolve(bound);
      });
    });
    return new GrpcListener(server, port);
  }

  /** Lets calls end for a second, then cuts them. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      const cut = setTimeout(() => { this.server.forceShutdown(); resolve(); }, SHUTDOWN_MS);
      this.server.tryShutdown(() => { clearTimeout(cut); resolve(); });
    });
  }
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
