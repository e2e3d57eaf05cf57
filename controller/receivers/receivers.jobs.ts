import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { JobQueue } from '../queue/job-queue.ts';
import { Queues } from '../queue/queues.ts';
import { WorkLoop } from '../queue/work-loop.ts';
import { DeliveryService } from './delivery.service.ts';

const DELIVERIES = new JobQueue<{ send: { deliveryId: string } }>('ctfleet-deliveries');
const SENT_AT_ONCE = 5;

/** Plans what is told to whom, and hands what is due to the queue, whose workers send it. */
@Injectable()
export class ReceiversJobs implements OnModuleInit, OnApplicationBootstrap {
  constructor(
    @Inject(DeliveryService) private readonly delivery: DeliveryService,
    @Inject(Queues) private readonly queues: Queues,
    @Inject(WorkLoop) private readonly loop: WorkLoop,
  ) {}

  onModuleInit(): void {
    this.loop.everyTick('what happened to alerts could not be told', () => this.delivery.plan());
    this.loop.everyTick('nobody could be reminded of what is raised', () => this.delivery.remind());
    this.loop.everyTick('alerts could not be handed to the queue', async () => {
      for (const { id, attempts } of await this.delivery.due())
        await this.queues.add(DELIVERIES, 'send', { deliveryId: id }, `delivery-${id}-${attempts}`);
    });
  }

  onApplicationBootstrap(): void {
    this.queues.work(DELIVERIES, SENT_AT_ONCE, { send: ({ deliveryId }) => this.delivery.send(deliveryId) });
  }
}
