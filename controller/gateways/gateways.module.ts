import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { GatewaysController } from './gateways.controller.ts';
import { GatewaysLink } from './gateways.link.ts';
import { GatewaysRepository } from './gateways.repository.ts';
import { GatewaysService } from './gateways.service.ts';
import { HistoryModule } from '../history/history.module.ts';
import { LinkModule } from '../link/link.module.ts';
import { TenantsRepository } from './tenants.repository.ts';
import { TenantsService } from './tenants.service.ts';
import { nounModule } from '../platform/noun-module.ts';

/** Tenants, sites and gateways. */
@Module({})
export class GatewaysModule {
  static readonly with = nounModule(GatewaysModule, {
    uses: [LinkModule.with, HistoryModule.with, AuditModule.with],
    providers: [GatewaysRepository, GatewaysService, TenantsRepository, TenantsService],
    exports: [GatewaysRepository, GatewaysService, TenantsService],
    controllers: [GatewaysController],
    link: [GatewaysLink],
  });
}
