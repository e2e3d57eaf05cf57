import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { JobQueue } from '../queue/job-queue.ts';
import { Queues } from '../queue/queues.ts';
import { HistoryService } from './history.service.ts';

const HISTORY = new JobQueue<{ 'roll-up': object; maintain: object }>('ctfleet-history');

const ROLL_UP_MS = 60_000;
/** A job that the queue gives out twice runs once. */
const NOT_AGAIN_MS = ROLL_UP_MS / 2;

/** Rolls samples up every minute, and creates and drops partitions every hour. */
@Injectable()
export class HistoryJobs implements OnModuleInit, OnApplicationBootstrap {
  constructor(
    @Inject(HistoryService) private readonly history: HistoryService,
    @Inject(Queues) private readonly queues: Queues,
  ) {}

  onModuleInit(): void {
    this.queues.every(HISTORY, 'roll-up', ROLL_UP_MS);
    this.queues.every(HISTORY, 'maintain', 3_600_000);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.history.maintain();
    this.queues.work(HISTORY, 1, {
      'roll-up': async () => void (await this.history.rollUp(NOT_AGAIN_MS)),
      maintain: () => this.history.maintain(),
    });
  }
}
