import { Inject, Injectable } from '@nestjs/common';
import type { Grant, Role } from '../../proto/model/access.ts';
import { Database } from '../platform/database.ts';

/**
 * Grants and token secrets. They are read before the caller's scope is known, so this sees all tenants and reads one user or token only.
 */
@Injectable()
export class CallersRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async grantsOf(userId: string): Promise<Grant[]> {
    const rows = await this.database.unscoped.$queryRaw<
      { role: string; tenantId: string | null }[]
    >`SELECT role, tenant_id AS "tenantId" FROM grants_of(${userId})`;
    return rows.map(toGrant);
  }

  /** True if a tenant in which this person has a role demands a second factor. */
  async isSecondFactorDemanded(userId: string): Promise<boolean> {
    const [row] = await this.database.unscoped.$queryRaw<{ is: boolean }[]>`SELECT second_factor_demanded_of(${userId}) AS is`;
    return row?.is ?? false;
  }

  /** The token with its owner's name and grants; undefined if there is none. */
  async findToken(id: string) {
    return this.database.transact(
      'all',
      async (t) => (await t.apiToken.findUnique({ where: { id }, include: { user: { include: { grants: true } } } })) ?? undefined,
    );
  }

  /** Records the use of a token, at most once a minute. */
  async touchToken(id: string, now: Date): Promise<void> {
    await this.database.transact('all', (t) =>
      t.apiToken.updateMany({
        where: { id, OR: [{ lastUsedAt: null }, { lastUsedAt: { lt: new Date(now.getTime() - 60_000) } }] },
        data: { lastUsedAt: now },
      }),
    );
  }
}

/** A row of role_grant or api_token, as a grant. */
export function toGrant(row: { role: string; tenantId: string | null }): Grant {
  return { role: row.role as Role, tenantId: row.tenantId };
}
