import { Injectable } from '@nestjs/common';
import { isMean, NUMBER_NAMES, NUMBERS, type NumberName } from '../../proto/model/measures.ts';
import { Prisma } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import type { HourCondition } from './hours-of-interest.ts';
import type { Minute } from './replay.ts';

/** What is read at most: hours in which something was high, newest first, and their minutes. */
export const MAX_HOURS = 3000;

const HOUR_MS = 3_600_000;
const columnOf = (name: NumberName): string => (isMean(name) ? `${NUMBERS[name].column}_max` : NUMBERS[name].column);
const COLUMNS = Prisma.raw(NUMBER_NAMES.map((name) => `m."${columnOf(name)}"::float8 AS "${name}"`).join(', '));

@Injectable()
export class PreviewRepository {
  /** Up to `MAX_HOURS` + 1 hours of these gateways in which one of the conditions holds, newest first. */
  async hours(
    t: Transaction,
    gatewayIds: string[],
    since: Date,
    conditions: readonly HourCondition[],
  ): Promise<{ id: string; at: Date }[]> {
    const any = conditions.map(({ sql, atLeast }) => Prisma.sql`(${Prisma.raw(sql)}) >= ${atLeast}::float8`);
    return t.$queryRaw<{ id: string; at: Date }[]>`
      SELECT gateway_id AS id, at FROM sample_hour
      WHERE gateway_id = ANY (${gatewayIds}::uuid[]) AND at >= ${since} AND (${Prisma.join(any, ' OR ')})
      ORDER BY at DESC LIMIT ${MAX_HOURS + 1}`;
  }

  /** The minutes of one gateway’s hours, oldest first, the hour before each included: what held may have begun there. */
  async minutes(t: Transaction, gatewayId: string, hours: readonly Date[]): Promise<Minute[]> {
    const wanted = [...new Set(hours.flatMap((at) => [at.getTime() - HOUR_MS, at.getTime()]))].map((ms) => new Date(ms));
    const rows = await t.$queryRaw<({ at: Date } & Record<NumberName, number | null>)[]>`
      SELECT m.at, ${COLUMNS} FROM unnest(${wanted}::timestamptz[]) AS h(at)
      JOIN sample_minute m ON m.gateway_id = ${gatewayId}::uuid AND m.at >= h.at AND m.at < h.at + interval '1 hour' ORDER BY m.at`;
    return rows.map(({ at, ...numbers }) => ({
      atMs: at.getTime(),
      numbers: Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== null)),
    }));
  }

  /** The oldest minute that is kept. */
  async oldestMinute(t: Transaction, gatewayIds: string[], since: Date): Promise<Date | null> {
    const [row] = await t.$queryRaw<[{ at: Date | null }]>`
      SELECT min(at) AS at FROM sample_hour WHERE gateway_id = ANY (${gatewayIds}::uuid[]) AND at >= ${since}`;
    return row.at;
  }
}
