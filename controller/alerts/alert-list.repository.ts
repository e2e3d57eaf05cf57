import { Injectable } from '@nestjs/common';
import type { Alert } from '../../proto/http/alerts.ts';
import type { Severity, Transition } from '../../proto/model/alerts/kinds.ts';
import { Prisma } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { AlertRow, TransitionRow } from './rows.ts';

export interface Wanted {
  tenant?: string;
  site?: string;
  gateway?: string;
  parent?: string;
  state?: string;
  severity?: string;
  kind?: string;
  from?: string;
  to?: string;
  limit: number;
  after?: { isCleared: boolean; at: string; id: string };
}

const ROWS = Prisma.sql`
  SELECT a.id, a.tenant_id AS "tenantId", t.name AS "tenantName", a.site_id AS "siteId", s.name AS "siteName",
    a.gateway_id AS "gatewayId", g.name AS "gatewayName", a.rule, a.kind, a.severity, a.state, a.fingerprint, a.title, a.cause, a.likely,
    a.value, a."limit", a.pending_since AS "pendingSince", a.raised_at AS "raisedAt", a.cleared_at AS "clearedAt",
    a.changed_at AS "changedAt", a.acknowledged_by_name AS "acknowledgedByName", a.acknowledged_at AS "acknowledgedAt",
    a.assigned_to_id AS "assignedToId", u.name AS "assignedToName", a.silenced_until AS "silencedUntil",
    a.silenced_by_name AS "silencedByName", a.silence_reason AS "silenceReason", a.parent_id AS "parentId",
    (SELECT count(*)::int FROM alert c WHERE c.parent_id = a.id) AS children, a.wan_event_id AS "wanEventId",
    a.remediation_id AS "remediationId", a.evidence, a.fix
  FROM alert a LEFT JOIN tenant t ON t.id = a.tenant_id LEFT JOIN site s ON s.id = a.site_id LEFT JOIN gateway g ON g.id = a.gateway_id
  LEFT JOIN "user" u ON u.id = a.assigned_to_id::text`;

/** Alerts as a caller’s tenants see them, and what people do about them. */
@Injectable()
export class AlertListRepository {
  /** Open ones first, then the newest; up to `limit` + 1. */
  async list(t: Transaction, wanted: Wanted): Promise<AlertRow[]> {
    const { after } = wanted;
    const conditions = [
      wanted.tenant && Prisma.sql`a.tenant_id = ${wanted.tenant}::uuid`,
      wanted.site && Prisma.sql`a.site_id = ${wanted.site}::uuid`,
      wanted.gateway && Prisma.sql`a.gateway_id = ${wanted.gateway}::uuid`,
      wanted.parent ? Prisma.sql`a.parent_id = ${wanted.parent}::uuid` : Prisma.sql`a.parent_id IS NULL`,
      wanted.state && (wanted.state === 'open' ? Prisma.sql`a.cleared_at IS NULL` : Prisma.sql`a.state = ${wanted.state}`),
      wanted.severity && Prisma.sql`a.severity = ${wanted.severity}`,
      wanted.kind && Prisma.sql`a.kind = ${wanted.kind}`,
      wanted.from && Prisma.sql`a.changed_at >= ${wanted.from}::timestamptz`,
      wanted.to && Prisma.sql`a.pending_since < ${wanted.to}::timestamptz`,
      after &&
        Prisma.sql`(a.cleared_at IS NULL, a.pending_since, a.id) < (${!after.isCleared}, ${after.at}::timestamptz, ${after.id}::uuid)`,
    ].filter((condition) => condition !== undefined && condition !== '');
    return t.$queryRaw<AlertRow[]>`
      ${ROWS} WHERE ${Prisma.join(conditions as Prisma.Sql[], ' AND ')}
      ORDER BY a.cleared_at IS NULL DESC, a.pending_since DESC, a.id DESC LIMIT ${wanted.limit + 1}`;
  }

  async find(t: Transaction, id: string): Promise<AlertRow | undefined> {
    return (await t.$queryRaw<AlertRow[]>`${ROWS} WHERE a.id = ${id}::uuid`)[0];
  }

