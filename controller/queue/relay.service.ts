import { Inject, Injectable } from '@nestjs/common';
import { LateCommandsService } from '../flushes/late-commands.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
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
    @Inject(Queues) private readonly queues: Queues,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Queues what the outbox holds. */
  async relay(): Promise<void> {
    const now = this.clock();
    await this.outbox.relay(new Date(now), new Date(now - STALE_MS), (row) => this.queues.add('ctfleet-deliver', 'deliver', { gatewayId: row.gateway_id }, row.id));
  }

  /** Ends commands that came too late. */
  async sweep(): Promise<void> {
    await this.late.sweep();
  }
}
