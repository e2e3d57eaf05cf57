import { Inject, Injectable } from '@nestjs/common';
import { DeliveryService } from '../flushes/delivery.service.ts';
import { LateCommandsService } from '../flushes/late-commands.service.ts';
import { WavesService } from '../flushes/waves.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { OutboxRepository } from './outbox.repository.ts';
import { Queues } from './queues.ts';

/** Queued this long without progress means that the queue lost it. */
const STALE_MS = 30_000;

/** From Postgres to the queue, and what time does to commands. Both may be done by any number of replicas at once. */
@Injectable()
export class RelayService {
  constructor(
    @Inject(OutboxRepository) private readonly outbox: OutboxRepository,
    @Inject(LateCommandsService) private readonly late: LateCommandsService,
    @Inject(WavesService) private readonly waves: WavesService,
    @Inject(DeliveryService) private readonly delivery: DeliveryService,
    @Inject(Queues) private readonly queues: Queues,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Queues what the outbox holds. While the queue is away it delivers by itself: the queue only spreads work over replicas. */
  async relay(): Promise<void> {
    const now = this.clock();
    let isAway = false;
    await this.outbox.relay(new Date(now), new Date(now - STALE_MS), async ({ id, gateway_id: gatewayId }) => {
      if (!isAway) {
        try {
          return await this.queues.add('ctfleet-deliver', 'deliver', { gatewayId }, id);
        } catch (error) {
          this.logger.warn({ err: error }, 'the queue is away; commands are delivered without it');
          isAway = true;
        }
      }
      await this.delivery.deliverAnywhere(gatewayId);
    });
  }

  /** Ends commands that came too late. */
  async sweep(): Promise<void> {
    await this.late.sweep();
  }

  /** Begins the waves whose turn it is. */
  async moveWavesOn(): Promise<void> {
    await this.waves.sweep();
  }
}
