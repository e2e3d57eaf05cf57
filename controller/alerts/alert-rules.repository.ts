import { Injectable } from '@nestjs/common';
import { Prisma } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import type { GatewayPlace, NewRules, RulesRow } from './rows.ts';

const ROWS = Prisma.sql`
  SELECT r.id, r.tenant_id AS "tenantId", r.name, r.revision, r.level, r.tag, r.site_id AS "siteId", r.gateway_id AS "gatewayId",
    r.document, r.changed_by_name AS "changedByName", r.changed_at AS "changedAt",
    t.name AS "tenantName", s.name AS "siteName", g.name AS "gatewayName"
  FROM alert_rules r LEFT JOIN tenant t ON t.id = r.tenant_id LEFT JOIN site s ON s.id = r.site_id
    LEFT JOIN gateway g ON g.id = r.gateway_id`;

/** Documents of rules as a caller’s tenants see them: row-level security leaves only those of the tenants in scope. */
@Injectable()
export class AlertRulesRepository {
  /** By name, up to `limit` + 1. */
  async list(t: Transaction, wanted: { tenant?: string; limit: number; after?: { name: string; id: string } }): Promise<RulesRow[]> {
    const of = wanted.tenant === undefined ? Prisma.empty : Prisma.sql`AND r.tenant_id = ${wanted.tenant}::uuid`;
    const after = wanted.after ? Prisma.sql`AND (r.name, r.id) > (${wanted.after.name}, ${wanted.after.id}::uuid)` : Prisma.empty;
    return t.$queryRaw<RulesRow[]>`${ROWS} WHERE true ${of} ${after} ORDER BY r.name, r.id LIMIT ${wanted.limit + 1}`;
  }

  async all(t: Transaction): Promise<RulesRow[]> {
    return t.$queryRaw<RulesRow[]>`${ROWS} ORDER BY r.id`;
  }

  async find(t: Transaction, id: string): Promise<RulesRow | undefined> {
    return (await t.$queryRaw<RulesRow[]>`${ROWS} WHERE r.id = ${id}::uuid`)[0];
  }

  /** How many there are of a tenant, or of the installation. The next one who asks waits until this transaction has ended. */
  async count(t: Transaction, tenantId: string | null): Promise<number> {
    await t.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`alert rules of ${tenantId ?? 'the installation'}`}, 0))`;
    const [row] = await t.$queryRaw<[{ count: number }]>`
      SELECT count(*)::int AS count FROM alert_rules WHERE tenant_id IS NOT DISTINCT FROM ${tenantId}::uuid`;
    return row.count;
  }

  /** Another document of this tenant that has the name. */
  async isNameTaken(t: Transaction, tenantId: string | null, nameKey: string, otherThan?: string): Promise<boolean> {
    const rows = await t.$queryRaw<unknown[]>`
      SELECT 1 FROM alert_rules WHERE tenant_id IS NOT DISTINCT FROM ${tenantId}::uuid AND name_key = ${nameKey}
        AND id IS DISTINCT FROM ${otherThan ?? null}::uuid`;
    return rows.length > 0;
  }

  async insert(t: Transaction, r: NewRules): Promise<void> {
    await t.$executeRaw`
      INSERT INTO alert_rules (id, tenant_id, name, name_key, revision, level, tag, site_id, gateway_id, document, changed_by_name,
        changed_at)
      VALUES (${r.id}::uuid, ${r.tenantId}::uuid, ${r.name}, ${r.nameKey}, ${r.revision}, ${r.level}, ${r.tag}, ${r.siteId}::uuid,
        ${r.gatewayId}::uuid, ${r.document}, ${r.changedByName}, ${r.changedAt})`;
  }

  /** True if the revision was still the one before this. */
  async update(t: Transaction, r: NewRules): Promise<boolean> {
    const changed = await t.$executeRaw`
      UPDATE alert_rules SET name = ${r.name}, name_key = ${r.nameKey}, revision = ${r.revision}, level = ${r.level}, tag = ${r.tag},
        site_id = ${r.siteId}::uuid, gateway_id = ${r.gatewayId}::uuid, document = ${r.document}, changed_by_name = ${r.changedByName},
        changed_at = ${r.changedAt}
      WHERE id = ${r.id}::uuid AND revision = ${r.revision - 1}`;
    return changed === 1;
  }

  async remove(t: Transaction, id: string): Promise<void> {
    await t.$executeRaw`DELETE FROM alert_rules WHERE id = ${id}::uuid`;
  }

  /** Also a revoked one, for which nothing is judged any more. */
  async isGateway(t: Transaction, id: string): Promise<boolean> {
    return (await t.gateway.count({ where: { id } })) === 1;
  }

  /** All gateways that are not revoked. */
  async places(t: Transaction): Promise<GatewayPlace[]> {
    return t.$queryRaw<GatewayPlace[]>`
      SELECT g.id, g.name, g.tenant_id AS "tenantId", g.site_id AS "siteId", g.tags, s.time_zone AS "timeZone"
      FROM gateway g JOIN site s ON s.id = g.site_id WHERE g.revoked_at IS NULL`;
  }
}
