import { Inject, Injectable } from '@nestjs/common';
import { Prisma } from '../generated/prisma/client.ts';
import { Database, type Transaction } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import type { PointName } from '../../proto/model/measures.ts';
import { POINT_COLUMNS, RISES, SAMPLE_COLUMNS } from './columns.ts';
import type { Resolution } from './resolution.ts';
import { RECENT_MS, type Breakdown, type SampleRow } from './sample-row.ts';

/** Values are of type bigint or double precision. */
interface StoredSample {
  gateway_id: string;
  at: Date;
  cpus: SampleRow['cpus'];
  breakdown: Breakdown | null;
  [column: string]: unknown;
}

/** One bucket of a chart. Counters are increases within it. */
export type PointRow = Record<PointName, number | null> & { at: Date; breakdown: Breakdown | null };

/** The newest sample of a gateway, and the oldest of the ten minutes before it. */
export interface Recent {
  newest: SampleRow;
  older?: SampleRow;
}

const PLACE = [
  { name: 'tenant_id', type: 'uuid' },
  { name: 'gateway_id', type: 'uuid' },
  { name: 'at', type: 'timestamptz' },
  { name: 'cpus', type: 'jsonb' },
  { name: 'breakdown', type: 'jsonb' },
];
const COLUMNS = Prisma.raw([...PLACE, ...SAMPLE_COLUMNS].map(({ name }) => `"${name}"`).join(', '));
const TYPED_COLUMNS = Prisma.raw([...PLACE, ...SAMPLE_COLUMNS].map(({ name, type }) => `"${name}" ${type}`).join(', '));

@Injectable()
export class SamplesRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** A sample of a gateway as `insert` takes it. */
  toJson({ id, tenantId }: { id: string; tenantId: string }, { at, cpus, breakdown, numbers }: SampleRow): string {
    const row: Record<string, unknown> = { tenant_id: tenantId, gateway_id: id, at, cpus, breakdown };
    for (const { measure, name } of SAMPLE_COLUMNS) row[name] = numbers[measure];
    return JSON.stringify(row);
  }

  /** Stores samples of any gateways in scope; existing samples are left unchanged. */
  async insert(t: Transaction, rows: string[]): Promise<void> {
    if (rows.length === 0) return;
    await t.$executeRaw`
      INSERT INTO sample (${COLUMNS}) SELECT ${COLUMNS} FROM json_to_recordset(${`[${rows.join(',')}]`}::json) AS r(${TYPED_COLUMNS})
      ON CONFLICT (gateway_id, at) DO NOTHING`;
  }

  /**
   * The last minutes of gateways, by id; a gateway without a sample in the last hour is left out. A newest sample without a breakdown gets
   * the last one of the ten minutes: walks are rarer than counters.
   */
  async recent(t: Transaction, gatewayIds: string[], now: Date): Promise<Map<string, Recent>> {
    const since = new Date(now.getTime() - RECENT_MS);
    const rows = await t.$queryRaw<(StoredSample & { place: string })[]>`
      SELECT found.* FROM unnest(${gatewayIds}::uuid[]) AS wanted(id)
      CROSS JOIN LATERAL (SELECT at FROM sample WHERE gateway_id = wanted.id AND at >= ${since} ORDER BY at DESC LIMIT 1) AS last
      CROSS JOIN LATERAL (
        (SELECT 'newest' AS place, s.* FROM sample s WHERE s.gateway_id = wanted.id AND s.at = last.at)
        UNION ALL
        (SELECT 'older', s.* FROM sample s
          WHERE s.gateway_id = wanted.id AND s.at >= last.at - interval '10 minutes' AND s.at < last.at
          ORDER BY s.at LIMIT 1)
        UNION ALL
        (SELECT 'walked', s.* FROM sample s
          WHERE s.gateway_id = wanted.id AND s.at >= last.at - interval '10 minutes' AND s.at <= last.at AND s.breakdown IS NOT NULL
          ORDER BY s.at DESC LIMIT 1)
      ) AS found`;
    const recent = new Map<string, Recent>();
    for (const row of rows) if (row.place === 'newest') recent.set(row.gateway_id, { newest: toRow(row) });
    for (const row of rows) {
      const entry = recent.get(row.gateway_id);
      if (entry && row.place === 'older') entry.older = toRow(row);
      if (entry && row.place === 'walked') entry.newest.breakdown = row.breakdown ?? undefined;
    }
    return recent;
  }

  /** True for a gateway in scope. */
  async isGateway(scope: TenantScope, id: string): Promise<boolean> {
    return this.database.transact(scope, async (t) => (await t.gateway.count({ where: { id } })) > 0);
  }

  /** Buckets of one gateway from `from` (inclusive) to `to`, oldest first, and the times at which anything was measured. */
  async points(
    scope: TenantScope,
    gatewayId: string,
    from: Date,
    to: Date,
    resolution: Resolution,
  ): Promise<{ points: PointRow[]; gaps: { from: Date; to: Date }[] }> {
    return this.database.transact(scope, async (t) => ({
      points: await t.$queryRaw<PointRow[]>(pointsSql(gatewayId, from, to, resolution)),
      gaps: await t.$queryRaw<{ from: Date; to: Date }[]>(gapsSql(gatewayId, from, to, resolution)),
    }));
  }

  /** The minutes since then in which a table's usage rose above `percent`, newest first, at most 500. */
  async crossings(
    t: Transaction,
    gatewayIds: string[],
    percent: number,
    since: Date,
  ): Promise<{ gatewayId: string; at: Date; percent: number }[]> {
    return t.$queryRaw<{ gatewayId: string; at: Date; percent: number }[]>`
      SELECT gateway_id AS "gatewayId", at, usage AS percent FROM (
        SELECT gateway_id, at,
          (100.0 * count_max / max)::float8 AS usage,
          lag((100.0 * count_max / max)::float8) OVER (PARTITION BY gateway_id ORDER BY at) AS before
        FROM sample_minute WHERE gateway_id = ANY (${gatewayIds}::uuid[]) AND at >= ${since} AND max > 0
      ) u WHERE usage > ${percent} AND coalesce(before, 0) <= ${percent} ORDER BY at DESC LIMIT 500`;
  }
}

