import { credentials, Metadata, type ClientDuplexStream, type ClientWritableStream, type ServiceError } from '@grpc/grpc-js';
import { once } from 'node:events';
import {
  AgentMessage,
  AnswerPart,
  AnswerReceipt,
  ControllerMessage,
  Hello,
  LinkClient,
  LinkService,
} from '../../proto/gen/ctfleet/v1/link.ts';
import { CODE_KEY, RETRY_AFTER_KEY } from '../../controller/platform/grpc-listener.ts';
import type { Enrolled } from './controller-fake-agent.ts';

const OPTIONS = {
  'grpc.ssl_target_name_override': 'controller.ctfleet',
  'grpc.default_authority': 'controller.ctfleet',
  'grpc.use_local_subchannel_pool': 1,
  'grpc.max_send_message_length': -1,
};
const asIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

/** Why a stream ended: our code, gRPC's message, and how long the controller asks it to stay away. */
export interface Refusal {
  code: string;
  details: string;
  retryAfterSeconds: number;
}

/** A gateway that is enrolled like any other and sends whatever the test says, as bytes, over the real link. */
export class HostileAgent {
  readonly identity: Enrolled;
  /** What the controller sent. */
  readonly heard: ControllerMessage[] = [];
  /** Resolves once the session has ended. */
  ended: Promise<Refusal> = Promise.resolve({ code: '', details: 'never began', retryAfterSeconds: 0 });
  private client: LinkClient | undefined;
  private stream: ClientDuplexStream<Uint8Array, ControllerMessage> | undefined;
  private isOver = false;

  constructor(identity: Enrolled) {
    this.identity = identity;
  }

  /** Opens a stream and sends nothing on it. */
  dial(address: string): void {
    const { key, ca, response } = this.identity;
    this.client = new LinkClient(address, credentials.createSsl(Buffer.from(ca), Buffer.from(key), response.certificatePem), OPTIONS);
    const stream = this.client.makeBidiStreamRequest(
      LinkService.session.path,
      asIs,
      (bytes) => ControllerMessage.decode(bytes),
      new Metadata(),
    );
    this.stream = stream;
    this.isOver = false;
    this.ended = new Promise((resolve) => {
      const end = (refusal: Refusal): void => {
        this.isOver = true;
        resolve(refusal);
      };
      stream.on('error', (error: ServiceError) => end(toRefusal(error)));
      stream.on('end', () => end({ code: '', details: 'ended', retryAfterSeconds: 0 }));
    });
    stream.on('data', (message: ControllerMessage) => {
      this.heard.push(message);
      if (message.body?.$case === 'ping') this.say({ $case: 'pong', value: message.body.value });
    });
  }

  /** Opens a session as an honest agent would, except for the contents of the hello. False if it was refused; `ended` says why. */
  async connect(address: string, hello: Partial<Hello> = {}): Promise<boolean> {
    this.dial(address);
    this.say({
      $case: 'hello',
      value: Hello.fromPartial({
        protocolVersion: 1,
        agentVersion: '0.1.0',
        hostname: 'gw',
        kernel: '6.18.0',
        tableKind: 'memory',
        capabilities: { can: ['delete'], cannot: {} },
        ...hello,
      }),
    });
    const welcome = new Promise<true>((resolve) => this.stream!.on('data', () => resolve(true)));
    return Promise.race([welcome, this.ended.then(() => false)]);
  }

  say(body: NonNullable<AgentMessage['body']>): void {
    this.sendRaw(AgentMessage.encode({ body }).finish());
  }

  /** True while more may be sent at once. */
  sendRaw(bytes: Uint8Array): boolean {
    return !this.isOver && this.stream!.write(bytes);
  }

  /** Sends as fast as the controller reads, until everything is sent or the session has ended; returns how many messages were sent. */
  async flood(messages: Iterable<Uint8Array>): Promise<number> {
    let sent = 0;
    for (const bytes of messages) {
      if (this.isOver) break;
      sent++;
      if (!this.sendRaw(bytes)) await Promise.race([once(this.stream!, 'drain'), this.ended]);
    }
    return sent;
  }

  /** Begins an answer with these parts; the caller ends it, or never does. Resolves with how it ended. */
  answer(parts: Iterable<AnswerPart>): { call: ClientWritableStream<Uint8Array>; ended: Promise<Refusal | AnswerReceipt> } {
    let settle: (outcome: Refusal | AnswerReceipt) => void = () => undefined;
    const ended = new Promise<Refusal | AnswerReceipt>((resolve) => {
      settle = resolve;
    });
    const call = this.client!.makeClientStreamRequest(
      LinkService.answer.path,
      asIs,
      (bytes) => AnswerReceipt.decode(bytes),
      (error, receipt) => settle(error ? toRefusal(error) : receipt!),
    );
    call.on('error', () => undefined);
    for (const part of parts) call.write(AnswerPart.encode(part).finish());
    return { call, ended };
  }

  /** The queries that it was asked. */
  get queries() {
    return this.heard.flatMap(({ body }) => (body?.$case === 'query' ? [body.value] : []));
  }

  hangUp(): void {
    this.stream?.cancel();
    this.client?.close();
  }
}

function toRefusal({ metadata, details, message }: ServiceError): Refusal {
  return {
    code: metadata?.get(CODE_KEY)[0]?.toString() ?? '',
    details: details || message,
    retryAfterSeconds: Number(metadata?.get(RETRY_AFTER_KEY)[0] ?? 0),
  };
}

/** Bytes of which a few were flipped, cut off, duplicated or inserted: the same for the same numbers. */
export function mutated(bytes: Uint8Array, random: () => number): Uint8Array {
  const copy = Buffer.from(bytes);
  const at = Math.floor(random() * copy.length);
  switch (Math.floor(random() * 4)) {
    case 0:
      copy[at] = Math.floor(random() * 256);
      return copy;
    case 1:
      return copy.subarray(0, at);
    case 2:
      return Buffer.concat([copy, copy.subarray(at)]);
    default:
      return Buffer.concat([
        copy.subarray(0, at),
        Buffer.from(Array.from({ length: 1 + Math.floor(random() * 12) }, () => Math.floor(random() * 256))),
        copy.subarray(at),
      ]);
  }
}
