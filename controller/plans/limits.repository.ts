import { Injectable } from '@nestjs/common';
import type { Limits } from '../../proto/http/limits.ts';
import type { Transaction } from '../platform/database.ts';
import { DEFAULT_LIMITS } from './may-end.ts';

/** What tenants have set; who has set nothing has the defaults. */
@Injectable()
export class LimitsRepository {
  async ofTenants(t: Transaction, tenantIds: string[]): Promise<Map<string, Limits>> {
    const rows = await t.tenantLimits.findMany({ where: { tenantId: { in: tenantIds } } });
    const known = new Map(rows.map(({ tenantId, ...limits }) => [tenantId, limits]));
    return new Map(tenantIds.map((id) => [id, known.get(id) ?? DEFAULT_LIMITS]));
  }

  /** Undefined for a tenant that is not there or out of scope. */
  async find(t: Transaction, tenantId: string): Promise<Limits | undefined> {
    if ((await t.tenant.count({ where: { id: tenantId } })) === 0) return undefined;
    return (await this.ofTenants(t, [tenantId])).get(tenantId);
  }

  /**
   * Those who are about to end flows of these tenants take turns, so that two at once see each other's. Held to the end of the transaction;
   * taken before all other locks.
   */
  async takeTurn(t: Transaction, tenantIds: readonly string[]): Promise<void> {
    for (const tenantId of tenantIds.toSorted())
      await t.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`limits ${tenantId}`}, 0))`;
  }

  /** Flows of each gateway that were given to flushes since then to which nobody else agreed. */
  async endedAlone(
    t: Transaction,
    tenantIds: readonly string[],
    since: Date,
  ): Promise<{ tenantId: string; gatewayId: string; flows: number }[]> {
    const rows = await t.$queryRaw<{ tenant_id: string; gateway_id: string; flows: bigint }[]>`
      SELECT target.tenant_id, target.gateway_id, sum(target.planned - target.cancelled) AS flows
      FROM flush JOIN flush_target target ON target.flush_id = flush.id JOIN plan ON plan.id = flush.plan_id AND plan.subject = 'flows'
        LEFT JOIN plan_approval approval ON approval.plan_id = flush.plan_id
      WHERE flush.kind = 'run' AND flush.started_at > ${since} AND approval.plan_id IS NULL
        AND target.tenant_id = ANY(${[...tenantIds]}::uuid[])
        AND target.state NOT IN ('cancelled', 'expired', 'skipped')
      GROUP BY target.tenant_id, target.gateway_id`;
    return rows.map((row) => ({ tenantId: row.tenant_id, gatewayId: row.gateway_id, flows: Number(row.flows) }));
  }

  async set(t: Transaction, tenantId: string, limits: Limits): Promise<void> {
    await t.tenantLimits.upsert({ where: { tenantId }, create: { tenantId, ...limits }, update: limits });
  }
}
