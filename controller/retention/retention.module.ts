import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { QueueModule } from '../queue/queue.module.ts';
import { RetentionController } from './retention.controller.ts';
import { RetentionJobs } from './retention.jobs.ts';
import { RetentionRepository } from './retention.repository.ts';
import { RetentionService } from './retention.service.ts';
import { nounModule } from '../platform/noun-module.ts';

/** How long everything is kept. */
@Module({})
export class RetentionModule {
  static readonly with = nounModule(RetentionModule, {
    uses: [QueueModule.with, AuditModule.with],
    providers: [RetentionRepository, RetentionService],
    exports: [RetentionService],
    controllers: [RetentionController],
    work: [RetentionJobs],
  });
}
