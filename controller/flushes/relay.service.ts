import { Inject, Injectable } from '@nestjs/common';
import { DeliveryService } from './delivery.service.ts';
import { DELIVERIES } from './deliveries.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Failures } from '../platform/failures.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { OutboxRepository, type OutboxRow } from './outbox.repository.ts';
import { Queues } from '../queue/queues.ts';

/** Queued this long without progress means that the queue lost it. */
const STALE_MS = 30_000;
const AWAY = 'the queue is unavailable; commands are delivered without it';
/** Gateways per job; replicas share a large flush. */
const GATEWAYS_PER_JOB = 25;

/** Relays from Postgres to the queue; any number of replicas may do so concurrently. */
@Injectable()
export class RelayService {
  private readonly failures: Failures;

  constructor(
    @Inject(OutboxRepository) private readonly outbox: OutboxRepository,
    @Inject(DeliveryService) private readonly delivery: DeliveryService,
    @Inject(Queues) private readonly queues: Queues,
    @Inject(LOGGER) logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.failures = new Failures(logger, clock);
  }

  /** Queues the contents of the outbox. While the queue is unavailable, it delivers directly: the queue only spreads work over replicas. */
  async relay(): Promise<void> {
    const now = this.clock();
    const ownWork: string[] = [];
    const hand = async (rows: OutboxRow[]): Promise<void> => {
      for (let start = 0; start < rows.length; start += GATEWAYS_PER_JOB) {
        const part = rows.slice(start, start + GATEWAYS_PER_JOB);
        const gatewayIds = [...new Set(part.map((row) => row.gateway_id))];
        if (ownWork.length > 0 || !(await this.enqueue(gatewayIds, part[0]!.id))) ownWork.push(...gatewayIds);
      }
    };
    while (await this.outbox.relay(new Date(now), new Date(now - STALE_MS), hand)) /* the next ones */ ;
    // After the row locks are released: a result that arrives in the meantime removes its own row.
    if (ownWork.length > 0) await this.delivery.deliverAnywhere([...new Set(ownWork)]);
  }

  private async enqueue(gatewayIds: string[], id: string): Promise<boolean> {
    try {
      await this.queues.add(DELIVERIES, 'deliver', { gatewayIds }, id);
      this.failures.worked(AWAY);
      return true;
    } catch (error) {
      this.failures.failed(AWAY, error);
      return false;
    }
  }
}
