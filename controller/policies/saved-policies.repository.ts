import { Injectable } from '@nestjs/common';
import { MAX_REVISIONS, MAX_REVISION_BYTES } from '../../proto/http/saved-policies.ts';
import type { Policy, PolicyRevision } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import type { PolicyRow, WholePolicyRow } from './rows.ts';
import type { TargetColumns } from './targets.ts';

const NAMES = { tenant: { select: { name: true } }, site: { select: { name: true } }, gateway: { select: { name: true } } } as const;

/** Policies as a caller’s tenants see them: row-level security leaves only those of the tenants in scope, and to `all` those of nobody. */
@Injectable()
export class SavedPoliciesRepository {
  /** By name, up to `limit` + 1, without documents. */
  async list(t: Transaction, wanted: { tenant?: string; limit: number; after?: { name: string; id: string } }): Promise<PolicyRow[]> {
    const { after } = wanted;
    return t.policy.findMany({
      where: {
        tenantId: wanted.tenant,
        ...(after && { OR: [{ name: { gt: after.name } }, { name: after.name, id: { gt: after.id } }] }),
      },
      include: NAMES,
      omit: { document: true },
      orderBy: [{ name: 'asc' }, { id: 'asc' }],
      take: wanted.limit + 1,
    });
  }

  async find(t: Transaction, id: string): Promise<WholePolicyRow | undefined> {
    return (await t.policy.findUnique({ where: { id }, include: NAMES })) ?? undefined;
  }

  async findNamed(t: Transaction, tenantId: string | null, nameKey: string): Promise<WholePolicyRow | undefined> {
    return (await t.policy.findFirst({ where: { tenantId, nameKey }, include: NAMES })) ?? undefined;
  }

  /** One after the other: how many policies there may be is decided by those that are there. */
  async lockOf(t: Transaction, tenantId: string | null): Promise<void> {
    await t.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`policies of ${tenantId ?? 'the installation'}`}, 0))`;
  }

  /** Of the tenant, or of the installation. */
  async sizes(t: Transaction, tenantId: string | null): Promise<{ policies: number; bytes: number }> {
    const [sizes] = await t.$queryRaw<[{ policies: bigint; bytes: bigint }]>`
      SELECT count(*) AS policies, coalesce(sum(octet_length(document)), 0) AS bytes FROM policy
      WHERE tenant_id IS NOT DISTINCT FROM ${tenantId}::uuid`;
    return { policies: Number(sizes.policies), bytes: Number(sizes.bytes) };
  }

  async insert(t: Transaction, policy: Policy): Promise<void> {
    await t.policy.create({ data: policy });
  }

  /** True if the revision was still the one that the caller saw; then it is the next. */
  async update(t: Transaction, id: string, seen: number, change: Partial<Policy>): Promise<boolean> {
    return (await t.policy.updateMany({ where: { id, revision: seen }, data: { ...change, revision: seen + 1 } })).count === 1;
  }

  /** Of a pipeline that has found nothing to change. */
  async noteManager(t: Transaction, id: string, { managedRevision }: { managedRevision?: string | null }): Promise<void> {
    if (managedRevision !== undefined) await t.policy.updateMany({ where: { id }, data: { managedRevision } });
  }

  /** The name of the site or gateway that it is for, if it is of the tenant; null for what is neither. */
  async placeName(t: Transaction, tenantId: string | null, { siteId, gatewayId }: TargetColumns): Promise<string | null | undefined> {
    if (siteId === null && gatewayId === null) return null;
    if (tenantId === null) return undefined;
    const select = { name: true } as const;
    const place =
      siteId === null
        ? await t.gateway.findFirst({ where: { id: gatewayId!, tenantId }, select })
        : await t.site.findFirst({ where: { id: siteId, tenantId }, select });
    return place?.name;
  }

  /** Those of these tenants and of the installation, without documents. */
  async attached(t: Transaction, tenantIds: string[]): Promise<PolicyRow[]> {
    return t.policy.findMany({
      where: { OR: [{ tenantId: null }, { tenantId: { in: tenantIds } }] },
      include: NAMES,
      omit: { document: true },
      orderBy: { id: 'asc' },
    });
  }

  /** The same rows with their documents, as they are in the same transaction. */
  async withDocuments(t: Transaction, ids: string[]): Promise<WholePolicyRow[]> {
    return t.policy.findMany({ where: { id: { in: ids } }, include: NAMES, orderBy: { id: 'asc' } });
  }

  async remove(t: Transaction, id: string): Promise<boolean> {
    return (await t.policy.deleteMany({ where: { id } })).count === 1;
  }

  /** Keeps what a revision says, and drops the oldest beyond the limits. */
  async keepRevision(t: Transaction, revision: PolicyRevision): Promise<void> {
    await t.policyRevision.create({ data: revision });
    await t.$executeRaw`
      DELETE FROM policy_revision WHERE policy_id = ${revision.policyId}::uuid AND revision IN (
        SELECT revision FROM (
          SELECT revision, row_number() OVER newest AS place, sum(octet_length(document)) OVER newest AS bytes
          FROM policy_revision WHERE policy_id = ${revision.policyId}::uuid WINDOW newest AS (ORDER BY revision DESC)
        ) AS kept
        WHERE place > ${MAX_REVISIONS} OR (place > 1 AND bytes > ${MAX_REVISION_BYTES})
      )`;
  }

  /** Newest first. */
  async revisions(t: Transaction, policyId: string): Promise<PolicyRevision[]> {
    return t.policyRevision.findMany({ where: { policyId }, orderBy: { revision: 'desc' }, take: MAX_REVISIONS });
  }
}
