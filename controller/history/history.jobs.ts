import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { JobQueue } from '../queue/job-queue.ts';
import { Queues } from '../queue/queues.ts';
import { HistoryService } from './history.service.ts';

const HISTORY = new JobQueue<{ 'roll-up': object; maintain: object }>('ctfleet-history');

/** Rolls samples up every minute, and creates and drops partitions every hour. */
@Injectable()
export class HistoryJobs implements OnModuleInit, OnApplicationBootstrap {
  constructor(
    @Inject(HistoryService) private readonly history: HistoryService,
    @Inject(Queues) private readonly queues: Queues,
  ) {}

  onModuleInit(): void {
    this.queues.every(HISTORY, 'roll-up', 60_000);
    this.queues.every(HISTORY, 'maintain', 3_600_000);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.history.maintain();
    this.queues.work(HISTORY, 1, { 'roll-up': () => this.history.rollUp(), maintain: () => this.history.maintain() });
  }
}
