import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import { GatewaysModule } from '../gateways/gateways.module.ts';
import { LinkModule } from '../link/link.module.ts';
import { nounModule } from '../platform/noun-module.ts';
import { AftermathsRepository } from './aftermaths.repository.ts';
import { WanEventsController } from './wan-events.controller.ts';
import { WanEventsLink } from './wan-events.link.ts';
import { WanEventsRepository } from './wan-events.repository.ts';
import { WanEventsService } from './wan-events.service.ts';

/** Failovers, each as one record, and whether what was done about them helped. */
@Module({})
export class WanEventsModule {
  static readonly with = nounModule(WanEventsModule, {
    uses: [AuditModule.with, GatewaysModule.with, LinkModule.with],
    providers: [AftermathsRepository, WanEventsRepository, WanEventsService],
    exports: [WanEventsService],
    controllers: [WanEventsController],
    link: [WanEventsLink],
  });
}
