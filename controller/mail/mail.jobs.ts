import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { JobQueue } from '../queue/job-queue.ts';
import { Queues } from '../queue/queues.ts';
import { WorkLoop } from '../queue/work-loop.ts';
import { MailDeliveryService } from './mail-delivery.service.ts';

const MAIL = new JobQueue<{ send: { userId: string } }>('ctfleet-mail');
const SENT_AT_ONCE = 3;

/** Hands mail that is due to the queue, whose workers send it. */
@Injectable()
export class MailJobs implements OnModuleInit, OnApplicationBootstrap {
  constructor(
    @Inject(MailDeliveryService) private readonly delivery: MailDeliveryService,
    @Inject(Queues) private readonly queues: Queues,
    @Inject(WorkLoop) private readonly loop: WorkLoop,
  ) {}

  onModuleInit(): void {
    this.loop.everyTick('requests for new passwords could not be taken', () => this.delivery.takeRequests());
    this.loop.everyTick('mail could not be handed to the queue', async () => {
      for (const { userId, tries } of await this.delivery.due()) await this.queues.add(MAIL, 'send', { userId }, `mail-${userId}-${tries}`);
    });
  }

  onApplicationBootstrap(): void {
    this.queues.work(MAIL, SENT_AT_ONCE, { send: ({ userId }) => this.delivery.send(userId) });
  }
}
