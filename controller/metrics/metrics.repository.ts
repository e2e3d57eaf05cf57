import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import type { FlushedFlows } from './exposition.ts';

export interface TableSize { name: string; rows: bigint; bytes: bigint }

@Injectable()
export class MetricsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async flushedFlows(scope: TenantScope): Promise<FlushedFlows[]> {
    return this.database.transact(scope, (t) => t.$queryRaw<FlushedFlows[]>`
      SELECT tenant.name AS tenant, sum(deleted)::bigint AS deleted, sum(rebuilt)::bigint AS rebuilt, sum(gone)::bigint AS gone, sum(protected)::bigint AS protected,
        sum(reappeared)::bigint AS reappeared, sum(failed)::bigint AS failed, sum(indeterminate)::bigint AS indeterminate,
        sum(reset)::bigint AS reset, sum(blocked)::bigint AS blocked, sum(expiring)::bigint AS expiring, sum(restored)::bigint AS restored,
        sum(occupied)::bigint AS occupied, sum(cancelled)::bigint AS cancelled
      FROM flush_target JOIN tenant ON tenant.id = flush_target.tenant_id GROUP BY tenant.name`);
  }

  /** Every table with its indexes, the largest first; partitions count for their table. Rows as the last ANALYZE found them. */
  async tableSizes(): Promise<TableSize[]> {
    return this.database.transact('all', (t) => t.$queryRaw<TableSize[]>`
      SELECT coalesce(parent.relname, c.relname)::text AS name, sum(greatest(c.reltuples, 0))::bigint AS rows, sum(pg_total_relation_size(c.oid))::bigint AS bytes
      FROM pg_class AS c LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid LEFT JOIN pg_class AS parent ON parent.oid = i.inhparent
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') GROUP BY 1 ORDER BY bytes DESC, name`);
  }
}
