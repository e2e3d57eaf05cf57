import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentMessage, Hello, Unreadable } from '../../proto/gen/ctfleet/v1/link.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService } from '../audit/audit.service.ts';
import type { ProvenGateway } from '../identity/gateway-identity.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database } from '../platform/database.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { textFrom } from '../platform/untrusted.ts';
import { Batches } from '../platform/batches.ts';
import { Admission } from './admission.service.ts';
import { HellosService } from './hellos.service.ts';
import { endingNow, GIVE_AWAY_MS } from './giving-away.ts';
import { LinkParts } from './link-parts.service.ts';
import { LinkRepository } from './link.repository.ts';
import { GATEWAY_CHANGED } from './notifications.ts';
import { GatewayQueries } from './gateway-queries.service.ts';
import { PING_INTERVAL_MS, Session, SILENCE_LIMIT_MS, type AgentStream } from './session.ts';
import { Sessions } from './sessions.service.ts';

/** Sessions whose end is recorded together. */
const MAX_TOGETHER = 500;

/** The life of sessions: hello, messages from agents, the end. Identity is always the certificate's. */
@Injectable()
export class LinkService implements BeforeApplicationShutdown {
  /** Ends of sessions because this replica stops, which are many at once. */
  private readonly interrupted = new Batches<string>((gatewayIds) => this.recordInterrupted(gatewayIds), MAX_TOGETHER);
  private readonly leaving = new AbortController();

