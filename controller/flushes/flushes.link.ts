import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { LinkParts, type Admitted, type LinkPart } from '../link/link-parts.service.ts';
import type { Session } from '../link/session.ts';
import { Sessions } from '../link/sessions.service.ts';
import type { Transaction } from '../platform/database.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { DeadlinesService } from './deadlines.service.ts';
import { DeliveryService } from './delivery.service.ts';
import { COMMANDS_WAITING } from './notifications.ts';
import { ProgressService } from './progress.service.ts';
import { ResultsService } from './results.service.ts';

/** Sends commands to agents, receives their progress and results. */
@Injectable()
export class FlushesLink implements LinkPart, OnModuleInit, OnModuleDestroy {
  readonly takes: LinkPart['takes'] = {
    progress: { take: ({ identity }, progress) => this.progress.note(identity, progress) },
    result: {
      writes: () => 1,
      take: async (session, result) => {
        if (await this.results.take(session.identity, result))
          session.send({ $case: 'resultReceipt', value: { commandId: result.commandId } });
      },
    },
  };
  private stopListening: (() => void) | undefined;

  constructor(
    @Inject(LinkParts) private readonly link: LinkParts,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(DeliveryService) private readonly delivery: DeliveryService,
    @Inject(DeadlinesService) private readonly deadlines: DeadlinesService,
    @Inject(ResultsService) private readonly results: ResultsService,
    @Inject(ProgressService) private readonly progress: ProgressService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.link.add(this);
    this.stopListening = this.notifications.on(
      COMMANDS_WAITING,
      (gatewayId) => this.deliver(gatewayId),
      // Notifications were missed, possibly a stop among them.
      () => this.sessions.all().forEach((session) => this.deliver(session.identity.gatewayId)),
    );
  }

  onModuleDestroy(): void {
    this.stopListening?.();
  }

  /** A restored database continues from the numbers that the gateway has seen. */
  async admit(t: Transaction, { gatewayId, tenantId, name, known, seen }: Admitted): Promise<void> {
    if (seen.seq > known.seq || seen.epoch > known.epoch) await this.deadlines.catchUp(t, { gatewayId, tenantId, name }, known, seen);
  }

  async opened({ identity }: Session): Promise<void> {
    await this.delivery.deliver(identity.gatewayId);
  }

  closed(gatewayId: string): void {
    this.results.forget(gatewayId);
    this.progress.forget(gatewayId);
  }

  private deliver(gatewayId: string): void {
    this.delivery
      .deliver(gatewayId)
      .catch((error: unknown) => this.logger.warn({ gateway: gatewayId, err: error }, 'commands could not be delivered'));
  }
}
