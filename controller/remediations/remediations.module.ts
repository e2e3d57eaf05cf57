import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { ControllerRunsService } from './controller-runs.service.ts';
import { FlowsModule } from '../flows/flows.module.ts';
import { FlushesModule } from '../flushes/flushes.module.ts';
import { ForecastService } from './forecast.service.ts';
import { GatewaySetsService } from './gateway-sets.service.ts';
import { GatewaysModule } from '../gateways/gateways.module.ts';
import { HistoryModule } from '../history/history.module.ts';
import { HoldBacksService } from './hold-backs.service.ts';
import { HooksController } from './hooks.controller.ts';
import { LinkModule } from '../link/link.module.ts';
import { PlansModule } from '../plans/plans.module.ts';
import { QueueModule } from '../queue/queue.module.ts';
import { ReachService } from './reach.service.ts';
import { RemediationApprovalsService } from './remediation-approvals.service.ts';
import { RemediationsController } from './remediations.controller.ts';
import { RemediationsJobs } from './remediations.jobs.ts';
import { RemediationsLink } from './remediations.link.ts';
import { RemediationsRepository } from './remediations.repository.ts';
import { RemediationsService } from './remediations.service.ts';
import { RunsRepository } from './runs.repository.ts';
import { RunsService } from './runs.service.ts';
import { SchedulesService } from './schedules.service.ts';
import { StandingsService } from './standings.service.ts';
import { WanEventsModule } from '../wan-events/wan-events.module.ts';
import { nounModule } from '../platform/noun-module.ts';

/** What acts on its own. */
@Module({})
export class RemediationsModule {
  static readonly with = nounModule(RemediationsModule, {
    uses: [
      WanEventsModule.with,
      LinkModule.with,
      QueueModule.with,
      AuditModule.with,
      HistoryModule.with,
      GatewaysModule.with,
      FlowsModule.with,
      PlansModule.with,
      FlushesModule.with,
    ],
    providers: [
      ControllerRunsService,
      ForecastService,
      GatewaySetsService,
      HoldBacksService,
      ReachService,
      RemediationApprovalsService,
      RemediationsRepository,
      RemediationsService,
      RunsRepository,
      RunsService,
      SchedulesService,
      StandingsService,
    ],
    exports: [RunsService],
    controllers: [RemediationsController, HooksController],
    link: [RemediationsLink],
    work: [RemediationsJobs],
  });
}
