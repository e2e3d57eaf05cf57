import { Injectable } from '@nestjs/common';
import type { Transaction } from '../platform/database.ts';
import { after, type NamePlace } from './gateways.repository.ts';

const COUNTED = { _count: { select: { gateways: true } } } as const;

/** Tenants and their sites. */
@Injectable()
export class TenantsRepository {
  async listTenants(t: Transaction, wanted: { limit: number; after?: NamePlace }) {
    return t.tenant.findMany({
      where: after(wanted.after),
      include: COUNTED,
      orderBy: [{ name: 'asc' }, { id: 'asc' }],
      take: wanted.limit + 1,
    });
  }

  async countTenants(t: Transaction): Promise<number> {
    return t.tenant.count();
  }

  async insertTenant(t: Transaction, tenant: { id: string; name: string; colour: number; createdAt: Date }) {
    return t.tenant.create({ data: tenant, include: COUNTED });
  }

  /** Undefined if there is none in scope. */
  async updateTenant(t: Transaction, id: string, change: { demandsSecondFactor: boolean }) {
    const { count } = await t.tenant.updateMany({ where: { id }, data: change });
    return count === 1 ? ((await t.tenant.findUnique({ where: { id }, include: COUNTED })) ?? undefined) : undefined;
  }

  async tenantExists(t: Transaction, id: string): Promise<boolean> {
    return (await t.tenant.count({ where: { id } })) === 1;
  }

  async listSites(t: Transaction, wanted: { tenant?: string; limit: number; after?: NamePlace }) {
    return t.site.findMany({
      where: { tenantId: wanted.tenant, ...after(wanted.after) },
      include: COUNTED,
      orderBy: [{ name: 'asc' }, { id: 'asc' }],
      take: wanted.limit + 1,
    });
  }

  /** Names of all tenants in scope, by id. */
  async names(t: Transaction): Promise<Map<string, string>> {
    return new Map((await t.tenant.findMany({ select: { id: true, name: true } })).map((tenant) => [tenant.id, tenant.name]));
  }

  /** Sites with their time zones. */
  async sites(t: Transaction, ids: string[]): Promise<{ id: string; name: string; timeZone: string }[]> {
    return t.site.findMany({ where: { id: { in: ids } }, select: { id: true, name: true, timeZone: true }, orderBy: { name: 'asc' } });
  }

  async insertSite(t: Transaction, site: { id: string; tenantId: string; name: string; timeZone: string; createdAt: Date }) {
    return t.site.create({ data: site, include: COUNTED });
  }
}
