import { Module } from '@nestjs/common';
import { HistoryJobs } from './history.jobs.ts';
import { HistoryLink } from './history.link.ts';
import { HistoryService } from './history.service.ts';
import { Ingest } from './ingest.service.ts';
import { LinkModule } from '../link/link.module.ts';
import { QueueModule } from '../queue/queue.module.ts';
import { RollUpRepository } from './roll-up.repository.ts';
import { SamplesController } from './samples.controller.ts';
import { SamplesRepository } from './samples.repository.ts';
import { nounModule } from '../platform/noun-module.ts';

/** Samples and their roll-ups. */
@Module({})
export class HistoryModule {
  static readonly with = nounModule(HistoryModule, {
    uses: [LinkModule.with, QueueModule.with],
    providers: [HistoryService, Ingest, RollUpRepository, SamplesRepository],
    exports: [HistoryService, Ingest],
    controllers: [SamplesController],
    link: [HistoryLink],
    work: [HistoryJobs],
  });
}
