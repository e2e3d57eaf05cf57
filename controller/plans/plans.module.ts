import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.ts';
import { ApprovalsService } from './approvals.service.ts';
import { AuditModule } from '../audit/audit.module.ts';
import { FlowsModule } from '../flows/flows.module.ts';
import { GatewaysModule } from '../gateways/gateways.module.ts';
import { LimitsController } from './limits.controller.ts';
import { LimitsRepository } from './limits.repository.ts';
import { LimitsService } from './limits.service.ts';
import { LinkModule } from '../link/link.module.ts';
import { PlanFlowsService } from './plan-flows.service.ts';
import { FreezeService } from './freeze.service.ts';
import { PlansController } from './plans.controller.ts';
import { PlansRepository } from './plans.repository.ts';
import { PlansService } from './plans.service.ts';
import { nounModule } from '../platform/noun-module.ts';

/** What would be ended, frozen and agreed to. */
@Module({})
export class PlansModule {
  static readonly with = nounModule(PlansModule, {
    uses: [LinkModule.with, AccessModule.with, AuditModule.with, GatewaysModule.with, FlowsModule.with],
    providers: [ApprovalsService, LimitsRepository, LimitsService, PlanFlowsService, FreezeService, PlansRepository, PlansService],
    exports: [ApprovalsService, LimitsService, PlansRepository, PlansService],
    controllers: [LimitsController, PlansController],
  });
}