  /** Up to 200, the oldest first. */
  async childrenOf(t: Transaction, id: string): Promise<AlertRow[]> {
    return t.$queryRaw<AlertRow[]>`${ROWS} WHERE a.parent_id = ${id}::uuid ORDER BY a.pending_since, a.id LIMIT 200`;
  }

  /** In order, the last 500. */
  async transitions(t: Transaction, id: string): Promise<TransitionRow[]> {
    const rows = await t.$queryRaw<TransitionRow[]>`
      SELECT id, transition, at, by_name AS "byName", note FROM alert_transition WHERE alert_id = ${id}::uuid
      ORDER BY at DESC, id DESC LIMIT 500`;
    return rows.toReversed();
  }

  /** Open and raised ones, by severity and state. */
  async counts(t: Transaction): Promise<{ severity: Severity; state: string; count: number }[]> {
    return t.$queryRaw<{ severity: Severity; state: string; count: number }[]>`
      SELECT severity, state, count(*)::int AS count FROM alert WHERE cleared_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2`;
  }

  async lastClearedAt(t: Transaction): Promise<Date | null> {
    const [row] = await t.$queryRaw<[{ at: Date | null }]>`SELECT max(cleared_at) AS at FROM alert`;
    return row.at;
  }

  async briefly(
    t: Transaction,
    ids: string[],
  ): Promise<{ alertId: string; gatewayId: string | null; severity: Severity; state: Alert['state'] }[]> {
    return t.$queryRaw`SELECT id AS "alertId", gateway_id AS "gatewayId", severity, state FROM alert WHERE id = ANY (${ids}::uuid[])`;
  }

  /** Until the transaction ends nobody else changes it. */
  async lock(t: Transaction, id: string): Promise<void> {
    await t.$executeRaw`SELECT 1 FROM alert WHERE id = ${id}::uuid FOR UPDATE`;
  }

  async acknowledge(t: Transaction, id: string, byName: string, at: Date): Promise<void> {
    await t.$executeRaw`
      UPDATE alert SET acknowledged_by_name = ${byName}, acknowledged_at = ${at}, changed_at = ${at},
        state = CASE WHEN state = 'raised' THEN 'acknowledged' ELSE state END
      WHERE id = ${id}::uuid`;
  }

  async assign(t: Transaction, id: string, personId: string | null, at: Date): Promise<void> {
    await t.$executeRaw`UPDATE alert SET assigned_to_id = ${personId}::uuid, changed_at = ${at} WHERE id = ${id}::uuid`;
  }

  /** `until` null ends it. */
  async silence(t: Transaction, id: string, by: { name: string; reason?: string; until: Date | null }, at: Date): Promise<void> {
    await t.$executeRaw`
      UPDATE alert SET silenced_until = ${by.until}, silenced_by_name = ${by.until && by.name},
        silence_reason = ${by.until && (by.reason ?? '')}, changed_at = ${at},
        state = CASE WHEN ${by.until !== null} THEN 'silenced' WHEN acknowledged_at IS NULL THEN 'raised' ELSE 'acknowledged' END
      WHERE id = ${id}::uuid`;
  }

  async note(t: Transaction, alert: AlertRow, transition: Transition, by: { name: string; note?: string }, at: Date): Promise<void> {
    await t.$executeRaw`
      INSERT INTO alert_transition (id, alert_id, tenant_id, transition, at, by_name, note)
      VALUES (${newId()}::uuid, ${alert.id}::uuid, ${alert.tenantId}::uuid, ${transition}, ${at}, ${by.name}, ${by.note ?? null})`;
  }

  /** The name of a person who may see this tenant’s alerts; of everybody who sees all tenants where it has none. */
  async personName(t: Transaction, personId: string, tenantId: string | null): Promise<string | undefined> {
    const rows = await t.$queryRaw<{ name: string }[]>`
      SELECT u.name FROM "user" u WHERE u.id = ${personId} AND u.suspended_at IS NULL
        AND EXISTS (SELECT 1 FROM role_grant r WHERE r.user_id = u.id AND (r.tenant_id IS NULL OR r.tenant_id = ${tenantId}::uuid))`;
    return rows[0]?.name;
  }
}
