import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { HistoryModule } from '../history/history.module.ts';
import { LinkModule } from '../link/link.module.ts';
import { nounModule } from '../platform/noun-module.ts';
import { PoliciesModule } from '../policies/policies.module.ts';
import { QueueModule } from '../queue/queue.module.ts';
import { WanEventsModule } from '../wan-events/wan-events.module.ts';
import { AlertListRepository } from './alert-list.repository.ts';
import { AlertRulesController } from './alert-rules.controller.ts';
import { AlertRulesRepository } from './alert-rules.repository.ts';
import { AlertRulesService } from './alert-rules.service.ts';
import { AlertStatesRepository } from './alert-states.repository.ts';
import { AlertWriter } from './alert-writer.service.ts';
import { AlertsController } from './alerts.controller.ts';
import { AlertsJobs } from './alerts.jobs.ts';
import { AlertsRepository } from './alerts.repository.ts';
import { AlertsService } from './alerts.service.ts';
import { MaintenanceWindowsService } from './maintenance-windows.service.ts';
import { PreviewRepository } from './preview.repository.ts';
import { AlertRulesPreview } from './preview.service.ts';
import { RulesInForceService } from './rules-in-force.service.ts';
import { SamplesJudge } from './samples-judge.service.ts';
import { Sweep } from './sweep.service.ts';
import { SweepRepository } from './sweep.repository.ts';
import { WanEventsJudge } from './wan-events-judge.service.ts';
import { WindowsRepository } from './windows.repository.ts';

/** What is raised and cleared, and by which rules. */
@Module({})
export class AlertsModule {
  static readonly with = nounModule(AlertsModule, {
    uses: [AuditModule.with, LinkModule.with, HistoryModule.with, QueueModule.with, PoliciesModule.with, WanEventsModule.with],
    providers: [
      AlertListRepository,
      AlertRulesPreview,
      AlertRulesRepository,
      AlertRulesService,
      AlertStatesRepository,
      AlertWriter,
      AlertsRepository,
      AlertsService,
      MaintenanceWindowsService,
      PreviewRepository,
      RulesInForceService,
      SweepRepository,
      WindowsRepository,
    ],
    exports: [AlertsService],
    controllers: [AlertsController, AlertRulesController],
    link: [SamplesJudge, WanEventsJudge],
    work: [AlertsJobs, Sweep],
  });
}
