import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { TAGS_CHANGED } from '../gateways/notifications.ts';
import { LinkParts, type LinkPart } from '../link/link-parts.service.ts';
import type { Session } from '../link/session.ts';
import { Sessions } from '../link/sessions.service.ts';
import { LIMITS_CHANGED } from '../plans/notifications.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { GatewaySetsService } from './gateway-sets.service.ts';
import { REMEDIATIONS_CHANGED } from './notifications.ts';
import { RunsService } from './runs.service.ts';

/** Agents get the remediations to run on their own, and report their runs. */
@Injectable()
export class RemediationsLink implements LinkPart, OnModuleInit, OnModuleDestroy {
  readonly takes: LinkPart['takes'] = {
    remediationRun: {
      writes: () => 1,
      take: async (session, run) => {
        if (await this.runs.take(session.identity, run)) session.send({ $case: 'remediationRunReceipt', value: { runId: run.id } });
      },
    },
  };
  private stops: (() => void)[] = [];

  constructor(
    @Inject(LinkParts) private readonly link: LinkParts,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(GatewaySetsService) private readonly sets: GatewaySetsService,
    @Inject(RunsService) private readonly runs: RunsService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.link.add(this);
    const push = (): void => {
      this.push(this.sessions.all()).catch((error: unknown) =>
        this.logger.warn({ err: error }, 'remediations could not be sent to agents'),
      );
    };
    // Tags define partners, and limits the mode in which each acts.
    this.stops = [REMEDIATIONS_CHANGED, LIMITS_CHANGED, TAGS_CHANGED].map((kind) => this.notifications.on(kind, push, push));
  }

  onModuleDestroy(): void {
    this.stops.forEach((stop) => stop());
  }

  async opened(session: Session): Promise<void> {
    await this.push([session]);
  }

  private async push(sessions: readonly Session[]): Promise<void> {
    if (sessions.length === 0) return;
    const sets = await this.sets.of(sessions.map((session) => session.identity.gatewayId));
    for (const session of sessions)
      session.send({ $case: 'remediations', value: { remediations: sets.get(session.identity.gatewayId) ?? [] } });
  }
}
