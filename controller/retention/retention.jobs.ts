import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { JobQueue } from '../queue/job-queue.ts';
import { Queues } from '../queue/queues.ts';
import { RetentionService } from './retention.service.ts';

const RETENTION = new JobQueue<{ drop: object }>('ctfleet-retention');

/** Deletes expired rows every hour. */
@Injectable()
export class RetentionJobs implements OnModuleInit, OnApplicationBootstrap {
  constructor(
    @Inject(RetentionService) private readonly retention: RetentionService,
    @Inject(Queues) private readonly queues: Queues,
  ) {}

  onModuleInit(): void {
    this.queues.every(RETENTION, 'drop', 3_600_000);
  }

  onApplicationBootstrap(): void {
    this.queues.work(RETENTION, 1, { drop: () => this.retention.drop() });
  }
}
