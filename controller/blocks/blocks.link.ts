import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import { LinkParts, type LinkPart } from '../link/link-parts.service.ts';
import type { Session } from '../link/session.ts';
import { Sessions } from '../link/sessions.service.ts';
import { BatchedReads } from '../platform/batched-reads.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { BlocksService } from './blocks.service.ts';
import { BLOCK_LIFTED } from './notifications.ts';

/** Blocks per message that cost a transaction. */
const BLOCKS_OF_A_WRITE = 5;
/** Sessions that are read for at once. */
const MAX_AT_ONCE = 200;

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
  /** Of sessions that are opened at the same moment. */
  private readonly toLift = new BatchedReads((gateways: GatewayIdentity[]) => this.blocks.toLift(gateways), MAX_AT_ONCE);

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
    this.lift(session, await this.toLift.of(session.identity));
  }

  private lift(session: Session, ids: string[]): void {
    if (ids.length > 0) session.send({ $case: 'liftBlocks', value: { ids } });
  }
}
