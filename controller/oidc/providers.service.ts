import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { createProvider, provider, updateProvider } from '../../proto/http/providers.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { toGrant } from '../access/callers.repository.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { whyNotGive } from '../access/may-give.ts';
import type { Caller } from '../platform/caller.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database, isUniqueViolation, type Transaction } from '../platform/database.ts';
import { ENCRYPTION, type Encryption } from '../platform/encryption.ts';
import { newId } from '../platform/ids.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { discoveryFault } from './discovery-fault.ts';
import { discover, type ProviderSettings } from './oidc-client.ts';
import type { GroupRole } from './profile.ts';
import { ProvidersRepository, type ProviderRow } from './providers.repository.ts';

/** More than a sign-in page can show, and far more than anybody has. */
const MAX_PROVIDERS = 20;

type ProviderView = z.output<typeof provider>;

/** The providers by which people sign in. Only a role over all tenants sees them, and only an owner changes them. */
@Injectable()
export class ProvidersService {
  constructor(
    @Inject(ProvidersRepository) private readonly providers: ProvidersRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(ENCRYPTION) private readonly encryption: Encryption,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list(scope: TenantScope): Promise<{ items: ProviderView[] }> {
    assertAll(scope);
    return this.database.transact('all', async (t) => ({ items: (await this.providers.list(t)).map((row) => this.toView(row)) }));
  }

  /** Throws FORBIDDEN for whoever is no owner over all tenants, ALREADY_EXISTS for a name that another has. */
  async create(caller: Caller, scope: TenantScope, body: z.output<typeof createProvider.body>): Promise<ProviderView> {
    assertAll(scope);
    assertOwner(caller);
    const { clientSecret, groups, ...own } = body;
    return this.change(async (t) => {
      await this.providers.lockAll(t);
      if ((await this.providers.list(t)).length >= MAX_PROVIDERS)
        throw new FleetError('INVALID_REQUEST', `There are ${MAX_PROVIDERS} providers already. Remove one first.`);
      const id = newId();
      const secret = clientSecret === undefined ? null : this.encryption.close(clientSecret);
      await this.providers.insert(t, { ...own, id, clientSecret: secret, createdAt: new Date(this.clock()) }, groups);
      this.record(t, caller, 'provider.added', `added the sign-in provider ${own.name} (${own.issuer})`, {
        providerId: id,
        ...own,
        groups,
      });
      return this.toView(await this.get(t, id));
    });
  }

  /** The same. */
  async update(caller: Caller, scope: TenantScope, id: string, body: z.output<typeof updateProvider.body>): Promise<ProviderView> {
    assertSeen(scope);
    const { clientSecret, groups, ...own } = body;
    return this.change(async (t) => {
      const before = await this.get(t, id);
      assertOwner(caller);
      const secret = clientSecret === undefined ? {} : { clientSecret: this.encryption.close(clientSecret) };
      await this.providers.update(t, id, { ...own, ...secret }, groups);
      const changed = { ...own, ...(groups && { groups }), ...(clientSecret !== undefined && { clientSecret: 'changed' }) };
      this.record(t, caller, 'provider.changed', `changed the sign-in provider ${before.name}`, { providerId: id, ...changed });
      return this.toView(await this.get(t, id));
    });
  }

  async remove(caller: Caller, scope: TenantScope, id: string): Promise<void> {
    assertSeen(scope);
    await this.change(async (t) => {
      const row = await this.get(t, id);
      assertOwner(caller);
      await this.providers.remove(t, id);
      this.record(t, caller, 'provider.removed', `removed the sign-in provider ${row.name} and the roles that its groups gave`, {
        providerId: id,
        groups: groupsOf(row),
      });
    });
  }

  /** What is wrong with a provider's discovery document, by kind; nothing if it can be used. */
  async test(caller: Caller, scope: TenantScope, id: string): Promise<{ problem?: string }> {
    assertSeen(scope);
    assertOwner(caller);
    const row = await this.database.transact('all', (t) => this.get(t, id));
    return discover(this.settingsOf(row)).then(
      () => ({}),
      (error: unknown) => {
        this.logger.info({ err: error, provider: id }, 'a provider that was tested gave no discovery document');
        return { problem: `The provider gave no discovery document that can be used: ${discoveryFault(error)}.` };
      },
    );
  }

  /** Names and ids, for whoever has not signed in yet. */
  async names(): Promise<{ id: string; name: string }[]> {
    return this.database.transact('all', async (t) => (await this.providers.list(t)).map(({ id, name }) => ({ id, name })));
  }

  settingsOf(row: ProviderRow): ProviderSettings {
    const { issuer, clientId, scopes, groupsClaim } = row;
    return { issuer, clientId, scopes, groupsClaim, clientSecret: row.clientSecret ? this.encryption.open(row.clientSecret) : undefined };
  }

  callbackOf(id: string): string {
    return `${this.config.publicUrl}/api/auth/oidc/${id}/callback`;
  }

  private async change<T>(work: (t: Transaction) => Promise<T>): Promise<T> {
    return this.database.transact('all', work).catch((error: unknown) => {
      throw isUniqueViolation(error) ? new FleetError('ALREADY_EXISTS', 'Another provider has this name.', {}, { cause: error }) : error;
    });
  }

  private async get(t: Transaction, id: string): Promise<ProviderRow> {
    const row = await this.providers.find(t, id);
    if (!row) throw unknown();
    return row;
  }

  private record(t: Transaction, caller: Caller, action: string, what: string, detail: Record<string, unknown>): void {
    this.audit.record(t, { actor: toActor(caller), action, outcome: 'ok', summary: `${caller.name} ${what}`, detail });
  }

  private toView(row: ProviderRow): ProviderView {
    const { id, name, issuer, clientId, scopes, groupsClaim, linksByEmail } = row;
    return {
      id,
      name,
      issuer,
      clientId,
      scopes,
      groupsClaim,
      linksByEmail,
      hasClientSecret: row.clientSecret !== null,
      groups: groupsOf(row),
      callback: this.callbackOf(id),
      createdAt: row.createdAt.toISOString(),
    };
  }
}

export function groupsOf({ groups }: ProviderRow): GroupRole[] {
  return groups.map((row) => ({ group: row.name, ...toGrant(row) }));
}

function assertAll(scope: TenantScope): void {
  if (scope !== 'all') throw new FleetError('FORBIDDEN', 'Only a role over all tenants may see or change how people sign in.');
}

/** To others a provider looks like one that does not exist. */
function assertSeen(scope: TenantScope): void {
  if (scope !== 'all') throw unknown();
}

function unknown(): FleetError {
  return new FleetError('NOT_FOUND', 'There is no such provider.');
}

/** Whoever says which provider to believe, and whom it may name, can become anybody. */
function assertOwner(caller: Caller): void {
  if (whyNotGive(caller, { role: 'owner', tenantId: null }) !== undefined)
    throw new FleetError('FORBIDDEN', 'Only an owner over all tenants may change how people sign in.');
}
