import { Injectable } from '@nestjs/common';
import type { Prisma } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';

/** The current secret first. Secrets that have ended stay until the next rotation or retention. */
const PARTS = {
  secrets: {
    orderBy: { id: 'desc' },
    select: { id: true, shownToName: true, createdAt: true, endsAt: true, lastUsedAt: true },
  },
} as const;
export type AccountRow = Prisma.ServiceAccountGetPayload<{ include: typeof PARTS }>;
type Own = Omit<AccountRow, 'secrets'>;

export interface NewSecret {
  id: string;
  accountId: string;
  secretHash: Uint8Array<ArrayBuffer>;
  shownToId: string;
  shownToName: string;
  createdAt: Date;
}

/** Accounts as a caller's tenants see them: row-level security leaves only those of the tenants in scope. */
@Injectable()
export class ServiceAccountsRepository {
  /** Oldest first, up to `limit` + 1. */
  async list(t: Transaction, { limit, after }: { limit: number; after?: string }): Promise<AccountRow[]> {
    return t.serviceAccount.findMany({
      where: { id: after ? { gt: after } : undefined },
      include: PARTS,
      orderBy: { id: 'asc' },
      take: limit + 1,
    });
  }

  async find(t: Transaction, id: string): Promise<AccountRow | undefined> {
    return (await t.serviceAccount.findUnique({ where: { id }, include: PARTS })) ?? undefined;
  }

  /** One after the other: how many accounts and secrets there may be is decided by those that are there. */
  async lockAll(t: Transaction): Promise<void> {
    await t.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('service accounts', 0))`;
  }

  /** Of the tenant, or of those over all tenants. */
  async count(t: Transaction, tenantId: string | null): Promise<number> {
    return t.serviceAccount.count({ where: { tenantId } });
  }

  async insert(t: Transaction, account: Own): Promise<void> {
    await t.serviceAccount.create({ data: account });
  }

  async update(t: Transaction, id: string, change: Partial<Own>): Promise<void> {
    await t.serviceAccount.update({ where: { id }, data: change });
  }

  async insertSecret(t: Transaction, secret: NewSecret): Promise<void> {
    await t.serviceAccountSecret.create({ data: secret });
  }

  /** Gives every secret that would go on for longer this end. */
  async endSecrets(t: Transaction, accountId: string, endsAt: Date): Promise<void> {
    await t.serviceAccountSecret.updateMany({ where: { accountId, OR: [{ endsAt: null }, { endsAt: { gt: endsAt } }] }, data: { endsAt } });
  }

  /** The same for the secrets from before the last rotation. */
  async endEarlierSecrets(t: Transaction, accountId: string, endsAt: Date): Promise<void> {
    await t.serviceAccountSecret.updateMany({ where: { accountId, endsAt: { gt: endsAt } }, data: { endsAt } });
  }

  async dropEndedSecrets(t: Transaction, accountId: string, now: Date): Promise<void> {
    await t.serviceAccountSecret.deleteMany({ where: { accountId, endsAt: { lte: now } } });
  }

  /** With its secrets. */
  async remove(t: Transaction, id: string): Promise<void> {
    await t.serviceAccount.delete({ where: { id } });
  }
}
