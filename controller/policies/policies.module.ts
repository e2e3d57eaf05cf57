import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { GatewaysModule } from '../gateways/gateways.module.ts';
import { HistoryModule } from '../history/history.module.ts';
import { LinkModule } from '../link/link.module.ts';
import { nounModule } from '../platform/noun-module.ts';
import { AttachedPolicies } from './attached-policies.service.ts';
import { GatewayReadings } from './gateway-readings.service.ts';
import { PoliciesController } from './policies.controller.ts';
import { PoliciesService } from './policies.service.ts';
import { PolicyDocuments } from './policy-documents.service.ts';
import { PolicyDrafts } from './policy-drafts.service.ts';
import { PolicyPlansService } from './policy-plans.service.ts';
import { SavedPoliciesController } from './saved-policies.controller.ts';
import { SavedPoliciesRepository } from './saved-policies.repository.ts';
import { SavedPoliciesService } from './saved-policies.service.ts';

/** How gateways track. */
@Module({})
export class PoliciesModule {
  static readonly with = nounModule(PoliciesModule, {
    uses: [LinkModule.with, AuditModule.with, HistoryModule.with, GatewaysModule.with],
    providers: [
      AttachedPolicies,
      GatewayReadings,
      PoliciesService,
      PolicyDocuments,
      PolicyDrafts,
      PolicyPlansService,
      SavedPoliciesRepository,
      SavedPoliciesService,
    ],
    exports: [AttachedPolicies, GatewayReadings, PolicyDrafts, PolicyPlansService],
    controllers: [PoliciesController, SavedPoliciesController],
  });
}
