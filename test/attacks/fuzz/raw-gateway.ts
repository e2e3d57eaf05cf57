import {
  Client,
  credentials,
  status,
  type ChannelOptions,
  type ClientDuplexStream,
  type ClientWritableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import type { Enrolled } from '../../support/controller-fake-agent.ts';

const OPTIONS: ChannelOptions = {
  'grpc.ssl_target_name_override': 'controller.ctfleet',
  'grpc.default_authority': 'controller.ctfleet',
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  'grpc.service_config_disable_resolution': 1,
};
const asItIs = (bytes: Buffer): Buffer => bytes;

/** How a stream ended: gRPC's status, and the code that the controller gave. */
export interface Ending {
  status: string;
  code: string;
  detail: string;
}

/** An enrolled gateway that sends arbitrary bytes on the real link. */
export class RawGateway {
  readonly identity: Enrolled;
  readonly #client: Client;

  constructor(address: string, identity: Enrolled) {
    this.identity = identity;
    this.#client = new Client(
      address,
      credentials.createSsl(Buffer.from(identity.ca), Buffer.from(identity.key), identity.response.certificatePem),
      OPTIONS,
    );
  }

  /** Opens a stream for a session; nothing is sent yet. */
  session(): RawStream {
    return new RawStream(this.#client.makeBidiStreamRequest('/ctfleet.v1.Link/Session', asItIs, asItIs));
  }

  /** Sends parts of an answer; resolves when the controller has closed the stream. */
  answer(parts: Buffer[]): Promise<Ending> {
    return new Promise((resolve) => {
      const call: ClientWritableStream<Buffer> = this.#client.makeClientStreamRequest(
        '/ctfleet.v1.Link/Answer',
        asItIs,
        asItIs,
        (error: ServiceError | null) => resolve(endingOf(error)),
      );
      call.on('error', () => undefined);
      for (const part of parts) call.write(part);
      call.end();
    });
  }

  close(): void {
    this.#client.close();
  }
}

/** One bidirectional stream of bytes. */
export class RawStream {
  onFrame: (frame: Buffer) => void = () => undefined;
  /** Resolves with how it ended, whichever side ended it. */
  readonly ended: Promise<Ending>;
  isOver = false;
  readonly #call: ClientDuplexStream<Buffer, Buffer>;

  constructor(call: ClientDuplexStream<Buffer, Buffer>) {
    this.#call = call;
    this.ended = new Promise((resolve) => {
      const finish = (error: ServiceError | null): void => {
        this.isOver = true;
        resolve(endingOf(error));
      };
      call.on('error', (error) => finish(error as ServiceError));
      call.on('end', () => finish(null));
    });
    call.on('data', (frame: Buffer) => this.onFrame(frame));
  }

  /** Sends it; resolves when there is room for more, or the stream has ended. False if the other side has not read it after that long. */
  async say(frame: Buffer, patienceMs: number): Promise<boolean> {
    if (this.isOver || this.#call.write(frame)) return true;
    let timer: NodeJS.Timeout | undefined;
    const hasRoom = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), patienceMs);
      this.#call.once('drain', () => resolve(true));
      void this.ended.then(() => resolve(true));
    });
    return hasRoom.finally(() => clearTimeout(timer));
  }

  cancel(): void {
    this.#call.cancel();
  }
}

function endingOf(error: ServiceError | null): Ending {
  if (!error) return { status: 'OK', code: '', detail: '' };
  return { status: status[error.code], code: String(error.metadata?.get('ctfleet-code')[0] ?? ''), detail: error.details };
}

/** One call without a client certificate; the answer is not read. */
export async function callUnread(address: string, ca: string, method: string, request: Buffer): Promise<Ending> {
  const client = new Client(address, credentials.createSsl(Buffer.from(ca)), OPTIONS);
  try {
    return await new Promise((resolve) => client.makeUnaryRequest(method, asItIs, asItIs, request, (error) => resolve(endingOf(error))));
  } finally {
    client.close();
  }
}
