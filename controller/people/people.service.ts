import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { id as idSchema } from '../../proto/http/common.ts';
import type { invitePerson, person, updatePerson } from '../../proto/http/people.ts';
import { ROLES, type Grant } from '../../proto/model/access.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { toGrant } from '../access/callers.repository.ts';
import { SecondFactorsRepository } from '../access/second-factors.repository.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { MailService, type HandedLink } from '../mail/mail.service.ts';
import type { Caller } from '../platform/caller.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { parseCursor, toPage, type Page } from '../platform/cursor.ts';
import { Database, isUniqueViolation, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { assertMayGive, changesOf, isOwnerOfAll, whyNotGive } from '../access/may-give.ts';
import { assertOwnerRemains } from './last-owner.ts';
import { PeopleRepository, type PersonRow } from './people.repository.ts';

type PersonView = z.output<typeof person>;

/**
 * People and their roles. What a caller changes is effective with the next request of the person concerned; open streams end within five
 * seconds. Somebody who can give access everywhere always remains.
 */
@Injectable()
export class PeopleService {
  constructor(
    @Inject(PeopleRepository) private readonly people: PeopleRepository,
    @Inject(MailService) private readonly mail: MailService,
    @Inject(SecondFactorsRepository) private readonly factors: SecondFactorsRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list(scope: TenantScope, query: { limit: number; cursor?: string }): Promise<Page<PersonView>> {
    const after = parseCursor(query.cursor, idSchema);
    const rows = await this.database.transact(scope, (t) => this.people.list(t, scope, { limit: query.limit, after }));
    return toPage(rows, query.limit, toView, (row) => row.id);
  }

  /** Throws FORBIDDEN for a role that the caller cannot give, ALREADY_EXISTS for an address that somebody has, RATE_LIMITED. */
  async invite(
    caller: Caller,
    scope: TenantScope,
    { name, email, grants }: z.output<typeof invitePerson.body>,
  ): Promise<PersonView & { made: HandedLink }> {
    assertMayGive(caller, grants);
    await this.mail.admit(
      email,
      grants.map(({ tenantId }) => tenantId),
    );
    return this.database
      .transact(scope, async (t) => {
        const id = newId();
        await this.people.insert(t, { id, name, email, grants }, new Date(this.clock()));
        const made = await this.mail.hand(t, id, 'invitation', caller.name);
        this.record(t, caller, 'person.invited', grants, `invited ${name} (${email})`, { personId: id, grants });
        return { ...toView(await this.get(t, scope, id)), made };
      })
      .catch((error: unknown) => {
        throw isUniqueViolation(error)
          ? new FleetError('ALREADY_EXISTS', 'Somebody with this e-mail address is here already.', {}, { cause: error })
          : error;
      });
  }

  /** Throws NOT_FOUND, FORBIDDEN for a role that the caller can neither give nor take, LAST_OWNER. */
  async update(caller: Caller, scope: TenantScope, id: string, body: z.output<typeof updatePerson.body>): Promise<PersonView> {
    return this.database.transact(scope, async (t) => {
      await this.people.lockOwners(t);
      const row = await this.get(t, scope, id);
      if (body.name !== undefined && body.name !== row.name) {
        await this.assertMayManage(t, caller, id);
        await this.people.rename(t, id, body.name);
        this.record(t, caller, 'person.renamed', row.grants, `renamed ${row.name} to ${body.name}`, { personId: id });
      }
      if (body.grants) {
        const before = givenByPeople(row);
        const { added, removed } = changesOf(before, body.grants);
        assertMayGive(caller, [...added, ...removed]);
        await this.people.removeGrants(t, id, removed);
        await this.people.addGrants(t, id, added, new Date(this.clock()));
        // Whoever made it may not be able to give these, and would have them by it.
        if (added.length > 0) await this.people.endLinks(t, [id]);
        if (added.length + removed.length > 0)
          this.record(t, caller, 'person.roles-changed', [...before, ...added], `changed the roles of ${row.name}`, {
            personId: id,
            added,
            removed,
          });
        if (removed.some(isOwnerOfAll)) assertOwnerRemains(await this.people.countOwners(t));
      }
      // Who has no role here any more is none of the caller's, but the answer still says what was done.
      return toView((await this.people.find(t, scope, id)) ?? { ...row, grants: [] });
    });
  }

  /** Throws NOT_FOUND, FORBIDDEN for oneself and for people with roles that the caller cannot take, LAST_OWNER. */
  async suspend(caller: Caller, scope: TenantScope, id: string): Promise<PersonView> {
    return this.manage(caller, scope, id, async (t, row) => {
      if (row.suspendedAt) return;
      await this.people.suspend(t, id, new Date(this.clock()));
      this.record(t, caller, 'person.suspended', row.grants, `suspended ${row.name}: all sessions and tokens ended`, { personId: id });
    });
  }

  async resume(caller: Caller, scope: TenantScope, id: string): Promise<PersonView> {
    return this.manage(caller, scope, id, async (t, row) => {
      if (!row.suspendedAt) return;
      await this.people.resume(t, id);
      this.record(t, caller, 'person.resumed', row.grants, `let ${row.name} sign in again`, { personId: id });
    });
  }

  /** For somebody who lost phone, keys and recovery codes. Throws as `suspend`. */
  async removeSecondFactors(caller: Caller, scope: TenantScope, id: string): Promise<PersonView> {
    return this.manage(caller, scope, id, async (t, row) => {
      await this.factors.removeAll(t, id);
      this.record(t, caller, 'person.second-factors-removed', row.grants, `removed the second factors of ${row.name}: all sessions ended`, {
        personId: id,
      });
    });
  }

  async remove(caller: Caller, scope: TenantScope, id: string): Promise<void> {
    await this.manage(caller, scope, id, async (t, row) => {
      if (row.accounts.some(({ providerId }) => providerId.startsWith('oidc:')))
        throw new FleetError(
          'FORBIDDEN',
          `${row.name} signs in with a directory, and would be back at the next sign-in. Suspend ${row.name} instead.`,
        );
      await this.people.remove(t, id);
      this.record(t, caller, 'person.removed', row.grants, `removed ${row.name} (${row.email})`, {
        personId: id,
        grants: row.grants.map(toGrant),
      });
    });
  }

  /** A link to choose a new password by. Whoever has it becomes that person: it is for people whose roles the caller could take. */
  async makeLink(caller: Caller, scope: TenantScope, id: string): Promise<HandedLink> {
    const { email, grants } = await this.database.transact(scope, async (t) => {
      const row = await this.get(t, scope, id);
      await this.assertMayManage(t, caller, id);
      return row;
    });
    await this.mail.admit(
      email,
      grants.map(({ tenantId }) => tenantId),
    );
    return this.database.transact(scope, async (t) => {
      const row = await this.get(t, scope, id);
      await this.assertMayManage(t, caller, id);
      if (row.suspendedAt) throw new FleetError('FORBIDDEN', `${row.name} is suspended. Resume ${row.name} first.`);
      this.record(t, caller, 'person.link-made', row.grants, `made a sign-in link for ${row.name}`, { personId: id });
      return this.mail.hand(t, id, 'link', caller.name);
    });
  }

  private async manage(
    caller: Caller,
    scope: TenantScope,
    id: string,
    change: (t: Transaction, row: PersonRow) => Promise<void>,
  ): Promise<PersonView> {
    return this.database.transact(scope, async (t) => {
      await this.people.lockOwners(t);
      const row = await this.get(t, scope, id);
      if (id === caller.userId) throw new FleetError('FORBIDDEN', 'You cannot suspend or remove yourself. Ask another owner.');
      await this.assertMayManage(t, caller, id);
      await change(t, row);
      if (row.grants.map(toGrant).some(isOwnerOfAll)) assertOwnerRemains(await this.people.countOwners(t));
      return toView((await this.people.find(t, scope, id)) ?? row);
    });
  }

  private async get(t: Transaction, scope: TenantScope, id: string): Promise<PersonRow> {
    const row = await this.people.find(t, scope, id);
    if (!row) throw new FleetError('NOT_FOUND', 'There is no such person.');
    return row;
  }

  /** Also roles that the caller does not see count: who has some elsewhere is managed by whoever manages both. */
  private async assertMayManage(t: Transaction, caller: Caller, id: string): Promise<void> {
    const why = (await this.people.allGrants(t, id)).map((grant) => whyNotGive(caller, grant)).find((one) => one !== undefined);
    if (why !== undefined)
      throw new FleetError('FORBIDDEN', 'This person has roles that you cannot give. Change the roles in your tenants, or ask an owner.');
  }

  /** In the chain of each tenant concerned. */
  private record(
    t: Transaction,
    caller: Caller,
    action: string,
    grants: readonly { tenantId: string | null }[],
    what: string,
    detail: Record<string, unknown>,
  ): void {
    for (const tenantId of new Set(grants.length > 0 ? grants.map((grant) => grant.tenantId) : [null]))
      this.audit.record(t, {
        tenantId: tenantId ?? undefined,
        actor: toActor(caller),
        action,
        outcome: 'ok',
        summary: `${caller.name} ${what}`,
        detail: tenantId === null ? detail : inTenant(detail, tenantId),
      });
  }
}

/** Without the roles elsewhere, which are none of that tenant's business. */
function inTenant(detail: Record<string, unknown>, tenantId: string): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(detail).map(([name, value]) => [
      name,
      Array.isArray(value) ? (value as Grant[]).filter((grant) => grant.tenantId === tenantId) : value,
    ]),
  );
}

