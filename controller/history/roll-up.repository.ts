import { Injectable } from '@nestjs/common';
import { Prisma } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';

/** A span to sum up, widened to whole buckets; of one gateway or of all in scope. */
export interface RollUpSpan {
  from: Date;
  to: Date;
  gatewayId?: string;
}

/** Roll-ups are recomputed from what is there, so doing one twice changes nothing. */
@Injectable()
export class RollUpRepository {
  /**
   * Samples to minutes. An increase is counted where it ends, also from a sample in an earlier minute; a restart counts what came after it.
   */
  async minutes(t: Transaction, span: RollUpSpan): Promise<void> {
    const { from, to, gateway } = widen(span, 60_000);
    const rise = (column: string): Prisma.Sql => {
      const name = Prisma.raw(column);
      return Prisma.sql`CASE WHEN ${name} >= lag(${name}) OVER gateway THEN ${name} - lag(${name}) OVER gateway WHEN lag(${name}) OVER gateway IS NOT NULL THEN ${name} END`;
    };
    await t.$executeRaw`
      INSERT INTO sample_minute (tenant_id, gateway_id, at, samples, count_sum, count_max, max, drop, early_drop, insert_failed, breakdown)
      SELECT tenant_id, gateway_id, date_bin('1 minute', at, 'epoch'), count(*), sum(count), max(count), max(max), sum(drop_rise), sum(early_drop_rise), sum(insert_failed_rise),
        (array_agg(breakdown ORDER BY at DESC) FILTER (WHERE breakdown IS NOT NULL))[1]
      FROM (
        SELECT *, ${rise('drop')} AS drop_rise, ${rise('early_drop')} AS early_drop_rise, ${rise('insert_failed')} AS insert_failed_rise
        FROM sample WHERE at >= ${new Date(from.getTime() - 600_000)} AND at < ${to} ${gateway}
        WINDOW gateway AS (PARTITION BY gateway_id ORDER BY at)
      ) AS risen
      WHERE at >= ${from}
      GROUP BY 1, 2, 3
      ${REPLACE}`;
  }

  /** Minutes to hours. */
  async hours(t: Transaction, span: RollUpSpan): Promise<void> {
    const { from, to, gateway } = widen(span, 3_600_000);
    await t.$executeRaw`
      INSERT INTO sample_hour (tenant_id, gateway_id, at, samples, count_sum, count_max, max, drop, early_drop, insert_failed, breakdown)
      SELECT tenant_id, gateway_id, date_bin('1 hour', at, 'epoch'), sum(samples), sum(count_sum), max(count_max), max(max), sum(drop), sum(early_drop), sum(insert_failed),
        (array_agg(breakdown ORDER BY at DESC) FILTER (WHERE breakdown IS NOT NULL))[1]
      FROM sample_minute WHERE at >= ${from} AND at < ${to} ${gateway}
      GROUP BY 1, 2, 3
      ${REPLACE}`;
  }
}

const REPLACE = Prisma.sql`
  ON CONFLICT (gateway_id, at) DO UPDATE SET samples = excluded.samples, count_sum = excluded.count_sum, count_max = excluded.count_max, max = excluded.max,
    drop = excluded.drop, early_drop = excluded.early_drop, insert_failed = excluded.insert_failed, breakdown = excluded.breakdown`;

function widen(span: RollUpSpan, bucketMs: number): { from: Date; to: Date; gateway: Prisma.Sql } {
  return {
    from: new Date(Math.floor(span.from.getTime() / bucketMs) * bucketMs),
    to: new Date(Math.ceil((span.to.getTime() + 1) / bucketMs) * bucketMs),
    gateway: span.gatewayId === undefined ? Prisma.empty : Prisma.sql`AND gateway_id = ${span.gatewayId}::uuid`,
  };
}
