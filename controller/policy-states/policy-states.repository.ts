import { Injectable } from '@nestjs/common';
import type { PolicyState } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { DriftMerge, DriftRow } from './drift-merge.ts';
import type { Reported } from './reported.ts';

const DAY_MS = 86_400_000;
/** Of one gateway; the audit trail has all of them. */
const MAX_OVER = 200;
/** More than is kept of a gateway. */
const MAX_DRIFT = 1000;

export interface Gateway {
  gatewayId: string;
  tenantId: string;
}

/** What gateways told last. */
@Injectable()
export class PolicyStatesRepository {
  async keep(t: Transaction, { gatewayId, tenantId }: Gateway, state: Reported['state'], reportedAt: Date): Promise<void> {
    const values = { ...state, tenantId, reportedAt };
    await t.policyState.upsert({ where: { gatewayId }, create: { gatewayId, ...values }, update: values });
  }

  /** One report of a gateway after the other. */
  async lock(t: Transaction, gatewayId: string): Promise<void> {
    await t.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`policy state of ${gatewayId}`}, 0))`;
  }

  async states(t: Transaction, gatewayIds: readonly string[]): Promise<Map<string, PolicyState>> {
    const rows = await t.policyState.findMany({ where: { gatewayId: { in: [...gatewayIds] } } });
    return new Map(rows.map((row) => [row.gatewayId, row]));
  }

  /** Which roll-out each of these commands is of, for those that the caller may see. */
  async rollouts(t: Transaction, commandIds: readonly string[]): Promise<Map<string, string>> {
    const commands = await t.command.findMany({ where: { id: { in: [...commandIds] } }, select: { id: true, flushId: true } });
    const seen = await t.flush.findMany({ where: { id: { in: commands.map(({ flushId }) => flushId) } }, select: { id: true } });
    const ids = new Set(seen.map(({ id }) => id));
    return new Map(commands.flatMap(({ id, flushId }) => (ids.has(flushId) ? [[id, flushId] as const] : [])));
  }

  /** How many values differ on each gateway that nobody has ignored. */
  async open(t: Transaction, gatewayIds: readonly string[]): Promise<Map<string, number>> {
    const counts = await t.policyDrift.groupBy({
      by: ['gatewayId'],
      where: { gatewayId: { in: [...gatewayIds] }, state: 'open' },
      _count: true,
    });
    return new Map(counts.map(({ gatewayId, _count }) => [gatewayId, _count]));
  }

  /** Of each gateway so many at most, open ones first, then the newest. */
  async drift(t: Transaction, gatewayIds: readonly string[], most = MAX_DRIFT): Promise<Map<string, DriftRow[]>> {
    const rows = await t.$queryRaw<(DriftRow & { gatewayId: string })[]>`
      SELECT gateway_id AS "gatewayId", id, path, wanted, actual, since, process, state,
             over_at AS "overAt", resolve_way AS "resolveWay", resolve_until AS "resolveUntil"
      FROM (
        SELECT *, row_number() OVER (
          PARTITION BY gateway_id ORDER BY array_position(ARRAY['open', 'ignored', 'over'], state), since DESC, id
        ) AS place
        FROM policy_drift WHERE gateway_id = ANY (${[...gatewayIds]}::uuid[])
      ) AS placed
      WHERE place <= ${most} ORDER BY gateway_id, place`;
    return Map.groupBy(rows, ({ gatewayId }) => gatewayId);
  }

  async merge(t: Transaction, gateway: Gateway, { created, updated }: DriftMerge, now: Date): Promise<void> {
    // What is over first: of a value there is one drift at a time.
    for (const { id, path: _, ...row } of updated.toSorted((a, b) => Number(b.state === 'over') - Number(a.state === 'over')))
      await t.policyDrift.update({ where: { id }, data: withoutPlace(row) });
    const { gatewayId, tenantId } = gateway;
    if (created.length > 0) await t.policyDrift.createMany({ data: created.map((row) => ({ ...row, id: newId(), gatewayId, tenantId })) });
    await t.$executeRaw`
      DELETE FROM policy_drift WHERE gateway_id = ${gatewayId}::uuid AND state = 'over' AND (over_at < ${new Date(now.getTime() - DAY_MS)}
        OR id NOT IN (SELECT id FROM policy_drift WHERE gateway_id = ${gatewayId}::uuid AND state = 'over'
                      ORDER BY over_at DESC, id LIMIT ${MAX_OVER}))`;
  }

  /** Notes what was decided, for as long as it is worth doing. */
  async decide(t: Transaction, ids: readonly string[], resolveWay: string, resolveUntil: Date): Promise<void> {
    await t.policyDrift.updateMany({ where: { id: { in: [...ids] } }, data: { resolveWay, resolveUntil } });
  }

  /** What gateways were told to do and have not done yet. */
  async decided(
    t: Transaction,
    gatewayIds: readonly string[],
    now: Date,
  ): Promise<Pick<DriftRow & { gatewayId: string }, 'gatewayId' | 'path' | 'resolveWay'>[]> {
    return t.policyDrift.findMany({
      where: { gatewayId: { in: [...gatewayIds] }, state: { not: 'over' }, resolveUntil: { gt: now } },
      select: { gatewayId: true, path: true, resolveWay: true },
      orderBy: { path: 'asc' },
    });
  }
}

/** Columns that a report may change. */
function withoutPlace({ wanted, actual, process, state, overAt, resolveWay, resolveUntil }: Omit<DriftRow, 'id' | 'path'>) {
  return { wanted, actual, process, state, overAt, resolveWay, resolveUntil };
}
