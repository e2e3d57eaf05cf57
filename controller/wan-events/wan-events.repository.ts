import { Injectable } from '@nestjs/common';
import type { Transaction } from '../platform/database.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import type { ToldEvent } from './told.ts';

/** Of one gateway; older ones make room. */
const MAX_KEPT = 2000;
/** More gateways than a person would read of. */
const MAX_ABOUT = 200;

export interface ListFilter {
  limit: number;
  before?: string;
  tenant?: string;
  site?: string;
  gateway?: string;
  states?: readonly string[];
  from?: Date;
  to?: Date;
}

/** What was done about an event. */
export interface ActionRow {
  eventId: string;
  at: Date;
  kind: 'remediation-run' | 'flush';
  id: string;
  by: string;
  state: string;
  ended: number;
}

const GATEWAY = {
  gateway: {
    select: { id: true, name: true, tenantId: true, siteId: true, tenant: { select: { name: true } }, site: { select: { name: true } } },
  },
} as const;

@Injectable()
export class WanEventsRepository {
  /**
   * Stores events of one gateway; of each the highest revision stays. Returns the ids of those that were new or newer. An id that another
   * gateway has used is left alone.
   */
  async store(t: Transaction, { gatewayId, tenantId }: GatewayIdentity, events: readonly ToldEvent[], now: Date): Promise<string[]> {
    const rows = JSON.stringify(
      events.map(({ id, revision, record, beganAt, changedAt, closedAt, runIds, commandIds }) => ({
        id,
        revision,
        state: record.state,
        wan: record.wan,
        began_at: beganAt,
        changed_at: changedAt,
        closed_at: closedAt ?? null,
        record,
        run_ids: runIds,
        command_ids: commandIds,
      })),
    );
    const stored = await t.$queryRaw<{ id: string }[]>`
      INSERT INTO wan_event AS own (id, gateway_id, tenant_id, site_id, revision, state, wan, began_at, changed_at, closed_at, reported_at,
        record, run_ids, command_ids)
      SELECT told.id, gateway.id, ${tenantId}::uuid, gateway.site_id, told.revision, told.state, told.wan, told.began_at, told.changed_at,
        told.closed_at, ${now}, told.record, told.run_ids, told.command_ids
      FROM jsonb_to_recordset(${rows}::jsonb) AS told (id uuid, revision integer, state text, wan text, began_at timestamptz,
        changed_at timestamptz, closed_at timestamptz, record jsonb, run_ids uuid[], command_ids uuid[])
      JOIN gateway ON gateway.id = ${gatewayId}::uuid
      ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, state = excluded.state, wan = excluded.wan,
        began_at = excluded.began_at, changed_at = excluded.changed_at, closed_at = excluded.closed_at,
        reported_at = excluded.reported_at, record = excluded.record, run_ids = excluded.run_ids, command_ids = excluded.command_ids
        WHERE own.gateway_id = excluded.gateway_id AND own.revision < excluded.revision
      RETURNING own.id`;
    await t.$executeRaw`
      DELETE FROM wan_event WHERE gateway_id = ${gatewayId}::uuid AND id < (
        SELECT id FROM wan_event WHERE gateway_id = ${gatewayId}::uuid ORDER BY id DESC OFFSET ${MAX_KEPT - 1} LIMIT 1)`;
    return stored.map(({ id }) => id);
  }

  /** Newest first, up to `limit` + 1. */
  async list(t: Transaction, { limit, before, tenant, site, gateway, states, from, to }: ListFilter) {
    return t.wanEvent.findMany({
      where: {
        id: before ? { lt: before } : undefined,
        tenantId: tenant,
        siteId: site,
        gatewayId: gateway,
        state: states && { in: [...states] },
        beganAt: { gte: from, lt: to },
      },
      include: GATEWAY,
      orderBy: { id: 'desc' },
      take: limit + 1,
    });
  }

  /** Those that began since then, newest first, at most `most`. */
  async since(t: Transaction, gatewayIds: readonly string[], since: Date, most: number) {
    return t.wanEvent.findMany({
      where: { gatewayId: { in: [...gatewayIds] }, beganAt: { gte: since } },
      include: GATEWAY,
      orderBy: { id: 'desc' },
      take: most,
    });
  }

  /** Events of which a flush, or a run, ended flows. */
  async about(
    t: Transaction,
    { flushId, runIds = [] }: { flushId?: string; runIds?: readonly string[] },
  ): Promise<{ id: string; runIds: string[] }[]> {
    return t.$queryRaw<{ id: string; runIds: string[] }[]>`
      SELECT id, run_ids AS "runIds" FROM wan_event
      WHERE run_ids && ${[...runIds]}::uuid[]
        OR command_ids && ARRAY(SELECT id FROM command WHERE flush_id = ${flushId ?? null}::uuid)
      ORDER BY id DESC LIMIT ${MAX_ABOUT}`;
  }

  async findMany(t: Transaction, ids: readonly string[]) {
    return t.wanEvent.findMany({ where: { id: { in: [...ids] } }, include: GATEWAY });
  }

  /** What is on record of what gateways say was done: runs of remediations there, and the flushes of commands. In order. */
  async actions(t: Transaction, ids: readonly string[]): Promise<ActionRow[]> {
    return t.$queryRaw<ActionRow[]>`
      WITH event AS (SELECT id, gateway_id, run_ids, command_ids FROM wan_event WHERE id = ANY (${[...ids]}::uuid[]))
      SELECT event.id AS "eventId", run.triggered_at AS at, 'remediation-run' AS kind, run.id, run.remediation_name AS by, run.state,
        run.ended
      FROM event JOIN remediation_run run ON run.id = ANY (event.run_ids) AND run.gateway_id = event.gateway_id
      UNION ALL
      SELECT event.id, flush.started_at, 'flush', flush.id, flush.created_by_name, flush.state,
        coalesce(target.deleted + target.reset + target.blocked + target.expiring, 0)
      FROM event JOIN command ON command.id = ANY (event.command_ids) AND command.gateway_id = event.gateway_id
      JOIN flush ON flush.id = command.flush_id
      LEFT JOIN flush_target target ON target.flush_id = flush.id AND target.gateway_id = event.gateway_id
      ORDER BY at, id`;
  }
}
