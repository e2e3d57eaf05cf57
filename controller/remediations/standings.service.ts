import { Inject, Injectable } from '@nestjs/common';
import { LimitsRepository } from '../flushes/limits.repository.ts';
import { DEFAULT_LIMITS, mayEnd } from '../flushes/may-end.ts';
import { TenantsRepository } from '../gateways/tenants.repository.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { RemediationsRepository } from './remediations.repository.ts';
import type { RemediationRow } from './rows.ts';
import { standingOf, type Standing } from './standing.ts';

/** Holds remediations against the limits of the tenants in which they act, as these are now. */
@Injectable()
export class StandingsService {
  constructor(
    @Inject(TenantsRepository) private readonly tenants: TenantsRepository,
    @Inject(LimitsRepository) private readonly limits: LimitsRepository,
    @Inject(RemediationsRepository) private readonly remediations: RemediationsRepository,
    @Inject(Database) private readonly database: Database,
  ) {}

  /** The row as it is stored now, with where it stands: what was decided since it was read holds. Undefined if it is another one by now. */
  async now(row: RemediationRow): Promise<{ row: RemediationRow; standing: Standing } | undefined> {
    return this.database.transact('all', async (t) => {
      const stored = await this.remediations.find(t, row.id);
      if (!stored || stored.revision !== row.revision || stored.isEnabled !== row.isEnabled) return undefined;
      return { row: stored, standing: (await this.of(t, [stored])).get(row.id)! };
    });
  }

  /** Where each stands, by its id. Whoever sees one of all tenants sees all of them. */
  async of(t: Transaction, rows: readonly RemediationRow[]): Promise<Map<string, Standing>> {
    const all = rows.some(({ tenantId }) => tenantId === null) ? [...(await this.tenants.names(t)).keys()] : [];
    const own = new Map(rows.map((row) => [row.id, row.tenantId === null ? (row.document.scope.tenants ?? all) : [row.tenantId]]));
    const limits = await this.limits.ofTenants(t, [...new Set([...own.values()].flat())]);
    return new Map(rows.map((row) => {
      const asked = { kind: 'remediation', document: row.document, tenantIds: own.get(row.id)!, isByToken: row.isByToken } as const;
      return [row.id, standingOf(row, mayEnd(asked, (id) => limits.get(id) ?? DEFAULT_LIMITS))];
    }));
  }
}
