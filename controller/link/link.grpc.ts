import { Inject, Injectable, type OnApplicationBootstrap, type BeforeApplicationShutdown } from '@nestjs/common';
import type { ServerReadableStream, sendUnaryData } from '@grpc/grpc-js';
import { LinkService as Definition, type AgentMessage, type AnswerPart, type AnswerReceipt, type LinkServer } from '../../proto/gen/ctfleet/v1/link.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AUTHORITY, type Authority } from '../enrolment/authority.ts';
import { parseSubjectAltName, type GatewayIdentity } from '../enrolment/spiffe.ts';
import { DeliveryService } from '../flushes/delivery.service.ts';
import { Addresses } from '../platform/addresses.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { GrpcListener, toServiceError } from '../platform/grpc-listener.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { Notices } from '../platform/notices.ts';
import { LinkService } from './link.service.ts';
import { Questions } from './questions.ts';
import { PING_INTERVAL_MS, type AgentStream, type Session } from './session.ts';

const HELLO_MS = 10_000;
/** Messages of one agent that wait to be handled; beyond, its stream is paused and TCP slows the agent down. */
const MAX_UNHANDLED = 16;

/** The listener for enrolled gateways: mutual TLS against our own authority. */
@Injectable()
export class LinkGrpc implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private listener: GrpcListener | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(LinkService) private readonly link: LinkService,
    @Inject(Questions) private readonly questions: Questions,
    @Inject(DeliveryService) private readonly delivery: DeliveryService,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(AUTHORITY) private readonly authority: Authority,
    @Inject(Addresses) private readonly addresses: Addresses,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const handlers: LinkServer = { session: (stream) => this.session(stream), answer: (call, callback) => this.answer(call, callback) };
    const tls = { ...(await this.authority.issueServer(this.clock())), clientCa: this.authority.pem };
    this.listener = await GrpcListener.open(this.config.link, tls, Definition, handlers);
    this.addresses.noteOpened('link', this.listener.port);
    this.timer = setInterval(() => { this.link.tend().catch((error: unknown) => this.logger.warn({ err: error }, 'sessions could not be tended')); }, PING_INTERVAL_MS);
    this.notices.on('revoked', (id) => { if (id) this.link.cut(id); });
    this.notices.on('opened', (notice) => {
      const [gatewayId, epoch] = notice?.split(' ') ?? [];
      if (gatewayId && epoch) this.link.cut(gatewayId, BigInt(epoch));
    });
    this.notices.on('remediations', () => {
      this.link.remediationsChanged().catch((error: unknown) => this.logger.warn({ err: error }, 'agents could not be given their remediations'));
    });
    this.notices.on('checkpoint', (chain) => {
      if (chain) this.link.checkpointMade(chain).catch((error: unknown) => this.logger.warn({ chain, err: error }, 'agents could not be given a checkpoint'));
    });
    this.notices.on('deliver', (id) => {
      // Undefined: notices were missed, a stop perhaps among them. Empty: there is work for whoever works.
      const gatewayIds = id === undefined ? this.link.heldGateways() : id === '' ? [] : [id];
      for (const gatewayId of gatewayIds) this.delivery.deliver(gatewayId).catch((error: unknown) => this.logger.warn({ gateway: gatewayId, err: error }, 'commands could not be delivered'));
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.listener?.close();
  }

  /** Messages are handled one after the other, so that their effects keep the agent's order. */
  private session(stream: AgentStream): void {
    const identity = identityOf(stream);
    if (!identity) return refuse(stream, new FleetError('UNAUTHENTICATED', 'The certificate names no gateway.'));
    const certificateEndsMs = Date.parse(stream.getAuthContext().sslPeerCertificate?.valid_to ?? '');
    let session: Session | undefined;
    let unhandled = 0;
    let work: Promise<void> = Promise.resolve();
    const helloTimer = setTimeout(() => refuse(stream, new FleetError('INVALID_REQUEST', 'No hello came within 10 s.')), HELLO_MS);
    const handle = async (message: AgentMessage): Promise<void> => {
      if (session) return this.link.receive(session, message);
      if (message.body?.$case !== 'hello') throw new FleetError('INVALID_REQUEST', 'The first message must be hello.');
      clearTimeout(helloTimer);
      session = await this.link.open(identity, certificateEndsMs, message.body.value, stream);
    };
    const fail = (error: unknown): void => {
      this.logger.warn({ gateway: identity.gatewayId, err: error }, 'session failed');
      refuse(stream, error);
    };
    stream.on('data', (message: AgentMessage) => {
      unhandled += 1;
      if (unhandled >= MAX_UNHANDLED) stream.pause();
      work = work.then(() => handle(message)).catch(fail).finally(() => {
        unhandled -= 1;
        if (stream.isPaused()) stream.resume();
      });
    });
    const end = (): void => {
      clearTimeout(helloTimer);
      work = work.then(async () => { if (session) await this.link.closed(session); })
        .catch((error: unknown) => this.logger.warn({ gateway: identity.gatewayId, err: error }, 'session could not be closed in the registry'));
    };
    stream.once('end', () => stream.end());
    stream.once('error', () => undefined);
    stream.once('close', end);
    stream.once('cancelled', end);
  }

  private answer(call: ServerReadableStream<AnswerPart, AnswerReceipt>, callback: sendUnaryData<AnswerReceipt>): void {
    const identity = identityOf(call);
    if (!identity) return callback(toServiceError(new FleetError('UNAUTHENTICATED', 'The certificate names no gateway.')));
    let isWanted = true;
    let isDone = false;
    let queryId = '';
    const finish = (): void => {
      if (isDone) return;
      isDone = true;
      callback(null, { isWanted });
    };
    call.on('data', (part: AnswerPart) => {
      queryId = part.queryId;
      isWanted = this.questions.take(identity.gatewayId, part);
      if (!isWanted) finish();
    });
    call.once('end', () => { this.questions.drop(identity.gatewayId, queryId); finish(); });
    call.once('error', () => undefined);
    call.once('cancelled', () => { isDone = true; this.questions.drop(identity.gatewayId, queryId); });
  }
}

function identityOf(call: Pick<AgentStream, 'getAuthContext'>): GatewayIdentity | undefined {
  return parseSubjectAltName(call.getAuthContext().sslPeerCertificate?.subjectaltname);
}

function refuse(stream: AgentStream, error: unknown): void {
  // destroy() would end the stream without a status, and the agent would wait for the silence to be long enough.
  stream.emit('error', toServiceError(error));
}
