import { Inject, Injectable } from '@nestjs/common';
import { LimitsService } from '../plans/limits.service.ts';
import { DEFAULT_LIMITS, mayEnd, type Verdict } from '../plans/may-end.ts';
import { TenantsService } from '../gateways/tenants.service.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { RemediationsRepository } from './remediations.repository.ts';
import type { RemediationRow } from './rows.ts';
import { standingOf, type Standing } from './standing.ts';

type Deciding = Pick<RemediationRow, 'tenantId' | 'document' | 'isByToken'>;

/** Checks remediations against the current limits of the tenants in which they act. */
@Injectable()
export class StandingsService {
  constructor(
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(LimitsService) private readonly limits: LimitsService,
    @Inject(RemediationsRepository) private readonly remediations: RemediationsRepository,
    @Inject(Database) private readonly database: Database,
  ) {}

  /**
   * The row as it is stored now, with its standing: decisions made since it was read count. Undefined if it was changed, enabled or
   * disabled since.
   */
  async now(row: RemediationRow): Promise<{ row: RemediationRow; standing: Standing } | undefined> {
    return this.database.transact('all', async (t) => {
      const stored = await this.remediations.find(t, row.id);
      if (!stored || stored.revision !== row.revision || stored.isEnabled !== row.isEnabled) return undefined;
      return { row: stored, standing: (await this.of(t, [stored])).get(row.id)! };
    });
  }

  /** The standing of each, by id. Callers that see one of all tenants see all tenants. */
  async of(t: Transaction, rows: readonly RemediationRow[]): Promise<Map<string, Standing>> {
    const verdicts = await this.verdicts(t, rows);
    return new Map(rows.map((row, index) => [row.id, standingOf(row, verdicts[index]!)]));
  }

  /** Whether each may act on its own if one person decided it, in the order given. */
  async verdicts(t: Transaction, rows: readonly Deciding[]): Promise<Verdict[]> {
    const all = rows.some(({ tenantId }) => tenantId === null) ? [...(await this.tenants.names(t)).keys()] : [];
    const own = rows.map(({ tenantId, document }) => (tenantId === null ? (document.scope.tenants ?? all) : [tenantId]));
    const limits = await this.limits.ofTenants(t, [...new Set(own.flat())]);
    return rows.map(({ document, isByToken }, index) =>
      mayEnd({ kind: 'remediation', document, tenantIds: own[index]!, isByToken }, (id) => limits.get(id) ?? DEFAULT_LIMITS),
    );
  }
}
