import { Injectable } from '@nestjs/common';
import type { Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { FoundAlert, OpenAlert } from './judging/found-alert.ts';

/** An alert with who its parent is, and whether a maintenance window keeps it from being told. */
export interface WrittenAlert extends FoundAlert {
  parentId?: string;
  silenced?: { until: Date; by: string; reason: string };
}

/** What raises and clears alerts. Each transition is written in the statement that changes its alert. */
@Injectable()
export class AlertsRepository {
  /** Of these gateways, and not cleared. */
  async open(t: Transaction, gatewayIds: string[]): Promise<OpenAlert[]> {
    return t.$queryRaw<OpenAlert[]>`
      SELECT id, fingerprint, gateway_id AS "gatewayId", kind, severity, parent_id AS "parentId", pending_since AS "pendingSince",
        raised_at IS NULL AS "isPending"
      FROM alert WHERE gateway_id = ANY (${gatewayIds}::uuid[]) AND cleared_at IS NULL ORDER BY pending_since, id`;
  }

  /**
   * Writes what pends and what is raised. One that is open already is brought up to date: it is raised if it only pended, and otherwise its
   * state stays. Returns the ids of what there is now.
   */
  async write(t: Transaction, alerts: WrittenAlert[], now: Date): Promise<{ id: string; fingerprint: string }[]> {
    const given = JSON.stringify(alerts.map((alert) => toRecord(alert, now)));
    return t.$queryRaw<{ id: string; fingerprint: string }[]>`
      WITH given AS (SELECT * FROM json_to_recordset(${given}::json) AS g(
        id uuid, transition_id uuid, tenant_id uuid, site_id uuid, gateway_id uuid, rule text, kind text, severity text, state text,
        fingerprint text, title text, cause text, likely text, value double precision, "limit" double precision, pending_since timestamptz,
        raised_at timestamptz, changed_at timestamptz, parent_id uuid, silenced_until timestamptz, silenced_by_name text,
        silence_reason text, wan_event_id uuid, remediation_id uuid, evidence jsonb, fix jsonb
      )), written AS (
        INSERT INTO alert (id, tenant_id, site_id, gateway_id, rule, kind, severity, state, fingerprint, title, cause, likely, value,
          "limit", pending_since, raised_at, changed_at, parent_id, silenced_until, silenced_by_name, silence_reason, wan_event_id,
          remediation_id, evidence, fix)
        SELECT id, tenant_id, site_id, gateway_id, rule, kind, severity, state, fingerprint, title, cause, likely, value, "limit",
          pending_since, raised_at, changed_at, parent_id, silenced_until, silenced_by_name, silence_reason, wan_event_id, remediation_id,
          evidence, fix
        FROM given ORDER BY fingerprint
        ON CONFLICT (fingerprint) WHERE cleared_at IS NULL DO UPDATE SET
          title = excluded.title, severity = excluded.severity, cause = excluded.cause, likely = excluded.likely, value = excluded.value,
          "limit" = excluded."limit", evidence = excluded.evidence, fix = excluded.fix, changed_at = excluded.changed_at,
          state = CASE WHEN alert.raised_at IS NULL THEN excluded.state ELSE alert.state END,
          parent_id = CASE WHEN alert.raised_at IS NULL THEN excluded.parent_id ELSE alert.parent_id END,
          silenced_until = CASE WHEN alert.raised_at IS NULL THEN excluded.silenced_until ELSE alert.silenced_until END,
          silenced_by_name = CASE WHEN alert.raised_at IS NULL THEN excluded.silenced_by_name ELSE alert.silenced_by_name END,
          silence_reason = CASE WHEN alert.raised_at IS NULL THEN excluded.silence_reason ELSE alert.silence_reason END,
          raised_at = coalesce(alert.raised_at, excluded.raised_at)
        RETURNING id, tenant_id, fingerprint, raised_at
      ), told AS (
        INSERT INTO alert_transition (id, alert_id, tenant_id, transition, at)
        SELECT given.transition_id, written.id, written.tenant_id, 'raised', written.raised_at
        FROM written JOIN given USING (fingerprint)
        WHERE written.raised_at IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM alert_transition r WHERE r.alert_id = written.id AND r.transition = 'raised')
      )
      SELECT id, fingerprint FROM written`;
  }

  /** Clears what is raised; whoever was part of it stands for itself from now on. Returns the ids. */
  async clear(t: Transaction, cleared: { fingerprint: string; at: Date }[], now: Date): Promise<string[]> {
    const given = JSON.stringify(cleared.map(({ fingerprint, at }) => ({ fingerprint, at, transition_id: newId() })));
    const rows = await t.$queryRaw<{ id: string }[]>`
      WITH given AS (
        SELECT * FROM json_to_recordset(${given}::json) AS g(fingerprint text, at timestamptz, transition_id uuid)
      ), cleared AS (
        UPDATE alert SET state = 'cleared', cleared_at = greatest(given.at, alert.raised_at), changed_at = ${now} FROM given
        WHERE alert.fingerprint = given.fingerprint AND alert.cleared_at IS NULL AND alert.raised_at IS NOT NULL
        RETURNING alert.id, alert.tenant_id, alert.cleared_at, given.transition_id
      ), told AS (
        INSERT INTO alert_transition (id, alert_id, tenant_id, transition, at)
        SELECT transition_id, id, tenant_id, 'cleared', cleared_at FROM cleared
      )
      SELECT id FROM cleared`;
    const ids = rows.map(({ id }) => id);
    if (ids.length > 0)
      await t.$executeRaw`UPDATE alert SET parent_id = NULL WHERE parent_id = ANY (${ids}::uuid[]) AND cleared_at IS NULL`;
    return ids;
  }

  /** Forgets what only pended: it was never told. */
  async withdraw(t: Transaction, fingerprints: string[]): Promise<void> {
    await t.$executeRaw`DELETE FROM alert WHERE fingerprint = ANY (${fingerprints}) AND cleared_at IS NULL AND raised_at IS NULL`;
  }

  /** Makes alerts, and what is part of them, part of another. */
  async adopt(t: Transaction, adopted: { parentId: string; childIds: string[] }[]): Promise<void> {
    const pairs = adopted.flatMap(({ parentId, childIds }) => childIds.map((child) => ({ parent: parentId, child })));
    if (pairs.length === 0) return;
    await t.$executeRaw`
      UPDATE alert SET parent_id = g.parent FROM json_to_recordset(${JSON.stringify(pairs)}::json) AS g(parent uuid, child uuid)
      WHERE (alert.id = g.child OR alert.parent_id = g.child) AND alert.id <> g.parent AND alert.cleared_at IS NULL`;
  }

  /** Says of alerts that something became part of them. */
  async grew(t: Transaction, parents: { id: string; tenantId?: string; note: string }[], now: Date): Promise<void> {
    const given = JSON.stringify(parents.map(({ id, tenantId, note }) => ({ id: newId(), alert_id: id, tenant_id: tenantId, note })));
    await t.$executeRaw`
      INSERT INTO alert_transition (id, alert_id, tenant_id, transition, at, note)
      SELECT id, alert_id, tenant_id, 'grew', ${now}, note
      FROM json_to_recordset(${given}::json) AS g(id uuid, alert_id uuid, tenant_id uuid, note text)`;
  }

  /** Tells of what a silence kept from being told and that is still open, once the silence has ended. */
  async endSilences(t: Transaction, now: Date): Promise<string[]> {
    const rows = await t.$queryRaw<{ id: string }[]>`
      WITH told AS (
        UPDATE alert SET state = CASE WHEN acknowledged_at IS NULL THEN 'raised' ELSE 'acknowledged' END, changed_at = ${now},
          silenced_until = NULL, silenced_by_name = NULL, silence_reason = NULL
        WHERE state = 'silenced' AND silenced_until <= ${now} RETURNING id, tenant_id
      ), noted AS (
        INSERT INTO alert_transition (id, alert_id, tenant_id, transition, at) SELECT gen_random_uuid(), id, tenant_id, 'unsilenced', ${now}
        FROM told
      )
      SELECT id FROM told`;
    return rows.map(({ id }) => id);
  }
}

function toRecord(alert: WrittenAlert, now: Date): object {
  const { silenced, raisedAt } = alert;
  return {
    id: alert.id,
    transition_id: newId(),
    tenant_id: alert.tenantId,
    site_id: alert.siteId,
    gateway_id: alert.gatewayId,
    rule: alert.rule,
    kind: alert.kind,
    severity: alert.severity,
    state: raisedAt === undefined ? 'pending' : silenced ? 'silenced' : 'raised',
    fingerprint: alert.fingerprint,
    title: alert.title,
    cause: alert.cause,
    likely: alert.likely,
    value: alert.value,
    limit: alert.limit,
    pending_since: alert.pendingSince,
    raised_at: raisedAt,
    changed_at: now,
    parent_id: alert.parentId,
    silenced_until: silenced?.until,
    silenced_by_name: silenced?.by,
    silence_reason: silenced?.reason,
    wan_event_id: alert.wanEventId,
    remediation_id: alert.remediationId,
    evidence: alert.evidence,
    fix: alert.fix,
  };
}
