import { Inject, Injectable } from '@nestjs/common';
import { distinctGrants, type Grant, type Role } from '../../proto/model/access.ts';
import type { Caller } from '../platform/caller.ts';
import { Database } from '../platform/database.ts';
import type { BearerText } from './secret-texts.ts';

/** Uses are recorded this coarsely. */
export const TOUCH_MS = 60_000;

/** A secret that is stored, and who calls with it while it is valid. */
export interface Bearer {
  secretHash: Uint8Array;
  expiresAt: Date;
  /** Revoked, or its holder is suspended. */
  isEnded: boolean;
  lastUsedAt: Date | null;
  caller: Caller;
}

/**
 * Grants and the secrets of tokens and service accounts. They are read before the caller's scope is known, so this sees all tenants and
 * reads one user or secret only.
 */
@Injectable()
export class CallersRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Given by people, by groups and by providers. */
  async grantsOf(userId: string): Promise<Grant[]> {
    const rows = await this.database.unscoped.$queryRaw<
      { role: string; tenantId: string | null }[]
    >`SELECT role, tenant_id AS "tenantId" FROM grants_of(${userId})`;
    return distinctGrants(rows.map(toGrant));
  }

  /** True if a tenant in which this person has a role demands a second factor. */
  async isSecondFactorDemanded(userId: string): Promise<boolean> {
    const [row] = await this.database.unscoped.$queryRaw<{ is: boolean }[]>`SELECT second_factor_demanded_of(${userId}) AS is`;
    return row?.is ?? false;
  }

  /** Undefined if there is no such secret. Whether it is valid is for the caller to decide. */
  async findBearer({ kind, id }: Pick<BearerText, 'kind' | 'id'>): Promise<Bearer | undefined> {
    return kind === 'ctfp' ? this.findToken(id) : this.findAccountSecret(id);
  }

  /** Records a use, unless another within the minute before has been recorded. */
  async touch({ kind, id }: Pick<BearerText, 'kind' | 'id'>, now: Date): Promise<void> {
    const before = new Date(now.getTime() - TOUCH_MS);
    const change = { where: { id, OR: [{ lastUsedAt: null }, { lastUsedAt: { lt: before } }] }, data: { lastUsedAt: now } };
    await this.database.transact('all', (t) =>
      kind === 'ctfp' ? t.apiToken.updateMany(change) : t.serviceAccountSecret.updateMany(change),
    );
  }

  /** With its owner's grants as the ceiling. */
  private async findToken(id: string): Promise<Bearer | undefined> {
    const row = await this.database.transact('all', (t) =>
      t.apiToken.findUnique({ where: { id }, include: { user: { include: { grants: true } } } }),
    );
    if (!row) return undefined;
    const { secretHash, expiresAt, lastUsedAt, name, userId, user } = row;
    const caller: Caller = { kind: 'token', id, name, userId, grants: [toGrant(row)], ceiling: user.grants.map(toGrant) };
    return { secretHash, expiresAt, lastUsedAt, isEnded: row.revokedAt !== null || user.suspendedAt !== null, caller };
  }

  /** Ends with its account, or before it after a rotation. */
  private async findAccountSecret(id: string): Promise<Bearer | undefined> {
    const row = await this.database.transact('all', (t) =>
      t.serviceAccountSecret.findUnique({ where: { id }, include: { account: true } }),
    );
    if (!row) return undefined;
    const { account, secretHash, lastUsedAt, endsAt, shownToId } = row;
    const caller: Caller = {
      kind: 'service-account',
      id: account.id,
      name: `service account ${account.name}`,
      userId: shownToId,
      grants: [toGrant(account)],
      actions: account.actions.length > 0 ? account.actions : undefined,
    };
    const expiresAt = endsAt !== null && endsAt < account.expiresAt ? endsAt : account.expiresAt;
    return { secretHash, expiresAt, lastUsedAt, isEnded: account.suspendedAt !== null, caller };
  }
}

/** A row of role_grant, api_token or service_account, as a grant. */
export function toGrant(row: { role: string; tenantId: string | null }): Grant {
  return { role: row.role as Role, tenantId: row.tenantId };
}
