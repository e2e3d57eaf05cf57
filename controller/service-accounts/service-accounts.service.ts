import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { id as idSchema } from '../../proto/http/common.ts';
import {
  MAX_SERVICE_ACCOUNTS,
  type createServiceAccount,
  type serviceAccount,
  type updateServiceAccount,
} from '../../proto/http/service-accounts.ts';
import { isAllowed, knownActions, type Role } from '../../proto/model/access.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { toGrant } from '../access/callers.repository.ts';
import { assertMayGive } from '../access/may-give.ts';
import { formatBearer } from '../access/secret-texts.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import type { Caller } from '../platform/caller.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { parseCursor, toPage, type Page } from '../platform/cursor.ts';
import { Database, isUniqueViolation, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { hashSecret, newSecret } from '../platform/secret.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { ServiceAccountsRepository, type AccountRow } from './service-accounts.repository.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

type AccountView = z.output<typeof serviceAccount>;

/**
 * Accounts of programs. Each has one role over one tenant or all, and one secret; a rotation makes another, and the one before ends by
 * itself:
 *
 *     current ── rotate ──▶ earlier, until its overlap ends ──▶ ended
 *
 * Two secrets are valid at most. What a caller changes is effective with the account's next call, and open streams end within five seconds.
 */
@Injectable()
export class ServiceAccountsService {
  constructor(
    @Inject(ServiceAccountsRepository) private readonly accounts: ServiceAccountsRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list(scope: TenantScope, query: { limit: number; cursor?: string }): Promise<Page<AccountView>> {
    const after = parseCursor(query.cursor, idSchema);
    const rows = await this.database.transact(scope, (t) => this.accounts.list(t, { limit: query.limit, after }));
    return toPage(
      rows,
      query.limit,
      (row) => this.toView(row),
      ({ id }) => id,
    );
  }

  /**
   * Throws FORBIDDEN for rights that the caller cannot give, ALREADY_EXISTS for a name that another of the tenant has, INVALID_REQUEST for
   * actions beyond the role and for one account too many.
   */
  async create(
    caller: Caller,
    scope: TenantScope,
    { expiresInDays, actions = [], ...body }: z.output<typeof createServiceAccount.body>,
  ): Promise<AccountView & { secret: string }> {
    assertMayGive(caller, [body]);
    assertOfRole(body.role, actions);
    return this.change(scope, async (t) => {
      await this.accounts.lockAll(t);
      if ((await this.accounts.count(t, body.tenantId)) >= MAX_SERVICE_ACCOUNTS)
        throw new FleetError('INVALID_REQUEST', `There are ${MAX_SERVICE_ACCOUNTS} service accounts here already. Remove one first.`);
      const now = this.clock();
      const expiresAt = new Date(now + expiresInDays * DAY_MS);
      const own = { ...body, id: newId(), actions, createdByName: caller.name, createdAt: new Date(now), expiresAt, suspendedAt: null };
      await this.accounts.insert(t, own);
      const secret = await this.issue(t, caller, own.id);
      const { role, purpose } = body;
      this.record(t, caller, 'made', own, `made the service account ${own.name} (${role})`, { role, actions, purpose, expiresAt });
      return { ...this.toView(await this.get(t, own.id)), secret };
    });
  }

  /** The same, and NOT_FOUND. Whoever changes anything of it could have given all that it may do. */
  async update(
    caller: Caller,
    scope: TenantScope,
    id: string,
    { expiresInDays, actions, ...own }: z.output<typeof updateServiceAccount.body>,
  ): Promise<AccountView> {
    return this.manage(caller, scope, id, async (t, row) => {
      const change = {
        ...own,
        ...(actions !== undefined && { actions: actions ?? [] }),
        ...(expiresInDays !== undefined && { expiresAt: new Date(this.clock() + expiresInDays * DAY_MS) }),
      };
      const after = { ...row, ...change };
      assertMayGive(caller, [toGrant(after)]);
      assertOfRole(after.role as Role, after.actions);
      const changed = (Object.keys(change) as (keyof typeof change)[]).filter((key) => String(row[key]) !== String(after[key]));
      if (changed.length === 0) return;
      await this.accounts.update(t, id, change);
      const pick = (from: AccountRow) => Object.fromEntries(changed.map((key) => [key, from[key]]));
      this.record(t, caller, 'changed', row, `changed the service account ${row.name}`, { before: pick(row), after: pick(after) });
    });
  }

  /** Throws NOT_FOUND, FORBIDDEN, ALREADY_EXISTS while an earlier secret is valid and would be cut off or be a third one. */
  async rotate(caller: Caller, scope: TenantScope, id: string, overlapHours: number): Promise<AccountView & { secret: string }> {
    let secret = '';
    const view = await this.manage(caller, scope, id, async (t, row) => {
      const now = this.clock();
      const earlier = this.validSecrets(row).find(({ endsAt }) => endsAt !== null);
      if (overlapHours > 0 && earlier)
        throw new FleetError(
          'ALREADY_EXISTS',
          `The earlier secret is valid until ${earlier.endsAt!.toISOString()}. End it first, or rotate without an overlap.`,
        );
      const earlierEndsAt = new Date(now + overlapHours * HOUR_MS);
      await this.accounts.dropEndedSecrets(t, id, new Date(now));
      await this.accounts.endSecrets(t, id, earlierEndsAt);
      secret = await this.issue(t, caller, id);
      this.record(t, caller, 'rotated', row, `made a new secret for the service account ${row.name}`, { overlapHours, earlierEndsAt });
    });
    return { ...view, secret };
  }

  /** Does nothing where no earlier secret is valid. */
  async endEarlier(caller: Caller, scope: TenantScope, id: string): Promise<AccountView> {
    return this.manage(caller, scope, id, async (t, row) => {
      if (this.validSecrets(row).every(({ endsAt }) => endsAt === null)) return;
      await this.accounts.endEarlierSecrets(t, id, new Date(this.clock()));
      this.record(t, caller, 'secret-ended', row, `ended the earlier secret of the service account ${row.name}`);
    });
  }

  async suspend(caller: Caller, scope: TenantScope, id: string): Promise<AccountView> {
    return this.manage(caller, scope, id, async (t, row) => {
      if (row.suspendedAt) return;
      await this.accounts.update(t, id, { suspendedAt: new Date(this.clock()) });
      this.record(t, caller, 'suspended', row, `suspended the service account ${row.name}`);
    });
  }

  async resume(caller: Caller, scope: TenantScope, id: string): Promise<AccountView> {
    return this.manage(caller, scope, id, async (t, row) => {
      if (!row.suspendedAt) return;
      await this.accounts.update(t, id, { suspendedAt: null });
      this.record(t, caller, 'resumed', row, `admitted the service account ${row.name} again`);
    });
  }

  async remove(caller: Caller, scope: TenantScope, id: string): Promise<void> {
    await this.manage(caller, scope, id, async (t, row) => {
      await this.accounts.remove(t, id);
      const { role, actions, purpose } = row;
      this.record(t, caller, 'removed', row, `removed the service account ${row.name}`, { role, actions, purpose });
    });
  }

  /** A change by somebody who could give what the account may do. Throws NOT_FOUND, FORBIDDEN. */
  private async manage(
    caller: Caller,
    scope: TenantScope,
    id: string,
    work: (t: Transaction, row: AccountRow) => Promise<void>,
  ): Promise<AccountView> {
    return this.change(scope, async (t) => {
      await this.accounts.lockAll(t);
      const row = await this.get(t, id);
      assertMayGive(caller, [toGrant(row)]);
      await work(t, row);
      return this.toView((await this.accounts.find(t, id)) ?? row);
    });
  }

  private async change<T>(scope: TenantScope, work: (t: Transaction) => Promise<T>): Promise<T> {
    return this.database.transact(scope, work).catch((error: unknown) => {
      throw isUniqueViolation(error)
        ? new FleetError('ALREADY_EXISTS', 'Another service account here has this name.', {}, { cause: error })
        : error;
    });
  }

  private async get(t: Transaction, id: string): Promise<AccountRow> {
    const row = await this.accounts.find(t, id);
    if (!row) throw new FleetError('NOT_FOUND', 'There is no such service account.');
    return row;
  }

  /** A new current secret, as the text that is shown once. */
  private async issue(t: Transaction, { userId, name }: Caller, accountId: string): Promise<string> {
    const [id, secret] = [newId(), newSecret()];
    const createdAt = new Date(this.clock());
    await this.accounts.insertSecret(t, { id, accountId, secretHash: hashSecret(secret), shownToId: userId, shownToName: name, createdAt });
    return formatBearer({ kind: 'ctfs', id, secret });
  }

  private validSecrets({ secrets }: AccountRow): AccountRow['secrets'] {
    const now = this.clock();
    return secrets.filter(({ endsAt }) => endsAt === null || endsAt.getTime() > now);
  }

  private record(
    t: Transaction,
    caller: Caller,
    event: string,
    { id, tenantId }: Pick<AccountRow, 'id' | 'tenantId'>,
    what: string,
    detail: Record<string, unknown> = {},
  ): void {
    this.audit.record(t, {
      tenantId: tenantId ?? undefined,
      actor: toActor(caller),
      action: `service-account.${event}`,
      outcome: 'ok',
      summary: `${caller.name} ${what}`,
      detail: { serviceAccountId: id, ...detail },
    });
  }

  private toView(row: AccountRow): AccountView {
    const secrets = this.validSecrets(row);
    const uses = row.secrets.flatMap(({ lastUsedAt }) => lastUsedAt ?? []).toSorted((a, b) => b.getTime() - a.getTime());
    return {
      id: row.id,
      name: row.name,
      purpose: row.purpose,
      role: row.role as Role,
      tenantId: row.tenantId,
      actions: row.actions.length > 0 ? knownActions(row.actions) : undefined,
      state: row.suspendedAt ? 'suspended' : row.expiresAt.getTime() <= this.clock() ? 'expired' : 'active',
      createdAt: row.createdAt.toISOString(),
      createdBy: row.createdByName,
      expiresAt: row.expiresAt.toISOString(),
      lastUsedAt: uses[0]?.toISOString(),
      secrets: secrets.map(({ createdAt, shownToName, endsAt, lastUsedAt }) => ({
        createdAt: createdAt.toISOString(),
        shownTo: shownToName,
        endsAt: endsAt?.toISOString(),
        lastUsedAt: lastUsedAt?.toISOString(),
      })),
    };
  }
}

/** Throws INVALID_REQUEST for an action that the role does not allow. */
function assertOfRole(role: Role, actions: readonly string[]): void {
  const beyond = knownActions(actions).find((action) => !isAllowed(role, action));
  if (beyond === undefined) return;
  const message = `is not allowed to the role ${role}: ${beyond}`;
  throw new FleetError('INVALID_REQUEST', `An action ${message}.`, { issues: [{ path: 'body.actions', message }] });
}
