import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import {
  MAX_ALL_POLICY_BYTES,
  MAX_POLICIES,
  type checkPolicy,
  type createPolicy,
  type listPolicyRevisions,
  type Policy as PolicyView,
  type PolicySummary,
  type PolicyTarget,
  type updatePolicy,
} from '../../proto/http/saved-policies.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { PolicyDocument } from '../../proto/model/policy/document.ts';
import { readPolicy } from '../../proto/model/policy/read.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { GatewaysRepository } from '../gateways/gateways.repository.ts';
import { namePlace, taken, TenantsService } from '../gateways/tenants.service.ts';
import type { Caller } from '../platform/caller.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { parseCursor, toPage, type Page } from '../platform/cursor.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { inScope, type TenantScope } from '../platform/tenant-scope.ts';
import { changesBetween, inShort } from './changes-between.ts';
import { managedColumns, toManagedBy, whyManaged } from './managed.ts';
import { toPolicyView, toRevisionView, toSummary } from './policy-view.ts';
import { SavedPoliciesRepository } from './saved-policies.repository.ts';
import { invalidPolicy, nameKeyOf, readDocument, type KeptDocument } from './read-document.ts';
import type { WholePolicyRow } from './rows.ts';
import { isSameTarget, targetWords, toColumns, whyNotFor, type TargetColumns } from './targets.ts';

type Body = z.output<typeof createPolicy.body>;

