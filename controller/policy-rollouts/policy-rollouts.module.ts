import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.ts';
import { AuditModule } from '../audit/audit.module.ts';
import { FlushesModule } from '../flushes/flushes.module.ts';
import { LinkModule } from '../link/link.module.ts';
import { nounModule } from '../platform/noun-module.ts';
import { PlansModule } from '../plans/plans.module.ts';
import { PoliciesModule } from '../policies/policies.module.ts';
import { ConfirmationsService } from './confirmations.service.ts';
import { PolicyRolloutsController } from './policy-rollouts.controller.ts';
import { PolicyRolloutsLink } from './policy-rollouts.link.ts';
import { RolloutStarts } from './rollout-starts.service.ts';
import { RolloutUndo } from './rollout-undo.service.ts';
import { RolloutsRepository } from './rollouts.repository.ts';
import { RolloutsService } from './rollouts.service.ts';

/** Puts saved policies in force on gateways. */
@Module({})
export class PolicyRolloutsModule {
  static readonly with = nounModule(PolicyRolloutsModule, {
    uses: [LinkModule.with, AuditModule.with, AccessModule.with, PlansModule.with, FlushesModule.with, PoliciesModule.with],
    providers: [RolloutStarts, RolloutUndo, RolloutsRepository, RolloutsService],
    controllers: [PolicyRolloutsController],
    link: [ConfirmationsService, PolicyRolloutsLink],
  });
}
