import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { JobQueue } from '../queue/job-queue.ts';
import { Queues } from '../queue/queues.ts';
import { CheckpointsService } from './checkpoints.service.ts';

const AUDIT = new JobQueue<{ checkpoint: object }>('ctfleet-audit');

/** Signs the heads of the chains every minute. */
@Injectable()
export class CheckpointsJobs implements OnModuleInit, OnApplicationBootstrap {
  constructor(
    @Inject(CheckpointsService) private readonly checkpoints: CheckpointsService,
    @Inject(Queues) private readonly queues: Queues,
  ) {}

  onModuleInit(): void {
    this.queues.every(AUDIT, 'checkpoint', 60_000);
  }

  onApplicationBootstrap(): void {
    this.queues.work(AUDIT, 1, { checkpoint: () => this.checkpoints.make() });
  }
}
