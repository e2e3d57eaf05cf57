import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import { LinkParts, type LinkPart } from '../link/link-parts.service.ts';
import type { Session } from '../link/session.ts';
import { Sessions } from '../link/sessions.service.ts';
import { BatchedReads } from '../platform/batched-reads.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { DriftDecisions } from './drift-decisions.service.ts';
import { DRIFT_DECIDED } from './notifications.ts';
import { PolicyReports } from './reports.service.ts';

/** Values per message that cost a transaction. */
const DRIFT_OF_A_WRITE = 20;
/** Sessions that are read for at once. */
const MAX_AT_ONCE = 200;

/** Receives how gateways are set; what was decided about drift is sent to an agent until it reports it done. */
@Injectable()
export class PolicyStatesLink implements LinkPart, OnModuleInit, OnModuleDestroy {
  readonly takes: LinkPart['takes'] = {
    policyState: {
      writes: ({ drift }) => Math.max(1, drift.length / DRIFT_OF_A_WRITE),
      take: (session, state) => this.reports.take(session.identity, state),
    },
  };
  private stopListening: (() => void) | undefined;
  /** Of sessions that are opened at the same moment. */
  private readonly decided = new BatchedReads((gateways: GatewayIdentity[]) => this.decisions.of(gateways), MAX_AT_ONCE);

  constructor(
    @Inject(LinkParts) private readonly link: LinkParts,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(PolicyReports) private readonly reports: PolicyReports,
    @Inject(DriftDecisions) private readonly decisions: DriftDecisions,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.link.add(this);
    const send = (session: Session): void => {
      this.opened(session).catch((error: unknown) =>
        this.logger.warn({ gateway: session.identity.gatewayId, err: error }, 'what was decided about drift could not be sent'),
      );
    };
    this.stopListening = this.notifications.on(
      DRIFT_DECIDED,
      (gatewayId) =>
        this.sessions
          .all()
          .filter(({ identity }) => identity.gatewayId === gatewayId)
          .forEach(send),
      // Notifications were missed, so that something may have been decided about any gateway.
      () => this.sessions.all().forEach(send),
    );
  }

  onModuleDestroy(): void {
    this.stopListening?.();
  }

  async opened(session: Session): Promise<void> {
    for (const value of await this.decided.of(session.identity)) session.send({ $case: 'resolveDrift', value });
  }
}
