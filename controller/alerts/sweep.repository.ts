import { Injectable } from '@nestjs/common';
import { Prisma } from '../generated/prisma/client.ts';
import { SILENCE_MS } from '../link/session.ts';
import { RECONNECTING_MS } from '../link/session-state.ts';
import type { Transaction } from '../platform/database.ts';
import { SWEPT_KINDS, type Conditions } from './judging/conditions.ts';

export const SWEEP_SECONDS = 15;
/** Sweeps that did not run for so long were down, and everything may look silent. */
const BREAK_SECONDS = 60;
const AUDIT_HOURS = 24;
/** A run that failed longer ago is told no more. */
const FAILED_HOURS = 1;
/** Of one kind, in one sweep. */
const MAX_ROWS = 20_000;

const GATEWAY = Prisma.sql`g.tenant_id AS "tenantId", g.site_id AS "siteId", g.id AS "gatewayId", g.name AS "gatewayName"`;
const LIMIT = Prisma.sql`LIMIT ${MAX_ROWS}`;
const span = (length: number, unit: 'milliseconds' | 'seconds' | 'hours'): Prisma.Sql => Prisma.sql`${`${length} ${unit}`}::interval`;

/** An alert of what sweeps judge, or whose rule or gateway may be gone. */
export interface StandingAlert {
  fingerprint: string;
  kind: string;
  rule: string;
  gatewayId: string | null;
  isPending: boolean;
}

/** Reads what may be bad: gateways and remediations that are well are not in it. */
@Injectable()
export class SweepRepository {
  /** Takes the turn of this sweep, for this transaction; undefined if it is another’s, or not yet due. */
  async takeTurn(t: Transaction): Promise<{ now: Date; steadySince: Date; auditBreak: string | null } | undefined> {
    const due = await t.$queryRaw<unknown[]>`
      SELECT 1 FROM alert_sweep
      WHERE ran_at <= now() - ${span(SWEEP_SECONDS, 'seconds')} OR ran_at > now() + interval '1 minute' FOR UPDATE SKIP LOCKED`;
    if (due.length === 0) return undefined;
    const [turn] = await t.$queryRaw<{ now: Date; steadySince: Date; auditBreak: string | null }[]>`
      UPDATE alert_sweep SET ran_at = now(),
        steady_since = CASE WHEN now() - ran_at > ${span(BREAK_SECONDS, 'seconds')} THEN now() ELSE steady_since END
      RETURNING ran_at AS now, audit_break AS "auditBreak", greatest(steady_since, (
        SELECT coalesce(min(started_at), now()) FROM replica
        WHERE 'link' = ANY (roles) AND ended_at IS NULL AND heartbeat_at > now() - interval '15 seconds'
      )) AS "steadySince"`;
    return turn;
  }

  async conditions(t: Transaction): Promise<Omit<Conditions, 'now' | 'steadySince' | 'auditBreak'>> {
    return {
      silent: await t.$queryRaw<Conditions['silent']>`
        SELECT ${GATEWAY}, coalesce(
          CASE WHEN l.interrupted_at >= l.closed_at THEN l.interrupted_at + ${span(RECONNECTING_MS, 'milliseconds')} END,
          l.closed_at, l.last_heard_at
        ) AS since
        FROM link_session l JOIN gateway g ON g.id = l.gateway_id
        WHERE g.revoked_at IS NULL AND g.set_aside_at IS NULL
          AND (l.closed_at IS NOT NULL OR l.last_heard_at < now() - ${span(SILENCE_MS, 'milliseconds')})
        ORDER BY g.id ${LIMIT}`,
      certificates: await t.$queryRaw<Conditions['certificates']>`
        SELECT ${GATEWAY}, g.certificate_ends_at AS "endsAt" FROM gateway g
        WHERE g.revoked_at IS NULL AND g.certificate_ends_at IS NOT NULL ORDER BY g.certificate_ends_at ${LIMIT}`,
      guards: await t.$queryRaw<Conditions['guards']>`
        SELECT ${GATEWAY}, g.guard->>'error' AS error FROM gateway g
        WHERE g.revoked_at IS NULL AND g.guard->>'error' IS NOT NULL ORDER BY g.id ${LIMIT}`,
      drifts: await t.$queryRaw<Conditions['drifts']>`
        SELECT ${GATEWAY}, min(d.since) AS since, count(*)::int AS count, (array_agg(d.path ORDER BY d.since, d.path))[1] AS path
        FROM policy_drift d JOIN gateway g ON g.id = d.gateway_id
        WHERE g.revoked_at IS NULL AND d.state = 'open' GROUP BY g.id ORDER BY g.id ${LIMIT}`,
      heldBack: await t.$queryRaw<Conditions['heldBack']>`
        SELECT id, name, tenant_id AS "tenantId", held_back_at AS at, held_back_why AS why FROM remediation
        WHERE held_back_at IS NOT NULL AND is_enabled AND deleted_at IS NULL ORDER BY id ${LIMIT}`,
      failedRuns: await t.$queryRaw<Conditions['failedRuns']>`
        SELECT * FROM (
          SELECT DISTINCT ON (r.remediation_id, r.gateway_id) r.id, r.remediation_id AS "remediationId", r.remediation_name AS name,
            CASE WHEN cardinality(r.tenant_ids) = 1 THEN r.tenant_ids[1] END AS "tenantId", r.reported_at AS at, r.reason,
            r.gateway_id AS "gatewayId", r.gateway_name AS "gatewayName", r.is_failed
          FROM remediation_run r JOIN remediation m ON m.id = r.remediation_id AND m.deleted_at IS NULL
          WHERE r.reported_at > now() - ${span(FAILED_HOURS, 'hours')} AND r.finished_at IS NOT NULL
          ORDER BY r.remediation_id, r.gateway_id, r.id DESC
        ) AS last WHERE is_failed ORDER BY id ${LIMIT}`,
    };
  }

  /** What is not cleared: of swept kinds, and of any kind that a gateway has. */
  async standing(t: Transaction): Promise<StandingAlert[]> {
    return t.$queryRaw<StandingAlert[]>`
      SELECT fingerprint, kind, rule, gateway_id AS "gatewayId", raised_at IS NULL AS "isPending" FROM alert
      WHERE cleared_at IS NULL AND (gateway_id IS NOT NULL OR kind = ANY (${[...SWEPT_KINDS] as string[]}))`;
  }

  /** True for the one worker that is to verify the audit chains now. */
  async takeAuditTurn(t: Transaction): Promise<boolean> {
    const taken = await t.$executeRaw`
      UPDATE alert_sweep SET audit_checked_at = now()
      WHERE audit_checked_at < now() - ${span(AUDIT_HOURS, 'hours')}`;
    return taken === 1;
  }

  async setAuditBreak(t: Transaction, why: string | null): Promise<void> {
    await t.$executeRaw`UPDATE alert_sweep SET audit_break = ${why}`;
  }
}
