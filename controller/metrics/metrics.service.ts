import { Inject, Injectable } from '@nestjs/common';
import type { Gateway } from '../../proto/http/fleet.ts';
import { AuthorityService } from '../authority/authority.service.ts';
import { GatewaysService } from '../gateways/gateways.service.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { VERSION } from '../platform/version.ts';
import { RetentionService } from '../retention/retention.service.ts';
import { toExposition } from './exposition.ts';
import { MetricsRepository } from './metrics.repository.ts';

const PAGE = 1000;

/** Collects what Prometheus reads. */
@Injectable()
export class MetricsService {
  constructor(
    @Inject(GatewaysService) private readonly gateways: GatewaysService,
    @Inject(RetentionService) private readonly retention: RetentionService,
    @Inject(AuthorityService) private readonly authority: AuthorityService,
    @Inject(MetricsRepository) private readonly repository: MetricsRepository,
  ) {}

  /** The gateways and flushes in scope as Prometheus text; table sizes and the authority only for callers that see all tenants. */
  async text(scope: TenantScope): Promise<string> {
    const gateways: Gateway[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.gateways.list(scope, { limit: PAGE, cursor });
      gateways.push(...page.items);
      ({ cursor } = page);
    } while (cursor !== undefined);
    return toExposition(
      gateways,
      await this.repository.flushedFlows(scope),
      scope === 'all' ? await this.retention.tableSizes() : [],
      VERSION,
      scope === 'all' ? await this.authority.ends() : [],
    );
  }
}
