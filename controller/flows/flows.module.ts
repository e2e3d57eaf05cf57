import { Module } from '@nestjs/common';
import { FlowsController } from './flows.controller.ts';
import { FlowsService } from './flows.service.ts';
import { GatewaySearchService } from './gateway-search.service.ts';
import { SearchingService } from './searching.service.ts';
import { AccessModule } from '../access/access.module.ts';
import { GatewaysModule } from '../gateways/gateways.module.ts';
import { LinkModule } from '../link/link.module.ts';
import { nounModule } from '../platform/noun-module.ts';

/** Searches across the fleet. */
@Module({})
export class FlowsModule {
  static readonly with = nounModule(FlowsModule, {
    uses: [LinkModule.with, AccessModule.with, GatewaysModule.with],
    providers: [FlowsService, GatewaySearchService, SearchingService],
    exports: [FlowsService, SearchingService],
    controllers: [FlowsController],
  });
}
