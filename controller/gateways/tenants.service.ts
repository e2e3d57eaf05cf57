import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { id as idSchema } from '../../proto/http/common.ts';
import type { createSite, site, tenant } from '../../proto/http/fleet.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Caller } from '../platform/caller.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { parseCursor, toPage, type Page } from '../platform/cursor.ts';
import { Database, isUniqueViolation, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { TenantsRepository } from './tenants.repository.ts';

/** A position in a list by name, as cursors store it. */
export const namePlace = z.object({ name: z.string(), id: idSchema });
/** Stripe colours of the console, assigned in turn. */
const COLOURS = 6;

type TenantView = z.output<typeof tenant>;
type SiteView = z.output<typeof site>;

@Injectable()
export class TenantsService {
  constructor(
    @Inject(TenantsRepository) private readonly tenants: TenantsRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list(scope: TenantScope, query: { limit: number; cursor?: string }): Promise<Page<TenantView>> {
    const rows = await this.database.transact(scope, (t) =>
      this.tenants.listTenants(t, { limit: query.limit, after: parseCursor(query.cursor, namePlace) }),
    );
    return toPage(rows, query.limit, toTenantView, ({ name, id }) => ({ name, id }));
  }

  /** Only a caller with a role over all tenants may add one. Throws ALREADY_EXISTS for a taken name. */
  async create(caller: Caller, scope: TenantScope, name: string): Promise<TenantView> {
    if (scope !== 'all') throw new FleetError('FORBIDDEN', 'Only a role over all tenants may add a tenant.');
    return this.database
      .transact(scope, async (t) => {
        const colour = ((await this.tenants.countTenants(t)) % COLOURS) + 1;
        const row = await this.tenants.insertTenant(t, { id: newId(), name, colour, createdAt: new Date(this.clock()) });
        this.audit.record(t, {
          tenantId: row.id,
          actor: toActor(caller),
          action: 'tenant.made',
          outcome: 'ok',
          summary: `${caller.name} added the tenant ${name}`,
        });
        return toTenantView(row);
      })
      .catch(taken(`There already is a tenant named ${name}.`));
  }

  /** Whoever demands a second factor has one. Throws NOT_FOUND, FORBIDDEN. */
  async update(
    caller: Caller,
    scope: TenantScope,
    id: string,
    { demandsSecondFactor }: { demandsSecondFactor: boolean },
  ): Promise<TenantView> {
    return this.database.transact(scope, async (t) => {
      const row = (await this.tenants.tenantExists(t, id)) ? await this.tenants.updateTenant(t, id, { demandsSecondFactor }) : undefined;
      if (!row) throw new FleetError('NOT_FOUND', 'There is no such tenant.');
      if (demandsSecondFactor && !caller.session?.hasSecondFactor)
        throw new FleetError('FORBIDDEN', 'Set up a second factor of your own first, under My account.');
      this.audit.record(t, {
        tenantId: id,
        actor: toActor(caller),
        action: 'tenant.changed',
        outcome: 'ok',
        summary: `${caller.name} ${demandsSecondFactor ? 'demands a second factor of' : 'no longer demands a second factor of'} everybody with a role in ${row.name}`,
        detail: { demandsSecondFactor },
      });
      return toTenantView(row);
    });
  }

  async listSites(scope: TenantScope, query: { tenant?: string; limit: number; cursor?: string }): Promise<Page<SiteView>> {
    const rows = await this.database.transact(scope, (t) =>
      this.tenants.listSites(t, { ...query, after: parseCursor(query.cursor, namePlace) }),
    );
    return toPage(rows, query.limit, toSiteView, ({ name, id }) => ({ name, id }));
  }

  /** Throws NOT_FOUND for a tenant out of scope, ALREADY_EXISTS if the tenant already has a site of this name. */
  async createSite(caller: Caller, scope: TenantScope, body: z.output<typeof createSite.body>): Promise<SiteView> {
    if (!isTimeZone(body.timeZone))
      throw new FleetError('INVALID_REQUEST', `${body.timeZone} is not a time zone.`, {
        issues: [{ path: 'body.timeZone', message: 'is not a time zone' }],
      });
    return this.database
      .transact(scope, async (t) => {
        if (!(await this.tenants.tenantExists(t, body.tenantId))) throw new FleetError('NOT_FOUND', 'There is no such tenant.');
        const row = await this.tenants.insertSite(t, { ...body, id: newId(), createdAt: new Date(this.clock()) });
        this.audit.record(t, {
          tenantId: body.tenantId,
          actor: toActor(caller),
          action: 'site.made',
          outcome: 'ok',
          summary: `${caller.name} added the site ${body.name}`,
        });
        return toSiteView(row);
      })
      .catch(taken(`This tenant already has a site named ${body.name}.`));
  }

  /** Names of all tenants in the transaction's scope, by id. */
  names(t: Transaction): Promise<Map<string, string>> {
    return this.tenants.names(t);
  }

  /** Sites in the transaction's scope, with their time zones. */
  sites(t: Transaction, ids: string[]): ReturnType<TenantsRepository['sites']> {
    return this.tenants.sites(t, ids);
  }
}

/** Translates a unique violation into ALREADY_EXISTS. */
export function taken(sentence: string): (error: unknown) => never {
  return (error) => {
    throw isUniqueViolation(error) ? new FleetError('ALREADY_EXISTS', sentence, {}, { cause: error }) : error;
  };
}

/** True for a name of the tz database. */
export function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
}

function toTenantView(row: {
  id: string;
  name: string;
  colour: number;
  demandsSecondFactor: boolean;
  createdAt: Date;
  _count: { gateways: number };
}): TenantView {
  return {
    id: row.id,
    name: row.name,
    colour: row.colour,
    gateways: row._count.gateways,
    createdAt: row.createdAt.toISOString(),
    demandsSecondFactor: row.demandsSecondFactor,
  };
}

function toSiteView(row: {
  id: string;
  tenantId: string;
  name: string;
  timeZone: string;
  createdAt: Date;
  _count: { gateways: number };
}): SiteView {
  return {
    id: row.id,
    tenantId: row.tenantId,
    name: row.name,
    timeZone: row.timeZone,
    gateways: row._count.gateways,
    createdAt: row.createdAt.toISOString(),
  };
}
