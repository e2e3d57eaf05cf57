import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { LinkParts, type LinkPart } from '../link/link-parts.service.ts';
import type { Session } from '../link/session.ts';
import { Sessions } from '../link/sessions.service.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { BlocksService } from './blocks.service.ts';
import { BLOCK_LIFTED } from './notifications.ts';

/** Blocks per message that cost a transaction. */
const BLOCKS_OF_A_WRITE = 5;

/** Receives the blocks that agents report; lifted blocks are sent to an agent until it no longer reports them. */
@Injectable()
export class BlocksLink implements LinkPart, OnModuleInit, OnModuleDestroy {
  readonly takes: LinkPart['takes'] = {
    standingBlocks: {
      writes: ({ blocks }) => Math.max(1, blocks.length / BLOCKS_OF_A_WRITE),
      take: async (session, standing) => this.lift(session, await this.blocks.take(session.identity, standing)),
    },
  };
  private stopListening: (() => void) | undefined;

  constructor(
    @Inject(LinkParts) private readonly link: LinkParts,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(BlocksService) private readonly blocks: BlocksService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.link.add(this);
    const lift = (session: Session): void => {
      this.opened(session).catch((error: unknown) =>
        this.logger.warn({ gateway: session.identity.gatewayId, err: error }, 'a block could not be lifted'),
      );
    };
    this.stopListening = this.notifications.on(
      BLOCK_LIFTED,
      (gatewayId) =>
        this.sessions
          .all()
          .filter(({ identity }) => identity.gatewayId === gatewayId)
          .forEach(lift),
      // Notifications were missed, so any gateway may have a block to lift.
      () => this.sessions.all().forEach(lift),
    );
  }

  onModuleDestroy(): void {
    this.stopListening?.();
  }

  async opened(session: Session): Promise<void> {
    this.lift(session, await this.blocks.toLift(session.identity));
  }

  private lift(session: Session, ids: string[]): void {
    if (ids.length > 0) session.send({ $case: 'liftBlocks', value: { ids } });
  }
}
