import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { LinkParts, type LinkPart } from '../link/link-parts.service.ts';
import type { Session } from '../link/session.ts';
import { Sessions } from '../link/sessions.service.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { BlocksService } from './blocks.service.ts';
import { BLOCK_LIFTED } from './notifications.ts';

/** Blocks in a message that cost a transaction. */
const BLOCKS_OF_A_WRITE = 5;

/** Agents say what they block; those that were lifted are named to them until they say so. */
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
      // Any gateway may have one to lift.
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
