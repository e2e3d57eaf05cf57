import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { EnrolmentController } from './enrolment.controller.ts';
import { EnrolmentGrpc } from './enrolment.grpc.ts';
import { EnrolmentRepository } from './enrolment.repository.ts';
import { EnrolmentService } from './enrolment.service.ts';
import { JoiningService } from './joining.service.ts';
import { EnrolmentRefusals } from './refusals.service.ts';
import { RolloutsController } from './rollouts.controller.ts';
import { RolloutsRepository } from './rollouts.repository.ts';
import { RolloutsService } from './rollouts.service.ts';
import { GatewaysModule } from '../gateways/gateways.module.ts';
import { IdentityModule } from '../identity/identity.module.ts';
import { nounModule } from '../platform/noun-module.ts';

/** How a gateway gets its identity. */
@Module({})
export class EnrolmentModule {
  static readonly with = nounModule(EnrolmentModule, {
    uses: [IdentityModule.with, AuditModule.with, GatewaysModule.with],
    providers: [EnrolmentRepository, EnrolmentService, EnrolmentRefusals, RolloutsRepository, RolloutsService, JoiningService],
    controllers: [EnrolmentController, RolloutsController],
    link: [EnrolmentGrpc],
  });
}