function pointsSql(gatewayId: string, from: Date, to: Date, resolution: Resolution): Prisma.Sql {
  const step = `${resolution.stepSeconds} seconds`;
  const bucket = Prisma.sql`date_bin(${step}::interval, at, ${from})`;
  const columns = Prisma.raw(
    POINT_COLUMNS.map(
      ({ name, fromSamples, fromRollUps }) => `(${resolution.source === 'raw' ? fromSamples : fromRollUps})::float8 AS "${name}"`,
    ).join(', '),
  );
  if (resolution.source === 'raw') {
    return Prisma.sql`
      SELECT ${bucket} AS at, ${columns}, (array_agg(breakdown ORDER BY at DESC) FILTER (WHERE breakdown IS NOT NULL))[1] AS breakdown
      FROM (
        SELECT *, ${Prisma.raw(RISES)}
        FROM sample WHERE gateway_id = ${gatewayId}::uuid AND at >= ${new Date(from.getTime() - 60_000)} AND at < ${to}
        WINDOW gateway AS (ORDER BY at)
      ) AS risen
      WHERE at >= ${from} GROUP BY 1 ORDER BY 1`;
  }
  return Prisma.sql`
    SELECT ${bucket} AS at, ${columns}, (array_agg(breakdown ORDER BY at DESC) FILTER (WHERE breakdown IS NOT NULL))[1] AS breakdown
    FROM ${tableOf(resolution)} WHERE gateway_id = ${gatewayId}::uuid AND at >= ${from} AND at < ${to} GROUP BY 1 ORDER BY 1`;
}

/** Intervals between two neighbours, or between an end of the span and its neighbour, that are longer than usual. */
function gapsSql(gatewayId: string, from: Date, to: Date, resolution: Resolution): Prisma.Sql {
  const least = `${resolution.gapSeconds} seconds`;
  return Prisma.sql`
    SELECT before AS "from", at AS "to" FROM (
      SELECT at, lag(at) OVER (ORDER BY at) AS before FROM (
        SELECT ${from}::timestamptz AS at
        UNION ALL SELECT at FROM ${tableOf(resolution)} WHERE gateway_id = ${gatewayId}::uuid AND at >= ${from} AND at < ${to}
        UNION ALL SELECT ${to}::timestamptz
      ) AS times
    ) AS steps
    WHERE at - before > ${least}::interval ORDER BY at`;
}

function tableOf(resolution: Resolution): Prisma.Sql {
  return Prisma.raw({ raw: 'sample', minute: 'sample_minute', hour: 'sample_hour' }[resolution.source]);
}

function toRow(row: StoredSample): SampleRow {
  const known = SAMPLE_COLUMNS.flatMap(({ measure, name }) => (row[name] === null ? [] : [[measure, Number(row[name])] as const]));
  return { at: row.at.toISOString(), numbers: Object.fromEntries(known), cpus: row.cpus, breakdown: row.breakdown ?? undefined };
}
