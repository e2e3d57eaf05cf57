import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { GatewaysModule } from '../gateways/gateways.module.ts';
import { nounModule } from '../platform/noun-module.ts';
import { PoliciesModule } from '../policies/policies.module.ts';
import { ExpectationsController } from './expectations.controller.ts';
import { ExpectationsService } from './expectations.service.ts';

/** Connections that helpers of gateways expect. */
@Module({})
export class ExpectationsModule {
  static readonly with = nounModule(ExpectationsModule, {
    uses: [PoliciesModule.with, GatewaysModule.with, AuditModule.with],
    providers: [ExpectationsService],
    controllers: [ExpectationsController],
  });
}
