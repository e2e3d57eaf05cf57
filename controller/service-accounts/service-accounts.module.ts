import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.ts';
import { AuditModule } from '../audit/audit.module.ts';
import { nounModule } from '../platform/noun-module.ts';
import { ServiceAccountsController } from './service-accounts.controller.ts';
import { ServiceAccountsRepository } from './service-accounts.repository.ts';
import { ServiceAccountsService } from './service-accounts.service.ts';

/** The accounts of programs. */
@Module({})
export class ServiceAccountsModule {
  static readonly with = nounModule(ServiceAccountsModule, {
    uses: [AccessModule.with, AuditModule.with],
    providers: [ServiceAccountsRepository, ServiceAccountsService],
    controllers: [ServiceAccountsController],
  });
}
