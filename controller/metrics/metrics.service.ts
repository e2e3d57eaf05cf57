import { Inject, Injectable } from '@nestjs/common';
import { AlertsService } from '../alerts/alerts.service.ts';
import { AuthorityService } from '../authority/authority.service.ts';
import { FleetService } from '../fleet/fleet.service.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { VERSION } from '../platform/version.ts';
import { RetentionService } from '../retention/retention.service.ts';
import { toExposition } from './exposition.ts';
import { MetricsRepository } from './metrics.repository.ts';

/** Collects what Prometheus reads. */
@Injectable()
export class MetricsService {
  constructor(
    @Inject(FleetService) private readonly fleet: FleetService,
    @Inject(RetentionService) private readonly retention: RetentionService,
    @Inject(AuthorityService) private readonly authority: AuthorityService,
    @Inject(AlertsService) private readonly alerts: AlertsService,
    @Inject(MetricsRepository) private readonly repository: MetricsRepository,
  ) {}

  /**
   * The gateways and flushes in scope as Prometheus text, in pieces; table sizes and the authority only for callers that see all tenants.
   * Gateways come from the fleet's state; the rest costs a few readings a scrape, before the first piece: an error is an answer of its own.
   */
  async text(scope: TenantScope): Promise<AsyncGenerator<string, void>> {
    const { gateways, asOf } = await this.fleet.everything(scope);
    return toExposition(gateways, {
      flushed: await this.repository.flushedFlows(scope),
      tables: scope === 'all' ? await this.retention.tableSizes() : [],
      authority: scope === 'all' ? await this.authority.ends() : [],
      alerts: await this.alerts.counts(scope),
      version: VERSION,
      asOf,
    });
  }
}
