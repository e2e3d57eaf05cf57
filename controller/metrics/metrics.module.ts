import { Module } from '@nestjs/common';
import { AlertsModule } from '../alerts/alerts.module.ts';
import { FleetModule } from '../fleet/fleet.module.ts';
import { AuthorityModule } from '../authority/authority.module.ts';
import { MetricsController } from './metrics.controller.ts';
import { MetricsRepository } from './metrics.repository.ts';
import { MetricsService } from './metrics.service.ts';
import { RetentionModule } from '../retention/retention.module.ts';
import { nounModule } from '../platform/noun-module.ts';

/** The Prometheus endpoint. */
@Module({})
export class MetricsModule {
  static readonly with = nounModule(MetricsModule, {
    uses: [FleetModule.with, AlertsModule.with, AuthorityModule.with, RetentionModule.with],
    providers: [MetricsRepository, MetricsService],
    controllers: [MetricsController],
  });
}
