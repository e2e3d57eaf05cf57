import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { JobQueue } from '../queue/job-queue.ts';
import { Queues } from '../queue/queues.ts';
import { WorkLoop } from '../queue/work-loop.ts';
import { ControllerRunsService } from './controller-runs.service.ts';
import { SchedulesService } from './schedules.service.ts';

const REMEDIATIONS = new JobQueue<{ due: object }>('ctfleet-remediations');

/** Runs remediations that are due, and ends runs whose flush has ended. */
@Injectable()
export class RemediationsJobs implements OnModuleInit, OnApplicationBootstrap {
  constructor(
    @Inject(ControllerRunsService) private readonly runs: ControllerRunsService,
    @Inject(SchedulesService) private readonly schedules: SchedulesService,
    @Inject(Queues) private readonly queues: Queues,
    @Inject(WorkLoop) private readonly loop: WorkLoop,
  ) {}

  onModuleInit(): void {
    this.loop.everyTick('runs could not be followed', () => this.runs.follow());
    this.loop.everyRenewal('due remediations could not be run', () => this.schedules.runDue());
    // The queue's schedules are replaced by the current ones of the remediations.
    this.loop.everyRenewal('the schedules of remediations could not be renewed', async () =>
      this.queues.scheduleAll(REMEDIATIONS, 'due', await this.schedules.wakeUps()),
    );
  }

  onApplicationBootstrap(): void {
    this.queues.work(REMEDIATIONS, 1, { due: () => this.schedules.runDue() });
  }
}
