import { Injectable } from '@nestjs/common';
import type { Grant } from '../../proto/model/access.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';

const PARTS = { grants: { orderBy: { id: 'asc' } }, _count: { select: { members: true } } } as const;
const ALL_PARTS = {
  ...PARTS,
  members: { orderBy: { userId: 'asc' }, select: { user: { select: { id: true, name: true, email: true } } } },
} as const;
export type GroupRow = Prisma.GroupGetPayload<{ include: typeof PARTS }>;
export type WholeGroupRow = Prisma.GroupGetPayload<{ include: typeof ALL_PARTS }>;

/** Groups as a caller's tenants see them: row-level security leaves only those all of whose roles are in scope. */
@Injectable()
export class GroupsRepository {
  /** Oldest first, up to `limit` + 1. */
  async list(t: Transaction, { limit, after }: { limit: number; after?: string }): Promise<GroupRow[]> {
    return t.group.findMany({ where: { id: after ? { gt: after } : undefined }, include: PARTS, orderBy: { id: 'asc' }, take: limit + 1 });
  }

  async find(t: Transaction, id: string): Promise<WholeGroupRow | undefined> {
    return (await t.group.findUnique({ where: { id }, include: ALL_PARTS })) ?? undefined;
  }

  /** True if another has the name, in whatever case. */
  async isNamed(t: Transaction, name: string, otherThan?: string): Promise<boolean> {
    const rows = await t.$queryRaw<{ id: string }[]>`SELECT id FROM person_group WHERE lower(name) = lower(${name})`;
    return rows.some(({ id }) => id !== otherThan);
  }

  /** How many give a role there; null: over all tenants. */
  async count(t: Transaction, tenantId: string | null): Promise<number> {
    return t.group.count({ where: { grants: { some: { tenantId } } } });
  }

  async insert(t: Transaction, group: { id: string; name: string }, grants: readonly Grant[], now: Date): Promise<void> {
    await t.group.create({ data: { ...group, revision: 1, ...placesOf(grants), createdAt: now } });
    await this.addGrants(t, group.id, grants);
  }

  /** The next revision. */
  async update(t: Transaction, id: string, name: string): Promise<void> {
    await t.group.update({ where: { id }, data: { name, revision: { increment: 1 } } });
  }

  async replaceGrants(t: Transaction, id: string, grants: readonly Grant[]): Promise<void> {
    await t.groupGrant.deleteMany({ where: { groupId: id } });
    await t.group.update({ where: { id }, data: placesOf(grants) });
    await this.addGrants(t, id, grants);
  }

  private async addGrants(t: Transaction, groupId: string, grants: readonly Grant[]): Promise<void> {
    await t.groupGrant.createMany({ data: grants.map((grant) => ({ id: newId(), groupId, ...grant })) });
  }

  async addMembers(t: Transaction, groupId: string, userIds: readonly string[]): Promise<void> {
    await t.groupMember.createMany({ data: userIds.map((userId) => ({ groupId, userId })) });
  }

  /** With what the group gave them. */
  async removeMembers(t: Transaction, groupId: string, userIds: readonly string[]): Promise<void> {
    await t.groupMember.deleteMany({ where: { groupId, userId: { in: [...userIds] } } });
  }

  /** Gives each member each role of the group, and takes what it no longer has. Returns who has a role more. */
  async writeRights(t: Transaction, groupId: string, now: Date): Promise<string[]> {
    await t.$executeRaw`DELETE FROM role_grant WHERE group_id = ${groupId}::uuid AND NOT EXISTS (
      SELECT FROM person_group_grant AS given WHERE given.group_id = role_grant.group_id
        AND given.role = role_grant.role AND given.tenant_id IS NOT DISTINCT FROM role_grant.tenant_id)`;
    const rows = await t.$queryRaw<{ userId: string }[]>`WITH made AS (
        INSERT INTO role_grant (id, user_id, role, tenant_id, group_id, created_at)
        SELECT gen_random_uuid(), member.user_id, given.role, given.tenant_id, given.group_id, ${now}
        FROM person_group_member AS member JOIN person_group_grant AS given USING (group_id)
        WHERE group_id = ${groupId}::uuid
        ON CONFLICT DO NOTHING RETURNING user_id)
      SELECT DISTINCT user_id AS "userId" FROM made`;
    return rows.map(({ userId }) => userId);
  }

  /** With its members, and what it gave them. */
  async remove(t: Transaction, id: string): Promise<void> {
    await t.group.delete({ where: { id } });
  }
}

function placesOf(grants: readonly Grant[]): { isOverAll: boolean; tenantIds: string[] } {
  const tenantIds = new Set(grants.flatMap(({ tenantId }) => tenantId ?? []));
  return { isOverAll: grants.some(({ tenantId }) => tenantId === null), tenantIds: [...tenantIds] };
}