/** Policies as they are kept: read, attached, revised. Nothing of them is applied by that. */
@Injectable()
export class SavedPoliciesService {
  constructor(
    @Inject(SavedPoliciesRepository) private readonly policies: SavedPoliciesRepository,
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list(scope: TenantScope, query: { tenant?: string; limit: number; cursor?: string }): Promise<Page<PolicySummary>> {
    return this.database.transact(scope, async (t) => {
      const rows = await this.policies.list(t, { ...query, after: parseCursor(query.cursor, namePlace) });
      const places = await this.gateways.places(t);
      return toPage(
        rows,
        query.limit,
        (row) => toSummary(row, places),
        ({ name, id }) => ({ name, id }),
      );
    });
  }

  /** Throws NOT_FOUND if it does not exist or is out of scope. */
  async get(scope: TenantScope, id: string): Promise<PolicyView> {
    return this.database.transact(scope, async (t) => this.view(t, await this.row(t, id)));
  }

  async revisions(scope: TenantScope, id: string): Promise<z.output<typeof listPolicyRevisions.response>> {
    return this.database.transact(scope, async (t) => {
      await this.row(t, id);
      return { items: (await this.policies.revisions(t, id)).map(toRevisionView) };
    });
  }

  /**
   * Throws POLICY_INVALID with each mistake of the document, INVALID_REQUEST for a target that it cannot have and for one policy too many,
   * FORBIDDEN for one of the installation by a caller who does not see all tenants, ALREADY_EXISTS for a name that another one has.
   */
  async create(caller: Caller, scope: TenantScope, { target, document, managedBy, ...of }: Body): Promise<PolicyView> {
    const tenantId = of.tenantId ?? null;
    const own = ownScope(scope, tenantId);
    const refusal = whyManaged(undefined, caller, managedBy);
    if (refusal) throw refusal;
    return this.transact(own, async (t) => {
      const kept = this.read(document, await this.tenantName(t, tenantId));
      const columns = await this.columnsOf(t, tenantId, target);
      await this.assertRoom(t, tenantId, kept.text);
      const by = { createdByName: caller.name, createdAt: new Date(this.clock()) };
      const id = newId();
      await this.policies.insert(t, {
        id,
        tenantId,
        revision: 1,
        managedBy: managedBy?.name ?? null,
        managedRevision: managedBy?.revision ?? null,
        ...nameOf(kept),
        ...columns,
        ...by,
        changedByName: by.createdByName,
        changedAt: by.createdAt,
      });
      return this.keep(t, caller, await this.row(t, id));
    });
  }

  /**
   * Without a difference nothing is done, and where only the pipeline’s revision differs, the policy’s own stays. Throws NOT_FOUND,
   * POLICY_MANAGED, ALREADY_EXISTS if somebody else changed it since, and what `create` does.
   */
  async update(caller: Caller, scope: TenantScope, id: string, change: z.output<typeof updatePolicy.body>): Promise<PolicyView> {
    return this.transact(scope, async (t) => {
      const before = await this.row(t, id);
      const refusal = whyManaged(before, caller, change.managedBy);
      if (refusal) throw refusal;
      if (before.revision !== change.revision) throw changedSince(before.revision);
      const kept = change.document === undefined ? undefined : this.read(change.document, before.tenant?.name);
      const target = change.target && (await this.columnsOf(t, before.tenantId, change.target));
      const managed = managedColumns(change.managedBy);
      const isSameManager = managed.managedBy === undefined || managed.managedBy === before.managedBy;
      if (isSameManager && (!kept || kept.digest === before.digest) && (!target || isSameTarget(target, before))) {
        await this.policies.noteManager(t, id, managed);
        return this.view(t, await this.row(t, id));
      }
      if (kept) await this.assertRoom(t, before.tenantId, kept.text, before.document);
      const isDone = await this.policies.update(t, id, change.revision, {
        ...(kept && nameOf(kept)),
        ...target,
        ...managed,
        changedByName: caller.name,
        changedAt: new Date(this.clock()),
      });
      if (!isDone) throw changedSince((await this.row(t, id)).revision);
      return this.keep(t, caller, await this.row(t, id), before);
    });
  }

  /** Throws NOT_FOUND, and POLICY_MANAGED for one that was not taken over from its pipeline. */
  async remove(caller: Caller, scope: TenantScope, id: string): Promise<void> {
    await this.database.transact(scope, async (t) => {
      const row = await this.row(t, id);
      const refusal = whyManaged(row, caller, undefined);
      if (refusal) throw refusal;
      await this.policies.remove(t, id);
      this.note(t, caller, 'policy.deleted', row, changesBetween(parsed(row), undefined), { before: stateOf(row) });
    });
  }

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
      const changes = changesBetween(row && parsed(row), read.document);
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

  private async whyRefused(
    t: Transaction,
    tenantId: string | null,
    { target, read, row }: { target?: PolicyTarget; read: KeptDocument; row?: WholePolicyRow },
  ): Promise<FleetError | undefined> {
    try {
      if (target) await this.columnsOf(t, tenantId, target);
      await this.assertRoom(t, tenantId, read.text, row?.document);
      return undefined;
    } catch (error) {
      if (error instanceof FleetError) return error;
      throw error;
    }
  }

  private read(sent: Body['document'], tenantName: string | undefined): KeptDocument {
    const read = readDocument(sent, tenantName);
    if ('problems' in read) throw invalidPolicy(read.problems);
    return read;
  }

  private async row(t: Transaction, id: string): Promise<WholePolicyRow> {
    return (await this.policies.find(t, id)) ?? notFound();
  }

  private async view(t: Transaction, row: WholePolicyRow): Promise<PolicyView> {
    return toPolicyView(row, await this.gateways.places(t));
  }

  private async tenantName(t: Transaction, tenantId: string | null): Promise<string | undefined> {
    if (tenantId === null) return undefined;
    return (await this.tenants.names(t)).get(tenantId) ?? noTenant();
  }

  /** The columns of a target that a policy of this tenant can have. */
  private async columnsOf(t: Transaction, tenantId: string | null, target: PolicyTarget): Promise<TargetColumns> {
    const message = whyNotFor(tenantId, target.level);
    if (message !== undefined)
      throw new FleetError('INVALID_REQUEST', `The target is wrong: ${message}.`, { issues: [{ path: 'body.target.level', message }] });
    const columns = toColumns(target);
    if (!(await this.policies.isThere(t, tenantId, columns)))
      throw new FleetError('NOT_FOUND', `The target names a ${target.level} that does not exist in this tenant.`);
    return columns;
  }

  /** Locks the tenant’s policies and throws if one more document of this length, or one in place of another, is too much. */
  private async assertRoom(t: Transaction, tenantId: string | null, text: string, before?: string): Promise<void> {
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

  /** Keeps a new state as a revision, and records it. */
  private async keep(t: Transaction, caller: Caller, row: WholePolicyRow, before?: WholePolicyRow): Promise<PolicyView> {
    const { id: policyId, revision, tenantId, name, document, digest, managedBy, managedRevision, changedByName, changedAt } = row;
    await this.policies.keepRevision(t, {
      policyId,
      revision,
      tenantId,
      name,
      target: targetWords(row),
      document,
      digest,
      managedBy,
      managedRevision,
      changedByName,
      changedAt,
    });
    const changes = changesBetween(before && parsed(before), parsed(row));
    if (before && !isSameTarget(before, row)) changes.push(`for: ${targetWords(before)} → ${targetWords(row)}`);
    if (before && before.managedBy !== row.managedBy) changes.push(`pipeline: ${before.managedBy ?? 'none'} → ${row.managedBy ?? 'none'}`);
    this.note(t, caller, before ? 'policy.changed' : 'policy.made', row, changes, {
      before: before && stateOf(before),
      after: stateOf(row),
    });
    return this.view(t, row);
  }

  private note(
    t: Transaction,
    caller: Caller,
    action: 'policy.made' | 'policy.changed' | 'policy.deleted',
    { id, tenantId, name }: WholePolicyRow,
    changes: readonly string[],
    states: object,
  ): void {
    const what = action === 'policy.changed' ? `: ${inShort(changes)}` : '';
    this.audit.record(t, {
      tenantId: tenantId ?? undefined,
      actor: toActor(caller),
      action,
      outcome: 'ok',
      summary: `${caller.name} ${action.split('.')[1]} the policy ${name}${what}`,
      detail: { policyId: id, ...states, changes },
    });
  }

  private async transact<T>(scope: TenantScope, work: (t: Transaction) => Promise<T>): Promise<T> {
    return this.database.transact(scope, work).catch(taken('There already is a policy of this name. Choose another, or change that one.'));
  }
}

/** A policy of the installation takes a caller who sees all tenants. Throws FORBIDDEN, NOT_FOUND. */
function ownScope(scope: TenantScope, tenantId: string | null): TenantScope {
  if (tenantId !== null) {
    if (!inScope(scope, tenantId)) noTenant();
    return new Set([tenantId]);
  }
  if (scope === 'all') return scope;
  throw new FleetError('FORBIDDEN', 'Only somebody who may act on all tenants has policies of the installation. Name a tenant.');
}

function nameOf({ document, text, digest }: KeptDocument): { name: string; nameKey: string; document: string; digest: string } {
  const { name } = document.metadata;
  return { name, nameKey: nameKeyOf(name), document: text, digest };
}

/** What a stored text says; undefined for one that an earlier version could read and this one cannot. */
function parsed({ document }: WholePolicyRow): PolicyDocument | undefined {
  const read = readPolicy(document);
  return 'document' in read ? read.document : undefined;
}

/** What the trail keeps of a state: what can be compared, not the document itself. */
function stateOf(row: WholePolicyRow): object {
  return { revision: row.revision, digest: row.digest, target: targetWords(row), managedBy: toManagedBy(row) };
}

function changedSince(revision: number): FleetError {
  return new FleetError('ALREADY_EXISTS', `This policy has been changed since: it is at revision ${revision}. Review it again.`, {
    revision,
  });
}

function noTenant(): never {
  throw new FleetError('NOT_FOUND', 'There is no such tenant.');
}

function notFound(): never {
  throw new FleetError('NOT_FOUND', 'There is no such policy.');
}
