import { Inject, Injectable } from '@nestjs/common';
import type { RemediationRunPart } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { GatewayRun } from './hold-back.ts';
import { RUN_CHANGED } from './notifications.ts';
import type { RunRow } from './rows.ts';

/** A part of a gateway's run: how many flows it lists, and how many of them were ended. */
export interface NewPart {
  runId: string;
  tenantId: string;
  gatewayId: string;
  part: number;
  flows: number;
  ended: number;
  lastSweep: number;
  left: number;
  sweeps: Uint8Array;
}

/** Watchers are notified of a run in the transaction that changes it. */
@Injectable()
export class RunsRepository {
  constructor(@Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications) {}

  /** False if this run, or one on the same occasion, is already recorded. */
  async insert(t: Transaction, run: RunRow): Promise<boolean> {
    const isNew = (await t.remediationRun.createMany({ data: [run], skipDuplicates: true })).count === 1;
    if (isNew) await this.notifications.send(t, RUN_CHANGED, run.id);
    return isNew;
  }

  async update(
    t: Transaction,
    id: string,
    change: Partial<
      Pick<RunRow, 'state' | 'startedAt' | 'finishedAt' | 'reason' | 'matched' | 'ended' | 'planId' | 'flushId' | 'tenantIds'>
    >,
  ): Promise<void> {
    await t.remediationRun.updateMany({ where: { id }, data: change });
    await this.notifications.send(t, RUN_CHANGED, id);
  }

  /** Newest first, up to `limit` + 1. */
  async list(
    t: Transaction,
    {
      limit,
      before,
      remediation,
      tenant,
      gateway,
    }: { limit: number; before?: string; remediation?: string; tenant?: string; gateway?: string },
  ): Promise<RunRow[]> {
    return t.remediationRun.findMany({
      where: {
        id: before ? { lt: before } : undefined,
        remediationId: remediation,
        tenantIds: tenant ? { has: tenant } : undefined,
        gatewayId: gateway,
      },
      orderBy: { id: 'desc' },
      take: limit + 1,
    });
  }

  async findMany(t: Transaction, ids: string[]): Promise<RunRow[]> {
    return t.remediationRun.findMany({ where: { id: { in: ids } } });
  }

  async find(t: Transaction, id: string): Promise<RunRow | undefined> {
    return (await t.remediationRun.findUnique({ where: { id } })) ?? undefined;
  }

  /** The run on an occasion. */
  async onOccasion(t: Transaction, remediationId: string, occasion: string): Promise<RunRow | undefined> {
    return (await t.remediationRun.findUnique({ where: { remediationId_occasion: { remediationId, occasion } } })) ?? undefined;
  }

  /** Runs of the controller that touched something, newest first, at most `most`. */
  async newest(t: Transaction, remediationId: string, most: number): Promise<RunRow[]> {
    const touched = ['running', 'done', 'failed', 'indeterminate'];
    return t.remediationRun.findMany({
      where: { remediationId, gatewayId: null, state: { in: touched } },
      orderBy: { id: 'desc' },
      take: most,
    });
  }

  /** Runs of a revision on gateways that found something since then. */
  async ofRevision(t: Transaction, remediationId: string, revision: number, since: Date): Promise<GatewayRun[]> {
    const rows = await t.remediationRun.findMany({
      where: {
        remediationId,
        revision,
        gatewayId: { not: null },
        state: { in: ['done', 'failed', 'indeterminate'] },
        reportedAt: { gte: since },
        OR: [{ matched: { gt: 0 } }, { isFailed: true }],
      },
      select: { gatewayId: true, tenantIds: true, isFailed: true, ended: true, reportedAt: true },
    });
    return rows.map(({ gatewayId, tenantIds, reportedAt, ...run }) => ({
      ...run,
      gatewayId: gatewayId!,
      tenantId: tenantIds[0]!,
      reportedAtMs: reportedAt.getTime(),
    }));
  }

  /** The newest occasion with this prefix. */
  async lastOccasion(t: Transaction, remediationId: string, prefix: string): Promise<string | undefined> {
    return (
      (
        await t.remediationRun.findFirst({
          where: { remediationId, occasion: { startsWith: prefix } },
          orderBy: { occasion: 'desc' },
          select: { occasion: true },
        })
      )?.occasion ?? undefined
    );
  }

