import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import type { Hello } from '../../proto/gen/ctfleet/v1/link.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService } from '../audit/audit.service.ts';
import type { ProvenGateway } from '../identity/gateway-identity.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { textFrom } from '../platform/untrusted.ts';
import { judgeSession } from './generations.ts';
import { judgeHolder } from './holders.ts';
import { LinkParts } from './link-parts.service.ts';
import { LinkRepository } from './link.repository.ts';
import { GATEWAY_CHANGED, SESSION_OPENED } from './notifications.ts';
import { judgeNumbers } from './numbers.ts';
import { SetAsidesService, setAside } from './set-asides.service.ts';
import { Sessions } from './sessions.service.ts';

/** Link versions that this controller speaks: its own and up to two before it. */
const PROTOCOL_VERSION = 1;
const OLDEST_VERSION = Math.max(1, PROTOCOL_VERSION - 2);

/** Decides from a hello whether the gateway gets a session, and in which epoch. */
@Injectable()
export class HellosService {
  constructor(
    @Inject(LinkRepository) private readonly registry: LinkRepository,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(SetAsidesService) private readonly setAsides: SetAsidesService,
    @Inject(LinkParts) private readonly parts: LinkParts,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Registers a session and returns its epoch. Throws UNAUTHENTICATED for a gateway that is not active, GATEWAY_SET_ASIDE if two agents
   * hold its identity, CERTIFICATE_SUPERSEDED for a certificate that was replaced, GATEWAY_AHEAD if the agent has seen numbers that no
   * restored backup explains, INVALID_REQUEST for an unsupported version of the link.
   */
  async admit(identity: ProvenGateway, hello: Hello): Promise<bigint> {
    if (hello.protocolVersion < OLDEST_VERSION || hello.protocolVersion > PROTOCOL_VERSION) {
      const spoken =
        OLDEST_VERSION === PROTOCOL_VERSION ? `version ${PROTOCOL_VERSION}` : `versions ${OLDEST_VERSION} to ${PROTOCOL_VERSION}`;
      throw new FleetError(
        'INVALID_REQUEST',
        `This controller speaks ${spoken} of the link, the agent speaks version ${hello.protocolVersion}.`,
      );
    }
    const answer = await this.database.transact(new Set([identity.tenantId]), (t) => this.decide(t, identity, hello));
    if (typeof answer === 'bigint') return answer;
    this.logger.error({ gateway: identity.gatewayId, tenant: identity.tenantId, code: answer.code }, answer.message);
    throw answer;
  }

  /** Returns a refusal instead of throwing it, so that what was recorded with it is committed. */
  private async decide(t: Transaction, identity: ProvenGateway, hello: Hello): Promise<bigint | FleetError> {
    const now = new Date(this.clock());
    const { gatewayId } = identity;
    const known = await this.registry.find(t, identity, now);
    if (!known) throw new FleetError('UNAUTHENTICATED', 'This gateway is revoked or unknown. Re-enrol it.');
    if (known.setAsideReason !== undefined) return setAside(known.setAsideReason);
    const certificate = judgeSession(known.certificates, identity);
    if (certificate.kind === 'clones') return this.setAsides.setAside(t, identity, known, certificate.reason, now);
    if (certificate.kind === 'superseded') return this.setAsides.superseded(identity, known);
    const holder = judgeHolder(known.held, textFrom(hello.instanceId, 64), now.getTime());
    if (holder.kind === 'clones') return this.setAsides.setAside(t, identity, known, holder.reason, now);
    const seen = { seq: hello.lastSeq, epoch: hello.lastEpoch };
    const numbers = judgeNumbers(known.numbers, seen);
    if (numbers.kind === 'impossible') {
      this.audit.note({
        tenantId: identity.tenantId,
        actor: { kind: 'gateway', id: gatewayId, name: known.name },
        action: 'gateway.refused',
        outcome: 'refused',
        gatewayId,
        gatewayName: known.name,
        summary: `${known.name} was refused: ${numbers.reason}`,
        detail: { seenSeq: String(seen.seq), seenEpoch: String(seen.epoch) },
      });
      return new FleetError('GATEWAY_AHEAD', numbers.reason);
    }
    await this.parts.admit(t, { gatewayId, tenantId: identity.tenantId, name: known.name, hello, known: known.numbers, seen });
    const epoch = await this.registry.open(
      t,
      identity,
      { replicaId: this.sessions.replicaId, holder: holder.next, lastEpoch: seen.epoch },
      now,
    );
    const isNewest = identity.generation >= known.certificates.generation;
    // Most sessions teach nothing about certificates.
    if (!isDeepStrictEqual(certificate.next, known.certificates))
      await this.registry.setCertificates(t, gatewayId, certificate.next, isNewest ? new Date(identity.endsAtMs) : undefined);
    if (known.issuerId !== identity.issuerId) await this.registry.setIssuer(t, gatewayId, identity.issuerId);
    await this.notifications.send(t, GATEWAY_CHANGED, gatewayId);
    await this.notifications.send(t, SESSION_OPENED, `${gatewayId} ${epoch}`);
    return epoch;
  }
}
