import { Inject, Injectable, type OnApplicationBootstrap, type BeforeApplicationShutdown } from '@nestjs/common';
import type { sendUnaryData, ServerReadableStream, ServerUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import { setTimeout as delay } from 'node:timers/promises';
import {
  AgentMessage,
  AnswerPart,
  LinkService as Definition,
  type AnswerReceipt,
  type RenewRequest,
  type RenewResponse,
} from '../../proto/gen/ctfleet/v1/link.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService } from '../audit/audit.service.ts';
import { AUTHORITY, type Authority } from '../identity/authority.ts';
import type { GatewayIdentity, ProvenGateway } from '../identity/gateway-identity.ts';
import { ProvenGateways } from '../identity/proven-gateways.ts';
import { ServerCertificatesService } from '../identity/server-certificates.service.ts';
import { Addresses } from '../platform/addresses.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { GrpcListener, MAX_MESSAGE_BYTES, toServiceError, unary } from '../platform/grpc-listener.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { toFleetError } from '../platform/problem.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { Intake, type Cost } from './intake.ts';
import { LinkParts } from './link-parts.service.ts';
import { LinkService } from './link.service.ts';
import { GATEWAY_REVOKED, SESSION_OPENED } from './notifications.ts';
import { RenewalsService } from './renewals.service.ts';
import { GatewayQueries } from './gateway-queries.service.ts';
import { PING_INTERVAL_MS, RECORD_INTERVAL_MS, type AgentStream, type Session } from './session.ts';
import { SessionTurns } from './session-turns.ts';

const HELLO_MS = 10_000;
/** An agent whose turn comes within this time keeps its stream, which costs less than another handshake; it waits 10 s for its welcome. */
const HELD_MS = 3_000;
/** All gateways of a hub may share one address; they are identified by their certificates. */
const CONNECTIONS = {
  total: 20_000,
  perAddress: 5000,
  unproven: 2000,
  unprovenPerAddress: 500,
  streams: 100,
  arrivals: { perSecond: 50, burst: 2000 },
  calls: { perSecond: 60, burst: 600 },
};
/** Longer than any query waits. */
const ANSWER_MS = 60_000;
/** An answer must name its query within this time. */
const FIRST_PART_MS = 10_000;
/** Messages of one agent that wait to be handled; beyond that, its stream is paused and TCP slows the agent down. */
const MAX_UNHANDLED = 4;

const undecoded = (bytes: Buffer): Buffer => bytes;
const asItIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
/**
 * The contract, except that agents' messages are delivered as bytes: they are weighed before they are decoded. Ours are encoded once,
 * however many agents are sent them.
 */
const WEIGHED = {
  session: { ...Definition.session, requestDeserialize: undecoded, responseSerialize: asItIs },
  answer: { ...Definition.answer, requestDeserialize: undecoded },
  renew: Definition.renew,
};

/** The listener for enrolled gateways: mutual TLS against our own authority. */
@Injectable()
export class LinkGrpc implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private listener: GrpcListener | undefined;
  private timers: NodeJS.Timeout[] = [];
  private readonly turns: SessionTurns;
  private readonly proven: ProvenGateways;

  constructor(
    @Inject(LinkService) private readonly link: LinkService,
    @Inject(GatewayQueries) private readonly queries: GatewayQueries,
    @Inject(Intake) private readonly intake: Intake,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(LinkParts) private readonly parts: LinkParts,
    @Inject(RenewalsService) private readonly renewals: RenewalsService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(AUTHORITY) private readonly authority: Authority,
    @Inject(ServerCertificatesService) private readonly certificates: ServerCertificatesService,
    @Inject(Addresses) private readonly addresses: Addresses,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    const { sessionsPerSecond: perSecond } = config;
    this.turns = new SessionTurns({ perSecond, burst: perSecond }, Math.random);
    this.proven = new ProvenGateways(authority);
  }

  async onApplicationBootstrap(): Promise<void> {
    const handlers: UntypedServiceImplementation = {
      session: (stream: AgentStream) => this.session(stream),
      answer: (call: ServerReadableStream<Uint8Array, AnswerReceipt>, callback: sendUnaryData<AnswerReceipt>) =>
        this.answer(call, callback),
      renew: unary((call: ServerUnaryCall<RenewRequest, RenewResponse>) => this.renew(call)),
    };
    const issue = async () => ({ ...(await this.certificates.issue('link')), clients: this.authority.clients });
    const listener = await GrpcListener.open(this.config.link, issue, WEIGHED, handlers, CONNECTIONS);
    this.listener = listener;
    this.authority.onChange(() => {
      for (const { identity } of this.link.distrusted((issuerId) => this.authority.isTrusted(issuerId))) this.link.cut(identity.gatewayId);
      listener.present().catch((error: unknown) => this.logger.error({ err: error }, 'the link goes on with the certificate that it had'));
    });
    this.addresses.noteOpened('link', this.listener.port);
    this.link.onLeaving(() => listener.stopAccepting());
    const check = (): void => {
      this.link.checkRegistry().catch((error: unknown) => this.logger.warn({ err: error }, 'sessions could not be checked'));
    };
    this.timers = [setInterval(() => this.link.ping(), PING_INTERVAL_MS), setInterval(check, RECORD_INTERVAL_MS)];
    // What was missed is found by the next look at who lives.
    const later = (): void => undefined;
    this.notifications.on(GATEWAY_REVOKED, (id) => this.link.cut(id), later);
    this.notifications.on(
      SESSION_OPENED,
      (notice) => {
        const [gatewayId, epoch] = notice.split(' ');
        if (gatewayId && epoch) this.link.cut(gatewayId, BigInt(epoch));
      },
      later,
    );
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.timers.forEach(clearInterval);
    await this.listener?.close();
  }

  /** Messages are weighed before they are decoded, and handled one after the other, so that their effects keep the agent's order. */
  private session(stream: AgentStream): void {
    const identity = this.identityOf(stream);
    if (!identity) return refuse(stream, namesNone());
    if (this.clock() >= identity.endsAtMs) return refuse(stream, hasEnded());
    const ended = new AbortController();
    let session: Session | undefined;
    let unhandled = 0;
    let turnInMs = 0;
    let work: Promise<void> = Promise.resolve();
    const fail = (error: unknown): void => {
      if (ended.signal.aborted) return;
      ended.abort();
      this.logger.warn({ gateway: identity.gatewayId, err: toFleetError(error) }, 'session failed');
      refuse(stream, this.weighFailure(identity, error, stream.getPeer()));
    };
    const helloTimer = setTimeout(() => fail(new FleetError('INVALID_REQUEST', 'No hello was received within 10 s.')), HELLO_MS);
    const handle = async (bytes: Uint8Array): Promise<void> => {
      if (ended.signal.aborted) return;
      await this.holdBack(identity, { messages: 1, bytes: bytes.length }, ended.signal);
      const message = decoded(bytes, AgentMessage);
      const writes = message.body === undefined ? 0 : message.body.$case === 'hello' ? 1 : this.parts.writesOf(message.body);
      if (writes > 0) await this.holdBack(identity, { writes }, ended.signal);
      if (ended.signal.aborted) return;
      if (session) return this.link.receive(session, message);
      if (message.body?.$case !== 'hello') throw new FleetError('INVALID_REQUEST', 'The first message must be hello.');
      clearTimeout(helloTimer);
      if (!(await this.awaitTurn(identity.gatewayId, turnInMs, ended.signal))) return;
      session = await this.link.open(identity, message.body.value, stream);
    };
    const end = (): void => {
      ended.abort();
      clearTimeout(helloTimer);
      work = work
        .then(async () => {
          if (session) await this.link.closed(session);
        })
        .catch((error: unknown) =>
          this.logger.warn({ gateway: identity.gatewayId, err: error }, 'session could not be closed in the registry'),
        );
    };
    stream.once('end', () => stream.end());
    stream.on('error', () => undefined);
    stream.once('close', end);
    stream.once('cancelled', end);
    try {
      this.intake.begin(identity, 'session', this.clock());
    } catch (error) {
      return fail(error);
    }
    this.listener?.vouch(stream.getPeer());
    turnInMs = this.turns.ask(identity.gatewayId, performance.now());
    if (turnInMs > HELD_MS) {
      end();
      return refuse(stream, crowded(turnInMs));
    }
    stream.on('data', (bytes: Uint8Array) => {
      unhandled += 1;
      if (unhandled >= MAX_UNHANDLED) stream.pause();
      work = work
        .then(() => handle(bytes))
        .catch(fail)
        .finally(() => {
          unhandled -= 1;
          if (stream.isPaused()) stream.resume();
        });
    });
  }

  /** False if the stream has ended meanwhile. Throws UNAVAILABLE where another stream of the gateway took its turn. */
  private async awaitTurn(gatewayId: string, inMs: number, signal: AbortSignal): Promise<boolean> {
    for (let waitMs = inMs; waitMs > 0; waitMs = this.turns.ask(gatewayId, performance.now())) {
      if (waitMs > HELD_MS) throw crowded(waitMs);
      await delay(Math.ceil(waitMs), undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return false;
    }
    return !signal.aborted;
  }

  /** A gateway's answer to one query. Nothing is kept of an answer that nobody waits for. */
  private answer(call: ServerReadableStream<Uint8Array, AnswerReceipt>, callback: sendUnaryData<AnswerReceipt>): void {
    const identity = this.identityOf(call);
    if (!identity) return callback(toServiceError(namesNone()));
    if (this.clock() >= identity.endsAtMs) return callback(toServiceError(hasEnded()));
    const ended = new AbortController();
    let queryId = '';
    let hasBegun = false;
    let work: Promise<void> = Promise.resolve();
    const end = (reply: () => void): void => {
      if (ended.signal.aborted) return;
      ended.abort();
      clearTimeout(timer);
      if (hasBegun) this.intake.endAnswer(identity);
      this.queries.drop(identity.gatewayId, queryId);
      reply();
    };
    const fail = (error: unknown): void => end(() => callback(toServiceError(this.weighFailure(identity, error, call.getPeer()))));
    const tooSlow = (ms: number, why: string): NodeJS.Timeout => setTimeout(() => fail(new FleetError('INVALID_REQUEST', why)), ms);
    let timer = tooSlow(FIRST_PART_MS, 'An answer must name its query within 10 s.');
    const handle = async (bytes: Uint8Array): Promise<void> => {
      if (ended.signal.aborted) return;
      await this.holdBack(identity, { messages: 1, bytes: bytes.length }, ended.signal);
      const part = decoded(bytes, AnswerPart);
      if (queryId === '') {
        clearTimeout(timer);
        timer = tooSlow(ANSWER_MS, 'An answer must end within a minute.');
      }
      queryId = part.queryId;
      if (!(await this.queries.take(identity.gatewayId, part, bytes.length))) end(() => callback(null, { isWanted: false }));
    };
    call.once('error', () => undefined);
    call.once('cancelled', () => end(() => undefined));
    try {
      this.intake.begin(identity, 'answer', this.clock());
      hasBegun = true;
    } catch (error) {
      return fail(error);
    }
    call.on('data', (bytes: Uint8Array) => {
      call.pause();
      work = work
        .then(() => handle(bytes))
        .catch(fail)
        .finally(() => call.resume());
    });
    const whole = (): void => end(() => callback(null, { isWanted: true }));
    call.once('end', () => {
      work = work.then(whole);
    });
  }

  /** The only call that a certificate is good for after its end. */
  private async renew(call: ServerUnaryCall<RenewRequest, RenewResponse>): Promise<RenewResponse> {
    const identity = this.identityOf(call);
    if (!identity) throw namesNone();
    try {
      await this.holdBack(identity, { messages: 1, bytes: call.request.csr.length, writes: 1 }, new AbortController().signal);
      return await this.renewals.renew(identity, call.request);
    } catch (error) {
      throw this.weighFailure(identity, error, call.getPeer());
    }
  }

  /** The gateway that a connection has proved to be. Its issuer may have been retired since the connection was opened. */
  private identityOf(call: Pick<AgentStream, 'getAuthContext'>): ProvenGateway | undefined {
    return this.proven.of(call.getAuthContext().sslPeerCertificate);
  }

  /** Waits until the message is paid for; its stream is not read in the meantime. Throws RATE_LIMITED. */
  private async holdBack(sender: GatewayIdentity, cost: Cost, signal: AbortSignal): Promise<void> {
    const waitMs = this.intake.take(sender, cost, this.clock());
    if (waitMs > 0) await delay(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
  }

  /** The error to send to the agent. Invalid messages count as useless, and a disconnect because of them is recorded. */
  private weighFailure(sender: GatewayIdentity, error: unknown, peer: string): unknown {
    let told = error;
    try {
      if (error instanceof FleetError && error.code === 'INVALID_REQUEST') this.intake.noteUseless(sender, this.clock());
    } catch (refusal) {
      told = refusal;
    }
    if (told instanceof FleetError && told.code === 'RATE_LIMITED') {
      this.listener?.refuse(peer, Number(told.fields.retryAfterSeconds) * 1000);
      this.audit.note({
        tenantId: sender.tenantId,
        actor: { kind: 'gateway', id: sender.gatewayId, name: sender.gatewayId },
        action: 'gateway.cut',
        outcome: 'refused',
        gatewayId: sender.gatewayId,
        summary: `A gateway was disconnected: ${told.message}`,
        detail: { retryAfterSeconds: told.fields.retryAfterSeconds },
      });
    }
    return told;
  }
}

/** Throws INVALID_REQUEST for bytes that are not a message of the link, or more than one may have. */
function decoded<Message>(bytes: Uint8Array, type: { decode(bytes: Uint8Array): Message }): Message {
  if (bytes.length > MAX_MESSAGE_BYTES) throw new FleetError('INVALID_REQUEST', `A message has at most ${MAX_MESSAGE_BYTES} bytes.`);
  try {
    return type.decode(bytes);
  } catch (cause) {
    throw new FleetError('INVALID_REQUEST', 'A message cannot be decoded.', {}, { cause });
  }
}

/** Not the agent's fault: its connection is not held against its address. */
function crowded(waitMs: number): FleetError {
  const retryAfterSeconds = Math.ceil(waitMs) / 1000;
  return new FleetError('UNAVAILABLE', `Many agents connect at once. Connect again in ${retryAfterSeconds} s.`, { retryAfterSeconds });
}

const namesNone = (): FleetError =>
  new FleetError('UNAUTHENTICATED', 'The certificate names no gateway, or who signed it is no longer trusted.');
const hasEnded = (): FleetError => new FleetError('CERTIFICATE_ENDED', 'The certificate has expired. Renew it.');

function refuse(stream: AgentStream, error: unknown): void {
  // destroy() would end the stream without a status, and the agent would wait until the silence is long enough.
  stream.emit('error', toServiceError(error));
}
