import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { id as idSchema } from '../../proto/http/common.ts';
import {
  MAX_GROUPS,
  MAX_RIGHTS_OF_GROUP,
  type createGroup,
  type group,
  type groupWithMembers,
  type updateGroup,
} from '../../proto/http/groups.ts';
import type { Grant } from '../../proto/model/access.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { toGrant } from '../access/callers.repository.ts';
import { assertMayGive, isOwnerOfAll } from '../access/may-give.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { assertOwnerRemains } from '../people/last-owner.ts';
import { PeopleRepository } from '../people/people.repository.ts';
import type { Caller } from '../platform/caller.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { parseCursor, toPage, type Page } from '../platform/cursor.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { GroupsRepository, type GroupRow, type WholeGroupRow } from './groups.repository.ts';
import { entriesOf, type GroupState } from './trail.ts';

type GroupView = z.output<typeof group>;
type WholeGroupView = z.output<typeof groupWithMembers>;

/**
 * Groups of people. Whoever changes anything of one could give all its roles, before and after; what members gain or lose is effective with
 * their next request, and open streams end within five seconds. Changes of people and groups happen one after the other: the last owner is
 * found by what is there, and a group that is removed gets no member.
 */
@Injectable()
export class GroupsService {
  constructor(
    @Inject(GroupsRepository) private readonly groups: GroupsRepository,
    @Inject(PeopleRepository) private readonly people: PeopleRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list(scope: TenantScope, query: { limit: number; cursor?: string }): Promise<Page<GroupView>> {
    const after = parseCursor(query.cursor, idSchema);
    const rows = await this.database.transact(scope, (t) => this.groups.list(t, { limit: query.limit, after }));
    return toPage(rows, query.limit, toView, (row) => row.id);
  }

  /** Throws NOT_FOUND. */
  async get(scope: TenantScope, id: string): Promise<WholeGroupView> {
    return this.database.transact(scope, async (t) => toWholeView(await this.find(t, id)));
  }

  /**
   * Throws FORBIDDEN for a role that the caller cannot give, NOT_FOUND for a person whom the caller does not see, ALREADY_EXISTS for the
   * name of another group that the caller sees, INVALID_REQUEST for one group or one role of a member too many.
   */
  async create(caller: Caller, scope: TenantScope, { name, grants, members }: z.output<typeof createGroup.body>): Promise<WholeGroupView> {
    assertMayGive(caller, grants);
    return this.change(scope, async (t) => {
      const after = { name, grants, members: await this.named(t, scope, members) };
      assertBounded(after);
      await this.assertNameFree(t, name);
      await this.assertRoom(t, grants);
      const id = newId();
      await this.groups.insert(t, { id, name }, grants, new Date(this.clock()));
      await this.groups.addMembers(t, id, members);
      await this.writeRights(t, id);
      this.record(t, caller, 'made', id, undefined, after);
      return toWholeView(await this.find(t, id));
    });
  }

  /** The same, NOT_FOUND, ALREADY_EXISTS for a group that changed since the caller saw it, LAST_OWNER. */
  async update(
    caller: Caller,
    scope: TenantScope,
    id: string,
    { revision, ...change }: z.output<typeof updateGroup.body>,
  ): Promise<WholeGroupView> {
    return this.change(scope, async (t) => {
      const row = await this.find(t, id);
      const before = stateOf(row);
      assertMayGive(caller, [...before.grants, ...(change.grants ?? [])]);
      // Somebody may have been added to it who must not have what the caller is about to give.
      if (row.revision !== revision)
        throw new FleetError('ALREADY_EXISTS', `This group has been changed since: it is at revision ${row.revision}. Review it again.`, {
          revision: row.revision,
        });
      const after = { ...before, ...change, members: await this.membersAfter(t, scope, before, change.members) };
      assertBounded(after);
      if (after.name !== before.name) await this.assertNameFree(t, after.name, id);
      await this.assertRoom(t, placesBeyond(before.grants, after.grants));
      const isChanged = this.record(t, caller, 'changed', id, before, after);
      if (!isChanged) return toWholeView(row);
      await this.groups.update(t, id, after.name);
      if (change.grants) await this.groups.replaceGrants(t, id, change.grants);
      await this.groups.removeMembers(t, id, idsWithout(before, after));
      await this.groups.addMembers(t, id, idsWithout(after, before));
      await this.writeRights(t, id);
      if (before.grants.some(isOwnerOfAll)) assertOwnerRemains(await this.people.countOwners(t));
      return toWholeView(await this.find(t, id));
    });
  }

  /** Throws NOT_FOUND, FORBIDDEN, LAST_OWNER. */
  async remove(caller: Caller, scope: TenantScope, id: string): Promise<void> {
    await this.change(scope, async (t) => {
      const before = stateOf(await this.find(t, id));
      assertMayGive(caller, before.grants);
      await this.groups.remove(t, id);
      this.record(t, caller, 'removed', id, before, undefined);
      if (before.grants.some(isOwnerOfAll)) assertOwnerRemains(await this.people.countOwners(t));
    });
  }

  private async change<T>(scope: TenantScope, work: (t: Transaction) => Promise<T>): Promise<T> {
    return this.database.transact(scope, async (t) => {
      await this.people.lockOwners(t);
      return work(t);
    });
  }

  private async find(t: Transaction, id: string): Promise<WholeGroupRow> {
    const row = await this.groups.find(t, id);
    if (!row) throw new FleetError('NOT_FOUND', 'There is no such group.');
    return row;
  }

  /** Nobody adds people whom they do not see: it would show their names. Who is in it already is seen by whoever sees the group. */
  private async named(t: Transaction, scope: TenantScope, ids: readonly string[]): Promise<GroupState['members']> {
    const found = await this.people.findAll(t, scope, ids);
    if (found.length < ids.length)
      throw new FleetError('NOT_FOUND', 'One of the members is not here, or is nobody whom you see. Look at the people again.');
    return found;
  }

  private async membersAfter(
    t: Transaction,
    scope: TenantScope,
    { members }: GroupState,
    wanted: readonly string[] | undefined,
  ): Promise<GroupState['members']> {
    if (!wanted) return members;
    const [had, has] = [new Set(members.map(({ id }) => id)), new Set(wanted)];
    const added = wanted.filter((id) => !had.has(id));
    return [...members.filter(({ id }) => has.has(id)), ...(await this.named(t, scope, added))];
  }

  /** What the members have now. A link of whoever gains ends: its maker may not be able to give this, and would have it by the link. */
  private async writeRights(t: Transaction, id: string): Promise<void> {
    const gained = await this.groups.writeRights(t, id, new Date(this.clock()));
    await this.people.endLinks(t, gained);
  }

  private async assertNameFree(t: Transaction, name: string, otherThan?: string): Promise<void> {
    if (await this.groups.isNamed(t, name, otherThan)) throw new FleetError('ALREADY_EXISTS', 'Another group here has this name.');
  }

  /** Where `grants` are given a group more. */
  private async assertRoom(t: Transaction, grants: readonly Grant[]): Promise<void> {
    for (const tenantId of new Set(grants.map((grant) => grant.tenantId)))
      if ((await this.groups.count(t, tenantId)) >= MAX_GROUPS)
        throw new FleetError(
          'INVALID_REQUEST',
          `There are ${MAX_GROUPS} groups with a role ${tenantId === null ? 'over all' : 'in one of these'} tenants. Remove one first.`,
        );
  }

  /** False if nothing differs. */
  private record(
    t: Transaction,
    caller: Caller,
    event: string,
    id: string,
    before: GroupState | undefined,
    after: GroupState | undefined,
  ): boolean {
    const entries = entriesOf(id, before, after);
    for (const { tenantId, what, detail } of entries)
      this.audit.record(t, {
        tenantId,
        actor: toActor(caller),
        action: `group.${event}`,
        outcome: 'ok',
        summary: `${caller.name} ${what}`,
        detail,
      });
    return entries.length > 0;
  }
}

function assertBounded({ grants, members }: GroupState): void {
  if (grants.length * members.length > MAX_RIGHTS_OF_GROUP)
    throw new FleetError(
      'INVALID_REQUEST',
      `${members.length} members with ${grants.length} roles each are more than ${MAX_RIGHTS_OF_GROUP} roles. Make several groups of it.`,
    );
}

/** Roles in places where there was none before. */
function placesBeyond(before: readonly Grant[], after: readonly Grant[]): Grant[] {
  return after.filter(({ tenantId }) => before.every((grant) => grant.tenantId !== tenantId));
}

function idsWithout({ members }: GroupState, others: GroupState): string[] {
  const ids = new Set(others.members.map(({ id }) => id));
  return members.flatMap(({ id }) => (ids.has(id) ? [] : [id]));
}

function stateOf(row: WholeGroupRow): GroupState {
  return { name: row.name, grants: row.grants.map(toGrant), members: row.members.map(({ user: { id, name } }) => ({ id, name })) };
}

function toView(row: GroupRow): GroupView {
  return {
    id: row.id,
    name: row.name,
    revision: row.revision,
    grants: row.grants.map(toGrant),
    memberCount: row._count.members,
    createdAt: row.createdAt.toISOString(),
  };
}

function toWholeView(row: WholeGroupRow): WholeGroupView {
  return { ...toView(row), members: row.members.map(({ user }) => user) };
}
