import { Inject, Injectable } from '@nestjs/common';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService } from '../audit/audit.service.ts';
import type { GatewayIdentity, ProvenGateway } from '../identity/gateway-identity.ts';
import type { Transaction } from '../platform/database.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { LinkRepository, type Known } from './link.repository.ts';
import { GATEWAY_CHANGED, GATEWAY_REVOKED } from './notifications.ts';

/** A gateway that was set aside waits for a person, who wants it back soon after deciding. */
const SET_ASIDE_SECONDS = 30;

/** What becomes of agents that hold an identity beside another: both are set aside, or the one with an old certificate is refused. */
@Injectable()
export class SetAsidesService {
  constructor(
    @Inject(LinkRepository) private readonly registry: LinkRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
  ) {}

  /** Disconnects both holders on all replicas, and notifies people. Returns the refusal for the one that asked. */
  async setAside(
    t: Transaction,
    { gatewayId, tenantId }: GatewayIdentity,
    { name }: { name: string },
    reason: string,
    now: Date,
  ): Promise<FleetError> {
    this.audit.record(t, {
      tenantId,
      actor: { kind: 'system', id: 'controller', name: 'ctfleet' },
      action: 'gateway.set-aside',
      outcome: 'failed',
      gatewayId,
      gatewayName: name,
      summary: `${name} was set aside: ${reason}`,
      reason,
    });
    await this.registry.setAside(t, gatewayId, reason, now);
    await this.notifications.send(t, GATEWAY_REVOKED, gatewayId);
    await this.notifications.send(t, GATEWAY_CHANGED, gatewayId);
    return setAside(reason);
  }

  /** The refusal of a certificate that was replaced, which is recorded. The gateway goes on: whoever holds an old key must not stop it. */
  superseded(gateway: ProvenGateway, { name, certificates }: Known): FleetError {
    const { gatewayId, tenantId, generation } = gateway;
    this.audit.note({
      tenantId,
      actor: { kind: 'gateway', id: gatewayId, name },
      action: 'gateway.refused',
      outcome: 'refused',
      gatewayId,
      gatewayName: name,
      summary: `${name} was refused: it presented a certificate of generation ${generation}, which was replaced`,
      detail: { generation, used: certificates.used },
    });
    return new FleetError(
      'CERTIFICATE_SUPERSEDED',
      'This certificate was replaced by a newer one, which has been used since. If this gateway was put back from a copy, enrol it again.',
    );
  }
}

export function setAside(reason: string): FleetError {
  return new FleetError(
    'GATEWAY_SET_ASIDE',
    `This gateway is set aside: ${reason}. Stop one of them and reinstate the gateway, or revoke it and enrol it again.`,
    { retryAfterSeconds: SET_ASIDE_SECONDS },
  );
}
