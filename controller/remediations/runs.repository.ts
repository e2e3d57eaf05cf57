import { Injectable } from '@nestjs/common';
import type { RemediationRunPart } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import type { GatewayRun } from './hold-back.ts';
import type { RunRow } from './rows.ts';

@Injectable()
export class RunsRepository {
  /** False if that run, or one on the same occasion, is on record. */
  async insert(t: Transaction, run: RunRow): Promise<boolean> {
    return (await t.remediationRun.createMany({ data: [run], skipDuplicates: true })).count === 1;
  }

  async update(t: Transaction, id: string, change: Partial<Pick<RunRow, 'state' | 'startedAt' | 'finishedAt' | 'reason' | 'matched' | 'ended' | 'planId' | 'flushId' | 'tenantIds'>>): Promise<void> {
    await t.remediationRun.updateMany({ where: { id }, data: change });
  }

  /** Newest first, one more than `limit`. */
  async list(t: Transaction, { limit, before, remediation, gateway }: { limit: number; before?: string; remediation?: string; gateway?: string }): Promise<RunRow[]> {
    return t.remediationRun.findMany({ where: { id: before ? { lt: before } : undefined, remediationId: remediation, gatewayId: gateway }, orderBy: { id: 'desc' }, take: limit + 1 });
  }

  async find(t: Transaction, id: string): Promise<RunRow | undefined> {
    return (await t.remediationRun.findUnique({ where: { id } })) ?? undefined;
  }

  /** The run on an occasion. */
  async onOccasion(t: Transaction, remediationId: string, occasion: string): Promise<RunRow | undefined> {
    return (await t.remediationRun.findUnique({ where: { remediationId_occasion: { remediationId, occasion } } })) ?? undefined;
  }

  /** Runs of the controller that touched something since then, newest first. */
  async since(t: Transaction, remediationId: string, since: Date): Promise<RunRow[]> {
    return t.remediationRun.findMany({ where: { remediationId, gatewayId: null, state: { in: ['running', 'done', 'failed', 'indeterminate'] }, triggeredAt: { gte: since } }, orderBy: { triggeredAt: 'desc' } });
  }

  /** Runs of a revision on gateways that found something since then. */
  async ofRevision(t: Transaction, remediationId: string, revision: number, since: Date): Promise<GatewayRun[]> {
    const rows = await t.remediationRun.findMany({
      where: { remediationId, revision, gatewayId: { not: null }, state: { in: ['done', 'failed', 'indeterminate'] }, reportedAt: { gte: since }, OR: [{ matched: { gt: 0 } }, { isFailed: true }] },
      select: { gatewayId: true, tenantIds: true, isFailed: true, ended: true, reportedAt: true },
    });
    return rows.map(({ gatewayId, tenantIds, reportedAt, ...run }) => ({ ...run, gatewayId: gatewayId!, tenantId: tenantIds[0]!, reportedAtMs: reportedAt.getTime() }));
  }

  /** The newest occasion that begins so. */
  async lastOccasion(t: Transaction, remediationId: string, prefix: string): Promise<string | undefined> {
    return (await t.remediationRun.findFirst({ where: { remediationId, occasion: { startsWith: prefix } }, orderBy: { occasion: 'desc' }, select: { occasion: true } }))?.occasion ?? undefined;
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
    return rows.map((row) => row.id);
  }

  /** Runs that began before then and have no flush: whether there is one is not known. */
  async finishOrphans(t: Transaction, before: Date, now: Date): Promise<void> {
    await t.remediationRun.updateMany({
      where: { state: 'running', flushId: null, reportedAt: { lt: before } },
      data: { state: 'indeterminate', finishedAt: now, reason: 'the controller ended before it could say what came of this run; plans and flushes in its name are on record' },
    });
  }

  async insertPart(t: Transaction, part: { runId: string; tenantId: string; part: number; flows: number; sweeps: Uint8Array }): Promise<void> {
    await t.remediationRunPart.createMany({ data: [{ ...part, sweeps: new Uint8Array(part.sweeps) }], skipDuplicates: true });
  }

  async parts(t: Transaction, runId: string): Promise<RemediationRunPart[]> {
    return t.remediationRunPart.findMany({ where: { runId }, orderBy: { part: 'asc' } });
  }
}
