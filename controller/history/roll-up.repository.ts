import { Injectable } from '@nestjs/common';
import { Prisma } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import { RISES, ROLL_UP_COLUMNS, type RolledColumn } from './columns.ts';

/** Samples by when they were stored, from `from` to before `to`. `isLast` if nothing more is stored yet. */
export interface StoredSpan {
  from: Date;
  to: Date;
  isLast: boolean;
}

/** No transaction takes longer between the time that its rows have and the moment at which others see them. */
const LONGEST_TRANSACTION = '30 seconds';
/** What is rolled up in one transaction: a worker that was away catches up in several. */
const SPAN = '5 minutes';
/** An increase is counted over at most this long. */
const LONGEST_RISE = '10 minutes';

/**
 * Roll-ups are recomputed from the stored samples, so repeating one changes nothing. Computed is only what has new samples: of each gateway
 * and hour, the minutes from the first of them to the last, and the one whose first sample rises from there.
 */
@Injectable()
export class RollUpRepository {
  /**
   * What is to be rolled up next; undefined if another worker is at it, or began less than `notAgainMs` ago. The turn ends with the
   * transaction.
   */
  async takeTurn(t: Transaction, now: Date, notAgainMs: number): Promise<StoredSpan | undefined> {
    const since = new Date(now.getTime() - notAgainMs);
    // A clock that was ahead must not hold back the others.
    const [turn] = await t.$queryRaw<{ stored_until: Date }[]>`
      SELECT stored_until FROM roll_up WHERE ran_at <= ${since} OR ran_at > ${now} FOR UPDATE SKIP LOCKED`;
    if (!turn) return undefined;
    await t.$executeRaw`UPDATE roll_up SET ran_at = ${now}`;
    const [span] = await t.$queryRaw<{ from: Date; to: Date; now: Date }[]>`
      SELECT first AS "from", least(now(), first + ${SPAN}::interval) AS "to", now() AS now FROM (
        SELECT coalesce(min(stored_at), now()) AS first FROM sample
        WHERE stored_at >= ${turn.stored_until}::timestamptz - ${LONGEST_TRANSACTION}::interval
      ) AS found`;
    return { from: span!.from, to: span!.to, isLast: span!.to >= span!.now };
  }

  async setDone(t: Transaction, { to }: StoredSpan): Promise<void> {
    await t.$executeRaw`UPDATE roll_up SET stored_until = ${to}`;
  }

  /**
   * Samples to minutes. An increase is counted in the minute in which it ends, even from a sample in an earlier minute; after a restart,
   * what came after it is counted.
   */
  async minutes(t: Transaction, span: StoredSpan): Promise<void> {
    await t.$executeRaw`
      ${due(span)}
      INSERT INTO sample_minute (tenant_id, gateway_id, at, samples, ${NAMES}, breakdown)
      SELECT rolled.* FROM due
      CROSS JOIN LATERAL (
        SELECT coalesce(max(at) FILTER (WHERE at >= due.first - ${LONGEST_RISE}::interval), due.first) AS start FROM (
          SELECT at FROM sample WHERE gateway_id = due.id AND at < due.first ORDER BY at DESC LIMIT 1
        ) AS newest
      ) AS before
      CROSS JOIN LATERAL (
        SELECT tenant_id, gateway_id, date_bin('1 minute', at, 'epoch'), count(*),
          ${columns(({ fromSamples }) => fromSamples)}, ${NEWEST_BREAKDOWN}
        FROM (
          SELECT *, ${Prisma.raw(RISES)}
          FROM sample WHERE gateway_id = due.id AND at >= before.start AND at < due.until
          WINDOW gateway AS (ORDER BY at)
        ) AS risen
        WHERE at >= due.first
        GROUP BY 1, 2, 3
      ) AS rolled
      ${REPLACE}`;
  }

  /** Minutes to hours, after `minutes` of the same span. */
  async hours(t: Transaction, span: StoredSpan): Promise<void> {
    await t.$executeRaw`
      ${due(span)}
      INSERT INTO sample_hour (tenant_id, gateway_id, at, samples, ${NAMES}, breakdown)
      SELECT rolled.* FROM due
      CROSS JOIN LATERAL (
        SELECT tenant_id, gateway_id, due.hour, sum(samples),
          ${columns(({ fromRollUps }) => fromRollUps)}, ${NEWEST_BREAKDOWN}
        FROM sample_minute WHERE gateway_id = due.id AND at >= due.hour AND at < due.hour + interval '1 hour'
        GROUP BY 1, 2
      ) AS rolled
      ${REPLACE}`;
  }
}

/**
 * One row for each gateway and hour with new samples: its minutes from `first` to before `until`. A neighbour is searched without an end:
 * with one, the planner expects a single row and reads all between. Behind the wall between tenants an index is searched by plain values
 * only, not by what `coalesce` says.
 */
function due({ from, to }: StoredSpan): Prisma.Sql {
  return Prisma.sql`
    WITH stored AS MATERIALIZED (
      SELECT gateway_id AS id, min(at) AS first, max(at) AS last FROM sample WHERE stored_at >= ${from} AND stored_at < ${to}
      GROUP BY gateway_id, date_bin('1 hour', at, 'epoch')
    ),
    due AS MATERIALIZED (
      SELECT id, date_bin('1 hour', at, 'epoch') AS hour,
        date_bin('1 minute', min(at), 'epoch') AS first, date_bin('1 minute', max(at), 'epoch') + interval '1 minute' AS until
      FROM (
        SELECT id, unnest(ARRAY[first, last, CASE WHEN next.at <= last + ${LONGEST_RISE}::interval THEN next.at END]) AS at FROM stored
        LEFT JOIN LATERAL (
          SELECT at FROM sample WHERE gateway_id = stored.id AND at > stored.last ORDER BY at LIMIT 1
        ) AS next ON true
      ) AS touched
      WHERE at IS NOT NULL GROUP BY 1, 2
    )`;
}

function columns(text: (column: RolledColumn) => string): Prisma.Sql {
  return Prisma.raw(ROLL_UP_COLUMNS.map(text).join(', '));
}

const NAMES = columns(({ name }) => `"${name}"`);
const NEWEST_BREAKDOWN = Prisma.sql`(array_agg(breakdown ORDER BY at DESC) FILTER (WHERE breakdown IS NOT NULL))[1]`;
const REPLACE = Prisma.sql`
  ON CONFLICT (gateway_id, at) DO UPDATE SET samples = excluded.samples, breakdown = excluded.breakdown,
    ${columns(({ name }) => `"${name}" = excluded."${name}"`)}`;
