import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { GatewaysModule } from '../gateways/gateways.module.ts';
import { LinkModule } from '../link/link.module.ts';
import { nounModule } from '../platform/noun-module.ts';
import { PoliciesController } from './policies.controller.ts';
import { PoliciesService } from './policies.service.ts';
import { SavedPoliciesController } from './saved-policies.controller.ts';
import { SavedPoliciesRepository } from './saved-policies.repository.ts';
import { SavedPoliciesService } from './saved-policies.service.ts';

/** How gateways track. */
@Module({})
export class PoliciesModule {
  static readonly with = nounModule(PoliciesModule, {
    uses: [LinkModule.with, AuditModule.with, GatewaysModule.with],
    providers: [PoliciesService, SavedPoliciesRepository, SavedPoliciesService],
    controllers: [PoliciesController, SavedPoliciesController],
  });
}
