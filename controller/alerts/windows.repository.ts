import { Injectable } from '@nestjs/common';
import { Prisma } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import type { WindowRow } from './rows.ts';

const ROWS = Prisma.sql`
  SELECT id, tenant_id AS "tenantId", name, level, tag, site_id AS "siteId", gateway_id AS "gatewayId", "when",
    time_zone AS "timeZone", created_by_name AS "createdByName", created_at AS "createdAt" FROM maintenance_window`;

/** Maintenance windows as a caller’s tenants see them. */
@Injectable()
export class WindowsRepository {
  /** By name, up to `limit` + 1. */
  async list(t: Transaction, wanted: { tenant?: string; limit: number; after?: { name: string; id: string } }): Promise<WindowRow[]> {
    const of = wanted.tenant === undefined ? Prisma.empty : Prisma.sql`AND tenant_id = ${wanted.tenant}::uuid`;
    const after = wanted.after ? Prisma.sql`AND (name, id) > (${wanted.after.name}, ${wanted.after.id}::uuid)` : Prisma.empty;
    return t.$queryRaw<WindowRow[]>`${ROWS} WHERE true ${of} ${after} ORDER BY name, id LIMIT ${wanted.limit + 1}`;
  }

  async all(t: Transaction): Promise<WindowRow[]> {
    return t.$queryRaw<WindowRow[]>`${ROWS} ORDER BY id`;
  }

  async find(t: Transaction, id: string): Promise<WindowRow | undefined> {
    return (await t.$queryRaw<WindowRow[]>`${ROWS} WHERE id = ${id}::uuid`)[0];
  }

  async count(t: Transaction, tenantId: string | null): Promise<number> {
    await t.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`windows of ${tenantId ?? 'the installation'}`}, 0))`;
    const [row] = await t.$queryRaw<[{ count: number }]>`
      SELECT count(*)::int AS count FROM maintenance_window WHERE tenant_id IS NOT DISTINCT FROM ${tenantId}::uuid`;
    return row.count;
  }

  async insert(t: Transaction, w: WindowRow): Promise<void> {
    await t.$executeRaw`
      INSERT INTO maintenance_window (id, tenant_id, name, level, tag, site_id, gateway_id, "when", time_zone, created_by_name, created_at)
      VALUES (${w.id}::uuid, ${w.tenantId}::uuid, ${w.name}, ${w.level}, ${w.tag}, ${w.siteId}::uuid, ${w.gatewayId}::uuid,
        ${JSON.stringify(w.when)}::jsonb, ${w.timeZone}, ${w.createdByName}, ${w.createdAt})`;
  }

  async remove(t: Transaction, id: string): Promise<void> {
    await t.$executeRaw`DELETE FROM maintenance_window WHERE id = ${id}::uuid`;
  }
}
