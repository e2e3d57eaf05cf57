import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { planNewPolicy, planPolicy } from '../../proto/http/policy-plans.ts';
import { MAX_ALL_POLICY_BYTES, MAX_POLICIES, type checkPolicy, type PolicyTarget } from '../../proto/http/saved-policies.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { TenantsService } from '../gateways/tenants.service.ts';
import type { Caller } from '../platform/caller.ts';
import { Database, type Transaction } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { changesBetween } from './changes-between.ts';
import { UNSAVED, type AttachedPolicy } from './layers.ts';
import { toManagedBy, whyManaged } from './managed.ts';
import { noTenant, ownScope } from './own-scope.ts';
import { nameKeyOf, readDocument, readKept, readValid, type KeptDocument } from './read-document.ts';
import type { WholePolicyRow } from './rows.ts';
import { SavedPoliciesRepository } from './saved-policies.repository.ts';
import { isSameTarget, targetName, toColumns, whyNotFor, type TargetColumns } from './targets.ts';

/** A policy as it would be, and what it is for as it is saved. */
export interface Draft {
  policy: AttachedPolicy;
  /** SHA-256 of its canonical text. */
  digest: string;
  /** Of one that is saved. */
  revision?: number;
  saved?: TargetColumns & { tenantId: string | null };
}

/** What somebody is about to save: whether it could be, and what would come of it. Saves nothing. */
@Injectable()
export class PolicyDrafts {
  constructor(
    @Inject(SavedPoliciesRepository) private readonly policies: SavedPoliciesRepository,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(Database) private readonly database: Database,
  ) {}

  /** What saving a document would do. Throws NOT_FOUND and FORBIDDEN as `create`; everything else is in the answer. */
  async check(
    caller: Caller,
    scope: TenantScope,
    { target, document, managedBy, ...of }: z.output<typeof checkPolicy.body>,
  ): Promise<z.output<typeof checkPolicy.response>> {
    const tenantId = of.tenantId ?? null;
    return this.database.transact(ownScope(scope, tenantId), async (t) => {
      const read = readDocument(document, await this.tenantName(t, tenantId));
      if ('problems' in read) return { problems: read.problems, changes: [] };
      const row = await this.policies.findNamed(t, tenantId, nameKeyOf(read.document.metadata.name));
      const changes = changesBetween(row && readKept(row.document), read.document);
      const columns = target && toColumns(target);
      if (row && columns && !isSameTarget(columns, row)) changes.push('what it is for');
      return {
        problems: [],
        canonical: read.text,
        digest: read.digest,
        name: read.document.metadata.name,
        would: !row ? 'create' : changes.length > 0 ? 'change' : 'nothing',
        existing: row && { id: row.id, revision: row.revision, managedBy: toManagedBy(row) },
        changes,
        refusal: (whyManaged(row, caller, managedBy) ?? (await this.whyRefused(t, tenantId, { target, read, row })))?.message,
      };
    });
  }

  /** A saved policy with another document or target. Throws NOT_FOUND, POLICY_INVALID and what `targetOf` does. */
  async of(
    scope: TenantScope,
    id: string,
    { document, target }: Pick<z.output<typeof planPolicy.body>, 'document' | 'target'>,
  ): Promise<Draft> {
    return this.database.transact(scope, async (t) => {
      const row = await this.policies.find(t, id);
      if (!row) throw new FleetError('NOT_FOUND', 'There is no such policy.');
      const read = readValid(document ?? row.document, row.tenant?.name);
      const { tenantId, level, tag, siteId, gatewayId } = row;
      const saved = { tenantId, level, tag, siteId, gatewayId };
      const { columns, of } = target ? await this.targetOf(t, tenantId, target) : { columns: saved, of: targetName(row) };
      return { policy: { id, ...saved, ...columns, of, document: read.document }, digest: read.digest, revision: row.revision, saved };
    });
  }

  /** One that is not saved. Throws FORBIDDEN and NOT_FOUND for the tenant, POLICY_INVALID and what `targetOf` does. */
  async ofNew(scope: TenantScope, { document, target, ...body }: z.output<typeof planNewPolicy.body>): Promise<Draft> {
    const tenantId = body.tenantId ?? null;
    return this.database.transact(ownScope(scope, tenantId), async (t) => {
      const read = readValid(document, await this.tenantName(t, tenantId));
      const { columns, of } = await this.targetOf(t, tenantId, target);
      return { policy: { id: UNSAVED, tenantId, ...columns, of, document: read.document }, digest: read.digest };
    });
  }

  /** Throws NOT_FOUND; undefined for the installation. */
  async tenantName(t: Transaction, tenantId: string | null): Promise<string | undefined> {
    if (tenantId === null) return undefined;
    return (await this.tenants.names(t)).get(tenantId) ?? noTenant();
  }

  /** What a policy of this tenant is for, and its name. Throws INVALID_REQUEST, NOT_FOUND. */
  async targetOf(t: Transaction, tenantId: string | null, target: PolicyTarget): Promise<{ columns: TargetColumns; of?: string }> {
    const message = whyNotFor(tenantId, target.level);
    if (message !== undefined)
      throw new FleetError('INVALID_REQUEST', `The target is wrong: ${message}.`, { issues: [{ path: 'body.target.level', message }] });
    const columns = toColumns(target);
    const place = await this.policies.placeName(t, tenantId, columns);
    if (place === undefined) throw new FleetError('NOT_FOUND', `The target names a ${target.level} that does not exist in this tenant.`);
    const of = place ?? columns.tag ?? (target.level === 'tenant' ? await this.tenantName(t, tenantId) : undefined);
    return { columns, ...(of !== undefined && { of }) };
  }

  /** Locks the tenant’s policies and throws if one more document of this length, or one in place of another, is too much. */
  async assertRoom(t: Transaction, tenantId: string | null, text: string, before?: string): Promise<void> {
    await this.policies.lockOf(t, tenantId);
    const { policies, bytes } = await this.policies.sizes(t, tenantId);
    if (before === undefined && policies >= MAX_POLICIES)
      throw new FleetError('INVALID_REQUEST', `There are ${MAX_POLICIES} policies here already. Delete one first.`);
    const grown = Buffer.byteLength(text) - Buffer.byteLength(before ?? '');
    if (grown > 0 && bytes + grown > MAX_ALL_POLICY_BYTES)
      throw new FleetError(
        'INVALID_REQUEST',
        `All policies together may have ${MAX_ALL_POLICY_BYTES / 2 ** 20} MiB. Shorten or delete some first.`,
      );
  }

  private async whyRefused(
    t: Transaction,
    tenantId: string | null,
    { target, read, row }: { target?: PolicyTarget; read: KeptDocument; row?: WholePolicyRow },
  ): Promise<FleetError | undefined> {
    try {
      if (target) await this.targetOf(t, tenantId, target);
      await this.assertRoom(t, tenantId, read.text, row?.document);
      return undefined;
    } catch (error) {
      if (error instanceof FleetError) return error;
      throw error;
    }
  }
}
