import { Injectable } from '@nestjs/common';
import type { Grant } from '../../proto/model/access.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import { toGrant } from '../access/callers.repository.ts';
import type { Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';

const PARTS = {
  grants: {
    orderBy: { id: 'asc' },
    include: { provider: { select: { name: true } }, membership: { select: { group: { select: { id: true, name: true } } } } },
  },
  link: true,
  mail: { select: { state: true, askedAt: true, settledAt: true, failure: true } },
  accounts: { select: { password: true, providerId: true } },
  twoFactor: { select: { verified: true } },
  _count: { select: { passkeys: true } },
} as const;
export type PersonRow = Prisma.UserGetPayload<{ include: typeof PARTS }>;

/** People as a caller's tenants see them: row-level security leaves only the roles in scope, and people without one are not there. */
@Injectable()
export class PeopleRepository {
  /** Oldest first, up to `limit` + 1. Those without any role are seen by whoever sees all tenants. */
  async list(t: Transaction, scope: TenantScope, { limit, after }: { limit: number; after?: string }): Promise<PersonRow[]> {
    return t.user.findMany({
      where: { id: after ? { gt: after } : undefined, ...withRoleIn(scope) },
      include: PARTS,
      orderBy: { id: 'asc' },
      take: limit + 1,
    });
  }

  async find(t: Transaction, scope: TenantScope, id: string): Promise<PersonRow | undefined> {
    return (await t.user.findFirst({ where: { id, ...withRoleIn(scope) }, include: PARTS })) ?? undefined;
  }

  /** Those of them that the caller sees. */
  async findAll(t: Transaction, scope: TenantScope, ids: readonly string[]): Promise<{ id: string; name: string }[]> {
    return t.user.findMany({ where: { id: { in: [...ids] }, ...withRoleIn(scope) }, select: { id: true, name: true } });
  }

  /** Every role of a person, in scope or not, even of one who is suspended. */
  async allGrants(t: Transaction, id: string): Promise<Grant[]> {
    const rows = await t.$queryRaw<
      { role: string; tenantId: string | null }[]
    >`SELECT role, tenant_id AS "tenantId" FROM all_grants_of(${id})`;
    return rows.map(toGrant);
  }

  /** One after the other: whether an owner remains is decided by what is there when the transaction ends. */
  async lockOwners(t: Transaction): Promise<void> {
    await t.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('owners', 0))`;
  }

  /** How many people could sign in and give access everywhere, whatever becomes of a provider and the groups there. */
  async countOwners(t: Transaction): Promise<number> {
    return t.user.count({
      where: {
        suspendedAt: null,
        accounts: { some: { password: { not: null } } },
        grants: { some: { role: 'owner', tenantId: null, providerId: null } },
      },
    });
  }

  async insert(t: Transaction, person: { id: string; name: string; email: string; grants: Grant[] }, now: Date): Promise<void> {
    const { grants, ...own } = person;
    await t.user.create({ data: { ...own, emailVerified: true, createdAt: now, updatedAt: now } });
    await this.addGrants(t, own.id, grants, now);
  }

  async rename(t: Transaction, id: string, name: string): Promise<void> {
    await t.user.update({ where: { id }, data: { name } });
  }

  async addGrants(t: Transaction, userId: string, grants: Grant[], now: Date): Promise<void> {
    await t.roleGrant.createMany({ data: grants.map((grant) => ({ id: newId(), userId, ...grant, createdAt: now })) });
  }

  async endLinks(t: Transaction, userIds: readonly string[]): Promise<void> {
    await t.signInLink.deleteMany({ where: { userId: { in: [...userIds] } } });
  }

  /** Of those that people gave. */
  async removeGrants(t: Transaction, userId: string, grants: Grant[]): Promise<void> {
    for (const { role, tenantId } of grants)
      await t.roleGrant.deleteMany({ where: { userId, role, tenantId, providerId: null, groupId: null } });
  }

  /** Ends the sessions; tokens and streams end because the roles do not count any more. */
  async suspend(t: Transaction, id: string, now: Date): Promise<void> {
    await t.user.update({ where: { id }, data: { suspendedAt: now } });
    await t.session.deleteMany({ where: { userId: id } });
    await t.signInLink.deleteMany({ where: { userId: id } });
  }

  async resume(t: Transaction, id: string): Promise<void> {
    await t.user.update({ where: { id }, data: { suspendedAt: null } });
  }

  /** With sessions, tokens, roles and the link. */
  async remove(t: Transaction, id: string): Promise<void> {
    await t.user.delete({ where: { id } });
  }
}

function withRoleIn(scope: TenantScope): Prisma.UserWhereInput {
  return scope === 'all' ? {} : { grants: { some: { tenantId: { in: [...scope] } } } };
}
