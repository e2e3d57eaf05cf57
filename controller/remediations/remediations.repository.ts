import { Injectable } from '@nestjs/common';
import type { RemediationDocument } from '../../proto/http/remediation-document.ts';
import type { Prisma, Remediation } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import type { RemediationRow, RunSummary } from './rows.ts';

export type NewRemediation = Omit<RemediationRow, 'deletedAt' | keyof Approval | 'heldBackAt' | 'heldBackWhy'>;

/** Who approved which revision; all null for nobody. */
export type Approval = Pick<RemediationRow, 'approvedRevision' | 'approvedById' | 'approvedByName' | 'approvedAt'>;

/** What a new revision changes. */
export type RemediationChange = Partial<
  Pick<RemediationRow, 'name' | 'document' | 'authorId' | 'isEnabled' | 'isByToken' | 'heldBackAt' | 'heldBackWhy'> & Approval
> & { updatedAt: Date };

@Injectable()
export class RemediationsRepository {
  async insert(t: Transaction, { document, ...row }: NewRemediation): Promise<void> {
    await t.remediation.create({
      data: {
        ...row,
        hookSecret: row.hookSecret && new Uint8Array(row.hookSecret),
        document: document as unknown as Prisma.InputJsonObject,
      },
    });
  }

  /** By name, up to `limit` + 1; deleted ones are excluded. */
  async list(t: Transaction, { limit, after }: { limit: number; after?: { name: string; id: string } }): Promise<RemediationRow[]> {
    const rows = await t.remediation.findMany({
      where: { deletedAt: null, ...(after && { OR: [{ name: { gt: after.name } }, { name: after.name, id: { gt: after.id } }] }) },
      orderBy: [{ name: 'asc' }, { id: 'asc' }],
      take: limit + 1,
    });
    return rows.map(toRow);
  }

  /** Remediations that are enabled, of all tenants in scope. */
  async enabled(t: Transaction): Promise<RemediationRow[]> {
    return (await t.remediation.findMany({ where: { deletedAt: null, isEnabled: true }, orderBy: { id: 'asc' } })).map(toRow);
  }

  async find(t: Transaction, id: string): Promise<RemediationRow | undefined> {
    const row = await t.remediation.findFirst({ where: { id, deletedAt: null } });
    return row ? toRow(row) : undefined;
  }

  /** The name of a remediation that a gateway of the tenant may have, also after it was deleted. Undefined for those of other tenants. */
  async nameFor(t: Transaction, id: string, tenantId: string): Promise<string | undefined> {
    return (await t.remediation.findFirst({ where: { id, OR: [{ tenantId: null }, { tenantId }] }, select: { name: true } }))?.name;
  }

  /** True if the revision was still the one that the caller saw. */
  async update(t: Transaction, id: string, seen: number, change: RemediationChange): Promise<boolean> {
    const { document, ...columns } = change;
    const { count } = await t.remediation.updateMany({
      where: { id, revision: seen, deletedAt: null },
      data: { ...columns, revision: seen + 1, document: document as unknown as Prisma.InputJsonObject | undefined },
    });
    return count === 1;
  }

  /** True if this is still the revision, and nobody has approved it before. */
  async approve(t: Transaction, id: string, approval: Approval & { approvedRevision: number }): Promise<boolean> {
    const { approvedRevision: revision } = approval;
    const { count } = await t.remediation.updateMany({
      where: { id, revision, deletedAt: null, OR: [{ approvedRevision: null }, { approvedRevision: { not: revision } }] },
      data: approval,
    });
    return count === 1;
  }

  /** True if this is still the revision, and it was not held back before. */
  async holdBack(t: Transaction, id: string, revision: number, heldBackWhy: string, heldBackAt: Date): Promise<boolean> {
    return (
      (await t.remediation.updateMany({ where: { id, revision, heldBackAt: null, deletedAt: null }, data: { heldBackAt, heldBackWhy } }))
        .count === 1
    );
  }

  async remove(t: Transaction, id: string, now: Date): Promise<boolean> {
    return (await t.remediation.updateMany({ where: { id, deletedAt: null }, data: { deletedAt: now, isEnabled: false } })).count === 1;
  }

  /** By remediation, of runs since then. */
  async summaries(t: Transaction, ids: string[], since: Date): Promise<Map<string, RunSummary>> {
    const rows = await t.$queryRaw<{ id: string; runs: bigint; ended: bigint | null; last_at: Date; last_state: string }[]>`
      SELECT remediation_id AS id, count(*) AS runs, sum(ended) AS ended, max(triggered_at) AS last_at,
        (array_agg(state ORDER BY triggered_at DESC))[1] AS last_state
      FROM remediation_run WHERE remediation_id = ANY (${ids}::uuid[]) AND triggered_at >= ${since} GROUP BY remediation_id`;
    return new Map(
      rows.map((row) => [
        row.id,
        { runs: Number(row.runs), ended: Number(row.ended ?? 0), lastAt: row.last_at, lastState: row.last_state },
      ]),
    );
  }
}

function toRow(row: Remediation): RemediationRow {
  return { ...row, document: row.document as unknown as RemediationDocument };
}