/** Those that a provider or a group gave are changed there. */
function givenByPeople(row: PersonRow): Grant[] {
  return row.grants.filter(({ providerId, groupId }) => providerId === null && groupId === null).map(toGrant);
}

/** The strongest role first, and then by the group's name; what several groups give that the caller does not see is said once. */
function givenByGroups(row: PersonRow): PersonView['groupGrants'] {
  const given = row.grants
    .filter(({ groupId }) => groupId !== null)
    .map((grant) => ({ ...toGrant(grant), group: grant.membership?.group }));
  return [...new Map(given.map((one) => [`${one.group?.id} ${one.role} ${one.tenantId}`, one])).values()].toSorted(
    (a, b) => ROLES.indexOf(a.role) - ROLES.indexOf(b.role) || (a.group?.name ?? '').localeCompare(b.group?.name ?? ''),
  );
}

function toView(row: PersonRow): PersonView {
  const hasPassword = row.accounts.some(({ password }) => password !== null);
  const hasDirectory = row.accounts.some(({ providerId }) => providerId.startsWith('oidc:'));
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    state: row.suspendedAt ? 'suspended' : hasPassword || hasDirectory ? 'active' : 'invited',
    grants: givenByPeople(row),
    directoryGrants: row.grants.flatMap((grant) => (grant.provider ? [{ ...toGrant(grant), provider: grant.provider.name }] : [])),
    groupGrants: givenByGroups(row),
    methods: [
      ...(hasPassword ? (['password'] as const) : []),
      ...(hasDirectory ? (['directory'] as const) : []),
      ...(row.twoFactor?.verified ? (['totp'] as const) : []),
      ...(row._count.passkeys > 0 ? (['passkey'] as const) : []),
    ],
    createdAt: row.createdAt.toISOString(),
    lastSignInAt: row.lastSignInAt?.toISOString(),
    mail: row.mail ? toMailView(row.mail) : undefined,
    link: row.link ? { expiresAt: row.link.expiresAt.toISOString(), createdBy: row.link.createdByName } : undefined,
  };
}

function toMailView({ state, askedAt, settledAt, failure }: NonNullable<PersonRow['mail']>): NonNullable<PersonView['mail']> {
  return { state: state as 'waiting' | 'sent' | 'failed', at: (settledAt ?? askedAt).toISOString(), reason: failure ?? undefined };
}
