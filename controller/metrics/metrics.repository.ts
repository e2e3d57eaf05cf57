import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import type { FlushedFlows } from './exposition.ts';

@Injectable()
export class MetricsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async flushedFlows(scope: TenantScope): Promise<FlushedFlows[]> {
    return this.database.transact(
      scope,
      (t) => t.$queryRaw<FlushedFlows[]>`
      SELECT tenant.name AS tenant,
        sum(deleted)::bigint AS deleted, sum(rebuilt)::bigint AS rebuilt, sum(gone)::bigint AS gone,
        sum(protected)::bigint AS protected, sum(reappeared)::bigint AS reappeared,
        sum(failed)::bigint AS failed, sum(indeterminate)::bigint AS indeterminate,
        sum(reset)::bigint AS reset, sum(blocked)::bigint AS blocked, sum(expiring)::bigint AS expiring, sum(restored)::bigint AS restored,
        sum(occupied)::bigint AS occupied, sum(cancelled)::bigint AS cancelled
      FROM flush_target target JOIN tenant ON tenant.id = target.tenant_id
      -- Targets of roll-outs count values of a policy. A roll-out has the id of its flush.
      WHERE NOT EXISTS (SELECT FROM policy_rollout_gateway part WHERE part.plan_id = target.flush_id AND part.gateway_id = target.gateway_id)
      GROUP BY tenant.name`,
    );
  }
}
