import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../platform/database.ts';
import type { ApiToken } from '../generated/prisma/client.ts';

/** API tokens of one person. A token over all tenants has no tenant, so these queries run over all tenants and filter by user instead. */
@Injectable()
export class TokensRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async list(userId: string, limit: number, before: string | undefined): Promise<ApiToken[]> {
    return this.database.transact('all', (t) =>
      t.apiToken.findMany({ where: { userId, id: before ? { lt: before } : undefined }, orderBy: { id: 'desc' }, take: limit + 1 }),
    );
  }

  async insert(
    token: Omit<ApiToken, 'lastUsedAt' | 'revokedAt' | 'secretHash'> & { secretHash: Uint8Array<ArrayBuffer> },
  ): Promise<ApiToken> {
    return this.database.transact('all', (t) => t.apiToken.create({ data: token }));
  }

  /** Revokes the user's own token. Returns undefined if there is no such live token. */
  async revoke(userId: string, id: string, now: Date): Promise<ApiToken | undefined> {
    return this.database.transact(
      'all',
      async (t) => (await t.apiToken.updateManyAndReturn({ where: { id, userId, revokedAt: null }, data: { revokedAt: now } }))[0],
    );
  }
}
