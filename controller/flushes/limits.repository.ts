import { Injectable } from '@nestjs/common';
import type { Limits } from '../../proto/http/limits.ts';
import type { Transaction } from '../platform/database.ts';
import { DEFAULT_LIMITS } from './limits.ts';

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

  async set(t: Transaction, tenantId: string, limits: Limits): Promise<void> {
    await t.tenantLimits.upsert({ where: { tenantId }, create: { tenantId, ...limits }, update: limits });
  }
}
