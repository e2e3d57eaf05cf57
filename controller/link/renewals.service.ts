import { Inject, Injectable } from '@nestjs/common';
import type { RenewRequest, RenewResponse } from '../../proto/gen/ctfleet/v1/link.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService } from '../audit/audit.service.ts';
import { AUTHORITY, type Authority } from '../identity/authority.ts';
import { AuthorityStore } from '../identity/authority-store.service.ts';
import { provenKey } from '../identity/certificates.ts';
import { keyHash, type ProvenGateway } from '../identity/gateway-identity.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { judgeRenewal } from './generations.ts';
import { LinkRepository } from './link.repository.ts';
import { GATEWAY_CHANGED } from './notifications.ts';
import { SetAsidesService, setAside } from './set-asides.service.ts';

const DAY_MS = 86_400_000;

/** Replaces the certificates of gateways before they end, and for some time after. */
@Injectable()
export class RenewalsService {
  constructor(
    @Inject(LinkRepository) private readonly registry: LinkRepository,
    @Inject(SetAsidesService) private readonly setAsides: SetAsidesService,
    @Inject(AUTHORITY) private readonly authority: Authority,
    @Inject(AuthorityStore) private readonly store: AuthorityStore,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * A certificate of the next generation for the key of the request. Throws UNAUTHENTICATED for a gateway that is revoked, or whose
   * certificate ended too long ago; GATEWAY_SET_ASIDE if the same certificate was renewed for another key; CERTIFICATE_SUPERSEDED for one
   * that was replaced; INVALID_REQUEST for a CSR that proves no key.
   */
  async renew(gateway: ProvenGateway, { csr }: RenewRequest): Promise<RenewResponse> {
    const nowMs = this.clock();
    if (nowMs >= gateway.endsAtMs + this.config.renewableMs) {
      const days = Math.floor((nowMs - gateway.endsAtMs) / DAY_MS);
      throw new FleetError(
        'UNAUTHENTICATED',
        `The certificate ended ${days} days ago; it can be renewed for ${this.config.renewableMs / DAY_MS}. Enrol the gateway again.`,
      );
    }
    const publicKey = await provenKey(csr);
    const answer = await this.database.transact(new Set([gateway.tenantId]), async (t) => {
      const decided = await this.decide(t, gateway, keyHash(new Uint8Array(publicKey.rawData)), new Date(nowMs));
      if (decided instanceof FleetError) return decided;
      await this.store.hold(t);
      const issued = await this.authority.issueGateway(publicKey, gateway, decided.next.generation, nowMs);
      await this.registry.setCertificates(t, gateway.gatewayId, decided.next, issued.notAfter);
      await this.notifications.send(t, GATEWAY_CHANGED, gateway.gatewayId);
      return issued;
    });
    if (answer instanceof FleetError) {
      this.logger.error({ gateway: gateway.gatewayId, tenant: gateway.tenantId, code: answer.code }, answer.message);
      throw answer;
    }
    this.logger.info({ gateway: gateway.gatewayId, tenant: gateway.tenantId, until: answer.notAfter }, 'certificate renewed');
    return {
      certificatePem: Buffer.from(answer.certificatePem),
      caPem: Buffer.from(this.authority.pem),
      notAfterMs: BigInt(answer.notAfter.getTime()),
    };
  }

  /** Returns a refusal instead of throwing it, so that what was recorded with it is committed. */
  private async decide(t: Transaction, gateway: ProvenGateway, newKeyHash: string, now: Date) {
    await this.registry.lock(t, gateway.gatewayId);
    const known = await this.registry.find(t, gateway, now);
    if (!known) return new FleetError('UNAUTHENTICATED', 'This gateway is revoked or unknown. Re-enrol it.');
    if (known.setAsideReason !== undefined) return setAside(known.setAsideReason);
    const verdict = judgeRenewal(known.certificates, gateway, newKeyHash);
    const { gatewayId, tenantId } = gateway;
    switch (verdict.kind) {
      case 'clones':
        return this.setAsides.setAside(t, gateway, known, verdict.reason, now);
      case 'superseded':
        return this.setAsides.superseded(gateway, known);
      case 'issue':
        if (verdict.next.generation > known.certificates.generation)
          this.audit.record(t, {
            tenantId,
            actor: { kind: 'gateway', id: gatewayId, name: known.name },
            action: 'gateway.certificate-renewed',
            outcome: 'ok',
            gatewayId,
            gatewayName: known.name,
            summary: `${known.name} renewed its certificate: generation ${verdict.next.generation}`,
            detail: { generation: verdict.next.generation, keyHash: newKeyHash, wasOver: gateway.endsAtMs <= now.getTime() },
          });
        return verdict;
    }
  }
}
