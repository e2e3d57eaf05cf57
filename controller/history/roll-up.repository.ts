import { Injectable } from '@nestjs/common';
import { Prisma } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import { RISES, ROLL_UP_COLUMNS, type RolledColumn } from './columns.ts';

/** A span to roll up, widened to whole buckets; of one gateway or of all in scope. */
export interface RollUpSpan {
  from: Date;
  to: Date;
  gatewayId?: string;
}

/** Roll-ups are recomputed from the stored samples, so repeating one changes nothing. */
@Injectable()
export class RollUpRepository {
  /**
   * Samples to minutes. An increase is counted in the minute in which it ends, even from a sample in an earlier minute; after a restart,
   * what came after it is counted.
   */
  async minutes(t: Transaction, span: RollUpSpan): Promise<void> {
    const { from, to, gateway } = widen(span, 60_000);
    await t.$executeRaw`
      INSERT INTO sample_minute (tenant_id, gateway_id, at, samples, ${NAMES}, breakdown)
      SELECT tenant_id, gateway_id, date_bin('1 minute', at, 'epoch'), count(*),
        ${columns(({ fromSamples }) => fromSamples)}, ${NEWEST_BREAKDOWN}
      FROM (
        SELECT *, ${Prisma.raw(RISES)}
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
      INSERT INTO sample_hour (tenant_id, gateway_id, at, samples, ${NAMES}, breakdown)
      SELECT tenant_id, gateway_id, date_bin('1 hour', at, 'epoch'), sum(samples),
        ${columns(({ fromRollUps }) => fromRollUps)}, ${NEWEST_BREAKDOWN}
      FROM sample_minute WHERE at >= ${from} AND at < ${to} ${gateway}
      GROUP BY 1, 2, 3
      ${REPLACE}`;
  }
}

function columns(text: (column: RolledColumn) => string): Prisma.Sql {
  return Prisma.raw(ROLL_UP_COLUMNS.map(text).join(', '));
}

const NAMES = columns(({ name }) => `"${name}"`);
const NEWEST_BREAKDOWN = Prisma.sql`(array_agg(breakdown ORDER BY at DESC) FILTER (WHERE breakdown IS NOT NULL))[1]`;
const REPLACE = Prisma.sql`
  ON CONFLICT (gateway_id, at) DO UPDATE SET samples = excluded.samples, breakdown = excluded.breakdown,
    ${columns(({ name }) => `"${name}" = excluded."${name}"`)}`;

function widen(span: RollUpSpan, bucketMs: number): { from: Date; to: Date; gateway: Prisma.Sql } {
  return {
    from: new Date(Math.floor(span.from.getTime() / bucketMs) * bucketMs),
    to: new Date(Math.ceil((span.to.getTime() + 1) / bucketMs) * bucketMs),
    gateway: span.gatewayId === undefined ? Prisma.empty : Prisma.sql`AND gateway_id = ${span.gatewayId}::uuid`,
  };
}