  /** Runs whose flush has ended since. */
  async finishFromFlushes(t: Transaction): Promise<string[]> {
    const rows = await t.$queryRaw<{ id: string }[]>`
      UPDATE remediation_run r SET
        state = CASE f.state WHEN 'verified' THEN 'done' WHEN 'partial' THEN 'done' ELSE 'failed' END,
        reason = CASE f.state WHEN 'verified' THEN r.reason ELSE 'its flush ended ' || f.state END,
        finished_at = f.finished_at,
        ended = (SELECT coalesce(sum(deleted + reset + blocked + expiring), 0) FROM flush_target WHERE flush_id = f.id)
      FROM flush f WHERE f.id = r.flush_id AND r.state = 'running' AND f.finished_at IS NOT NULL RETURNING r.id`;
    await this.notifications.sendAll(
      t,
      RUN_CHANGED,
      rows.map(({ id }) => id),
    );
    return rows.map((row) => row.id);
  }

  /** Ends runs that began before `before` and have no flush: whether there was one is unknown. */
  async finishOrphans(t: Transaction, before: Date, now: Date): Promise<void> {
    const rows = await t.remediationRun.updateManyAndReturn({
      where: { state: 'running', flushId: null, reportedAt: { lt: before } },
      select: { id: true },
      data: {
        state: 'indeterminate',
        finishedAt: now,
        reason: 'the controller stopped before it could record the outcome of this run; see the plans and flushes in its name',
      },
    });
    await this.notifications.sendAll(
      t,
      RUN_CHANGED,
      rows.map(({ id }) => id),
    );
  }

  /** Stores a part of a gateway's run, idempotently; false if the run has parts of another gateway. */
  async insertPart(t: Transaction, part: NewPart): Promise<boolean> {
    const { runId, tenantId, gatewayId, flows, ended, lastSweep, left } = part;
    return (
      (await t.$executeRaw`
      INSERT INTO remediation_run_part AS own (run_id, tenant_id, part, flows, sweeps, gateway_id, ended, last_sweep, left_flows)
      VALUES (
        ${runId}::uuid, ${tenantId}::uuid, ${part.part}, ${flows}, ${new Uint8Array(part.sweeps)},
        ${gatewayId}::uuid, ${ended}, ${lastSweep}, ${left}
      )
      ON CONFLICT (run_id, part) DO UPDATE
        SET flows = excluded.flows, sweeps = excluded.sweeps, gateway_id = excluded.gateway_id, ended = excluded.ended,
          last_sweep = excluded.last_sweep, left_flows = excluded.left_flows
        WHERE own.gateway_id IS NULL OR own.gateway_id = excluded.gateway_id`) === 1
    );
  }

  /** The totals of the parts of a gateway's run; `left`: flows of its last sweep that should be gone. */
  async sumsOf(t: Transaction, runId: string, gatewayId: string): Promise<{ flows: number; ended: number; left: number; bytes: number }> {
    const [row] = await t.$queryRaw<Record<'flows' | 'ended' | 'left_flows' | 'bytes', bigint>[]>`
      WITH own AS (
        SELECT *, max(last_sweep) OVER () AS newest
        FROM remediation_run_part
        WHERE run_id = ${runId}::uuid AND gateway_id = ${gatewayId}::uuid
      )
      SELECT coalesce(sum(flows), 0)::bigint AS flows,
        coalesce(sum(ended), 0)::bigint AS ended,
        coalesce(sum(octet_length(sweeps)), 0)::bigint AS bytes,
        coalesce(sum(left_flows) FILTER (WHERE last_sweep = newest), 0)::bigint AS left_flows
      FROM own`;
    return {
      flows: Number(row?.flows ?? 0),
      ended: Number(row?.ended ?? 0),
      left: Number(row?.left_flows ?? 0),
      bytes: Number(row?.bytes ?? 0),
    };
  }

  /**
   * Drops parts of a gateway's other runs that were never reported completely: an agent reports one run after the other, from its first
   * part.
   */
  async dropUnfinished(t: Transaction, gatewayId: string, runId: string): Promise<void> {
    await t.$executeRaw`
      DELETE FROM remediation_run_part part WHERE part.gateway_id = ${gatewayId}::uuid AND part.run_id <> ${runId}::uuid
        AND NOT EXISTS (SELECT 1 FROM remediation_run WHERE id = part.run_id)`;
  }

  /** How many runs a gateway has reported since then. */
  async reportedSince(t: Transaction, gatewayId: string, since: Date): Promise<number> {
    return t.remediationRun.count({ where: { gatewayId, reportedAt: { gte: since } } });
  }

  async parts(t: Transaction, runId: string): Promise<RemediationRunPart[]> {
    return t.remediationRunPart.findMany({ where: { runId }, orderBy: { part: 'asc' } });
  }
}
