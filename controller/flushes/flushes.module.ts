import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.ts';
import { AuditModule } from '../audit/audit.module.ts';
import { CommandIssueService } from './issue.service.ts';
import { CommandsRepository } from './commands.repository.ts';
import { DeadlinesService } from './deadlines.service.ts';
import { DeliveryService } from './delivery.service.ts';
import { FlushEventsService } from './flush-events.service.ts';
import { FlushesController } from './flushes.controller.ts';
import { FlushesJobs } from './flushes.jobs.ts';
import { FlushesLink } from './flushes.link.ts';
import { FlushesRepository } from './flushes.repository.ts';
import { FlushesService } from './flushes.service.ts';
import { GatewaysModule } from '../gateways/gateways.module.ts';
import { LinkModule } from '../link/link.module.ts';
import { OutboxRepository } from './outbox.repository.ts';
import { PlansModule } from '../plans/plans.module.ts';
import { ProgressService } from './progress.service.ts';
import { QueueModule } from '../queue/queue.module.ts';
import { RelayService } from './relay.service.ts';
import { ResultsService } from './results.service.ts';
import { RetriesService } from './retries.service.ts';
import { StartsService } from './starts.service.ts';
import { StopsService } from './stops.service.ts';
import { UndoService } from './undo.service.ts';
import { WavesService } from './waves.service.ts';
import { WanEventsModule } from '../wan-events/wan-events.module.ts';
import { nounModule } from '../platform/noun-module.ts';

/** Carries out plans. */
@Module({})
export class FlushesModule {
  static readonly with = nounModule(FlushesModule, {
    uses: [
      WanEventsModule.with,
      LinkModule.with,
      QueueModule.with,
      AuditModule.with,
      AccessModule.with,
      GatewaysModule.with,
      PlansModule.with,
    ],
    providers: [
      CommandIssueService,
      CommandsRepository,
      DeadlinesService,
      DeliveryService,
      FlushEventsService,
      FlushesRepository,
      FlushesService,
      ProgressService,
      ResultsService,
      RetriesService,
      StartsService,
      StopsService,
      UndoService,
      WavesService,
    ],
    exports: [CommandsRepository, FlushEventsService, FlushesRepository, FlushesService, StartsService, StopsService],
    controllers: [FlushesController],
    link: [FlushesLink],
    work: [OutboxRepository, RelayService, FlushesJobs],
  });
}
