import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../platform/database.ts';
import type { AttachedPolicy } from './layers.ts';
import { PolicyDocuments } from './policy-documents.service.ts';
import { SavedPoliciesRepository } from './saved-policies.repository.ts';
import { reaches, targetName, type Place } from './targets.ts';

/** The saved policies that reach gateways. */
@Injectable()
export class AttachedPolicies {
  constructor(
    @Inject(SavedPoliciesRepository) private readonly policies: SavedPoliciesRepository,
    @Inject(PolicyDocuments) private readonly documents: PolicyDocuments,
    @Inject(Database) private readonly database: Database,
  ) {}

  /**
   * Those of the gateways’ tenants and of the installation that reach at least one of them. The one place where policies of the
   * installation are read for somebody who does not see all tenants: what is told of them is up to `effective-view.ts`.
   */
  async on(places: readonly Place[]): Promise<AttachedPolicy[]> {
    const tenantIds = [...new Set(places.map(({ tenantId }) => tenantId))];
    const rows = await this.database.transact('all', async (t) => {
      const attached = await this.policies.attached(t, tenantIds);
      const reaching = attached.filter((row) => places.some((place) => reaches(row, place)));
      return this.policies.withDocuments(
        t,
        reaching.map(({ id }) => id),
      );
    });
    const policies: AttachedPolicy[] = [];
    for (const row of rows) {
      const { id, tenantId, level, tag, siteId, gatewayId } = row;
      policies.push({ id, tenantId, level, tag, siteId, gatewayId, of: targetName(row), document: await this.documents.of(row) });
    }
    return policies;
  }
}