  constructor(
    @Inject(LinkRepository) private readonly registry: LinkRepository,
    @Inject(HellosService) private readonly hellos: HellosService,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(LinkParts) private readonly parts: LinkParts,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(GatewayQueries) private readonly queries: GatewayQueries,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Opens a session: registers it, welcomes the agent, and lets each noun send what it has. Throws what HellosService refuses with. */
  async open(identity: ProvenGateway, hello: Hello, stream: AgentStream): Promise<Session> {
    if (this.leaving.signal.aborted) throw isStopping();
    const { gatewayId, tenantId } = identity;
    const nowMs = this.clock();
    // What follows is read for all at once who are admitted at the same moment.
    const epoch = await this.admission.run(() => this.hellos.admit(identity, hello));
    const session = new Session(identity, epoch, stream, nowMs, identity.endsAtMs);
    this.sessions.add(session);
    session.send({
      $case: 'welcome',
      value: {
        epoch,
        controllerTimeMs: BigInt(this.clock()),
        sampleIntervalMs: this.config.sampleIntervalMs,
        gatewayId,
        pingIntervalMs: PING_INTERVAL_MS,
      },
    });
    await this.parts.opened(session, hello);
    this.logger.info({ gateway: gatewayId, tenant: tenantId, epoch: String(epoch) }, 'session opened');
    return session;
  }

  /** Handles one message of an open session; messages of one session arrive here one after the other. */
  async receive(session: Session, message: AgentMessage): Promise<void> {
    session.lastHeardMs = this.clock();
    const { body } = message;
    switch (body?.$case) {
      case 'unreadable':
        return this.noteUnreadable(session, body.value);
      case 'hello':
        throw new FleetError('INVALID_REQUEST', 'A session has only one hello.');
      case 'pong':
        return;
      default:
        if (body) await this.parts.take(session, body);
    }
  }

  /** The stream of a session ended, for whatever reason. */
  async closed(session: Session): Promise<void> {
    session.isClosed = true;
    if (!this.sessions.remove(session)) return;
    const { gatewayId, tenantId } = session.identity;
    this.queries.dropAll(gatewayId);
    this.parts.closed(gatewayId);
    if (this.leaving.signal.aborted) return this.interrupted.add(gatewayId);
    await this.database.transact(new Set([tenantId]), async (t) => {
      if (await this.registry.close(t, gatewayId, session.epoch, new Date(session.lastHeardMs)))
        await this.notifications.send(t, GATEWAY_CHANGED, gatewayId);
    });
    this.logger.info({ gateway: gatewayId, epoch: String(session.epoch) }, 'session closed');
  }

  /** Pings every agent, and checks with the registry. */
  async checkLiveness(): Promise<void> {
    this.ping();
    await this.checkRegistry();
  }

  /** Pings every agent, closes silent sessions and those whose certificate has expired (TLS checks it only when connecting). */
  ping(): void {
    const nowMs = this.clock();
    for (const session of this.sessions.all()) {
      if (nowMs >= session.certificateEndsMs) session.close(new FleetError('CERTIFICATE_ENDED', 'The certificate has expired. Renew it.'));
      else if (nowMs - session.lastHeardMs > SILENCE_LIMIT_MS)
        session.close(new FleetError('GATEWAY_SLOW', 'The agent was silent for 30 s.'));
      else session.send({ $case: 'ping', value: { sentAtMs: BigInt(nowMs) } });
    }
  }

  /** Records who was heard from, and closes sessions that were replaced on another replica or whose gateway was revoked. */
  async checkRegistry(): Promise<void> {
    const open = this.sessions.all().filter((session) => !session.isClosed);
    const lost = await this.registry.heard(
      open.map((session) => ({ gatewayId: session.identity.gatewayId, epoch: session.epoch, atMs: session.lastHeardMs })),
    );
    // By session, not by gateway: a newer session of it may have arrived while the registry was queried.
    for (const session of open) if (lost.has(session.identity.gatewayId)) session.close(overElsewhere());
  }

  /** Ends the gateway's session if this replica holds it; with an epoch, only if the session is older. */
  cut(gatewayId: string, olderThan?: bigint): void {
    const session = this.sessions.get(gatewayId);
    if (!session || (olderThan !== undefined && session.epoch >= olderThan)) return;
    session.close(overElsewhere());
  }

  /** The sessions that were opened with a certificate of an issuer that is no longer trusted. */
  distrusted(isTrusted: (issuerId: string) => boolean): Session[] {
    return this.sessions.all().filter(({ identity }) => !isTrusted(identity.issuerId));
  }

  /** Calls `listener` once this replica takes no more sessions. */
  onLeaving(listener: () => void): void {
    this.leaving.signal.addEventListener('abort', listener, { once: true });
  }

  /**
   * Takes no more sessions, and ends those that there are, evenly over a time: their agents dial again at once, and must not storm others
   * replicas. A gateway that still has to answer something goes last.
   */
  async giveAway(withinMs: number): Promise<void> {
    this.leaving.abort();
    const endMs = performance.now() + withinMs;
    for (let leftMs = withinMs; this.sessions.all().length > 0 && leftMs > 0; leftMs = endMs - performance.now()) {
      const open = this.sessions.all();
      const idle = open.filter(({ identity }) => !this.queries.isAsked(identity.gatewayId));
      for (const session of idle.slice(0, endingNow(open.length, leftMs))) session.close(isStopping());
      await delay(Math.min(GIVE_AWAY_MS, leftMs));
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.leaving.abort();
    const open = this.sessions.all();
    for (const session of open) session.close(isStopping());
    await Promise.allSettled(open.map((session) => this.closed(session)));
  }

  private async recordInterrupted(gatewayIds: string[]): Promise<void> {
    await this.database.transact('all', async (t) => {
      const ids = await this.registry.interrupt(t, [this.sessions.replicaId], gatewayIds);
      await this.notifications.sendAll(t, GATEWAY_CHANGED, ids);
    });
  }

  /** The agent cannot read a message from us: whoever waits for an answer to it fails at once, and it is recorded. */
  private noteUnreadable({ identity: { gatewayId, tenantId } }: Session, { bytes, detail }: Unreadable): void {
    const words = textFrom(detail, 500);
    const isQuery = this.queries.failUnreadable(gatewayId, bytes, words);
    this.logger.error({ gateway: gatewayId, bytes, isQuery, detail: words }, 'an agent cannot read what it was sent');
    this.audit.note({
      tenantId,
      actor: { kind: 'gateway', id: gatewayId, name: gatewayId },
      action: 'gateway.unreadable',
      outcome: 'failed',
      gatewayId,
      summary: `A gateway could not read a message of ${bytes} bytes. Update its agent.`,
      detail: { bytes, isQuery, detail: words },
    });
  }
}

const isStopping = (): FleetError => new FleetError('UNAVAILABLE', 'The controller is shutting down. Reconnect.');

function overElsewhere(): FleetError {
  return new FleetError('EPOCH_SUPERSEDED', 'This session has ended: the gateway was revoked or connected elsewhere.');
}
