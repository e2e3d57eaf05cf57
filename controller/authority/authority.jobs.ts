import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { JobQueue } from '../queue/job-queue.ts';
import { Queues } from '../queue/queues.ts';
import { AuthorityCareService } from './authority-care.service.ts';

const AUTHORITY = new JobQueue<{ look: object }>('ctfleet-authority');

/** Looks after the authority every hour. */
@Injectable()
export class AuthorityJobs implements OnModuleInit, OnApplicationBootstrap {
  constructor(
    @Inject(AuthorityCareService) private readonly care: AuthorityCareService,
    @Inject(Queues) private readonly queues: Queues,
  ) {}

  onModuleInit(): void {
    this.queues.every(AUTHORITY, 'look', 3_600_000);
  }

  onApplicationBootstrap(): void {
    this.queues.work(AUTHORITY, 1, { look: () => this.care.look() });
  }
}
