import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { GatewaysModule } from '../gateways/gateways.module.ts';
import { LinkModule } from '../link/link.module.ts';
import { nounModule } from '../platform/noun-module.ts';
import { PoliciesModule } from '../policies/policies.module.ts';
import { Adoption } from './adoption.service.ts';
import { DriftDecisions } from './drift-decisions.service.ts';
import { PolicyStatesController } from './policy-states.controller.ts';
import { PolicyStatesLink } from './policy-states.link.ts';
import { PolicyStatesRepository } from './policy-states.repository.ts';
import { PolicyStates } from './policy-states.service.ts';
import { WantedDigests } from './wanted-digests.service.ts';
import { PolicyReports } from './reports.service.ts';

/** How gateways stand to their policies. */
@Module({})
export class PolicyStatesModule {
  static readonly with = nounModule(PolicyStatesModule, {
    uses: [LinkModule.with, AuditModule.with, GatewaysModule.with, PoliciesModule.with],
    providers: [Adoption, DriftDecisions, PolicyReports, PolicyStates, PolicyStatesRepository, WantedDigests],
    controllers: [PolicyStatesController],
    link: [PolicyStatesLink],
  });
}
