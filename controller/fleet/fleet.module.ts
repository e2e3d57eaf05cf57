import { Module } from '@nestjs/common';
import { GatewaysModule } from '../gateways/gateways.module.ts';
import { nounModule } from '../platform/noun-module.ts';
import { FleetController } from './fleet.controller.ts';
import { FleetService } from './fleet.service.ts';
import { FleetStateService } from './fleet-state.service.ts';

/** The state of the fleet in memory, and what is served from it. */
@Module({})
export class FleetModule {
  static readonly with = nounModule(FleetModule, {
    uses: [GatewaysModule.with],
    providers: [FleetStateService, FleetService],
    exports: [FleetStateService, FleetService],
    controllers: [FleetController],
  });
}
