import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.ts';
import { AlertsModule } from '../alerts/alerts.module.ts';
import { FleetEventsService } from './fleet-events.service.ts';
import { FlushesModule } from '../flushes/flushes.module.ts';
import { FleetModule } from '../fleet/fleet.module.ts';
import { RemediationsModule } from '../remediations/remediations.module.ts';
import { LiveController } from './live.controller.ts';
import { WorkEventsService } from './work-events.service.ts';
import { nounModule } from '../platform/noun-module.ts';

/** Streams over the whole fleet. */
@Module({})
export class LiveModule {
  static readonly with = nounModule(LiveModule, {
    uses: [AccessModule.with, AlertsModule.with, FleetModule.with, FlushesModule.with, RemediationsModule.with],
    providers: [FleetEventsService, WorkEventsService],
    controllers: [LiveController],
  });
}
