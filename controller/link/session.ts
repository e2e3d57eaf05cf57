import type { ServerDuplexStream } from '@grpc/grpc-js';
import { ControllerMessage } from '../../proto/gen/ctfleet/v1/link.ts';
import type { ProvenGateway } from '../identity/gateway-identity.ts';
import { toServiceError } from '../platform/grpc-listener.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { Outgoing } from './outgoing.ts';

export type AgentStream = ServerDuplexStream<Uint8Array, Uint8Array>;
export type Body = NonNullable<ControllerMessage['body']>;

export const PING_INTERVAL_MS = 10_000;
/** An agent answers each ping; silence this long means that it is gone. */
export const SILENCE_LIMIT_MS = 30_000;
/** How often the registry is told whom this replica heard from: replicas of 0.1.0 judge a session by that, after SILENCE_MS. */
export const RECORD_INTERVAL_MS = 20_000;
/** A session that the registry has not heard from for this long has ended, whoever held it: its replica may have died. */
export const SILENCE_MS = 35_000;

/**
 * One life of a gateway's link, held by this replica.
 *
 *   hello ──▶ open ──▶ closed      by the agent, by silence, by a newer session, by revocation, by a full queue, with its certificate
 */
export class Session {
  lastHeardMs: number;
  isClosed = false;
  private readonly outgoing = new Outgoing<Uint8Array>((bytes) => bytes.length);
  private isWriting = false;

  constructor(
    readonly identity: ProvenGateway,
    readonly epoch: bigint,
    private readonly stream: AgentStream,
    nowMs: number,
    readonly certificateEndsMs: number,
  ) {
    this.lastHeardMs = nowMs;
  }

  /** Queues a message. Closes the session if the agent reads too slowly. */
  send(body: Body): void {
    this.sendEncoded(encoded(body), body.$case === 'ping' ? 'ping' : undefined);
  }

  /** The same for a message that many sessions are sent. One with `replaces` replaces a waiting one with the same key. */
  sendEncoded(bytes: Uint8Array, replaces?: string): void {
    if (this.isClosed) return;
    if (!this.outgoing.push(bytes, replaces)) {
      this.close(new FleetError('GATEWAY_SLOW', 'The agent’s send queue is full. Reconnect.'));
      return;
    }
    this.write();
  }

  /** Ends the stream; the agent may reconnect unless the reason says otherwise. */
  close(reason: FleetError): void {
    if (this.isClosed) return;
    this.isClosed = true;
    // destroy() would end the stream without a status, and the agent would wait until the silence is long enough.
    this.stream.emit('error', toServiceError(reason));
  }

  private write(): void {
    if (this.isWriting) return;
    for (let message = this.outgoing.shift(); message && !this.isClosed; message = this.outgoing.shift()) {
      if (this.stream.write(message)) continue;
      this.isWriting = true;
      this.stream.once('drain', () => {
        this.isWriting = false;
        this.write();
      });
      return;
    }
  }
}

/** A message as the stream carries it. */
export function encoded(body: Body): Uint8Array {
  return ControllerMessage.encode({ body }).finish();
}
