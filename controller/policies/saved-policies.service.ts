import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type {
  createPolicy,
  listPolicyRevisions,
  Policy as PolicyView,
  PolicySummary,
  updatePolicy,
} from '../../proto/http/saved-policies.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { GatewaysRepository } from '../gateways/gateways.repository.ts';
import { namePlace, taken } from '../gateways/tenants.service.ts';
import type { Caller } from '../platform/caller.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { parseCursor, toPage, type Page } from '../platform/cursor.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { changesBetween, inShort } from './changes-between.ts';
import { managedColumns, toManagedBy, whyManaged } from './managed.ts';
import { toPolicyView, toRevisionView, toSummary } from './policy-view.ts';
import { SavedPoliciesRepository } from './saved-policies.repository.ts';
import { ownScope } from './own-scope.ts';
import { PolicyDrafts } from './policy-drafts.service.ts';
import { nameKeyOf, readKept, readValid, type KeptDocument } from './read-document.ts';
import type { WholePolicyRow } from './rows.ts';
import { isSameTarget, targetWords } from './targets.ts';

type Body = z.output<typeof createPolicy.body>;

/** Policies as they are kept: read, attached, revised. Nothing of them is applied by that. */
@Injectable()
export class SavedPoliciesService {
  constructor(
    @Inject(SavedPoliciesRepository) private readonly policies: SavedPoliciesRepository,
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(PolicyDrafts) private readonly drafts: PolicyDrafts,
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
      const kept = readValid(document, await this.drafts.tenantName(t, tenantId));
      const { columns } = await this.drafts.targetOf(t, tenantId, target);
      await this.drafts.assertRoom(t, tenantId, kept.text);
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
      const kept = change.document === undefined ? undefined : readValid(change.document, before.tenant?.name);
      const target = change.target && (await this.drafts.targetOf(t, before.tenantId, change.target)).columns;
      const managed = managedColumns(change.managedBy);
      const isSameManager = managed.managedBy === undefined || managed.managedBy === before.managedBy;
      if (isSameManager && (!kept || kept.digest === before.digest) && (!target || isSameTarget(target, before))) {
        await this.policies.noteManager(t, id, managed);
        return this.view(t, await this.row(t, id));
      }
      if (kept) await this.drafts.assertRoom(t, before.tenantId, kept.text, before.document);
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
      this.note(t, caller, 'policy.deleted', row, changesBetween(readKept(row.document), undefined), { before: stateOf(row) });
    });
  }

  private async row(t: Transaction, id: string): Promise<WholePolicyRow> {
    return (await this.policies.find(t, id)) ?? notFound();
  }

  private async view(t: Transaction, row: WholePolicyRow): Promise<PolicyView> {
    return toPolicyView(row, await this.gateways.places(t));
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
    const changes = changesBetween(before && readKept(before.document), readKept(row.document));
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

function nameOf({ document, text, digest }: KeptDocument): { name: string; nameKey: string; document: string; digest: string } {
  const { name } = document.metadata;
  return { name, nameKey: nameKeyOf(name), document: text, digest };
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

function notFound(): never {
  throw new FleetError('NOT_FOUND', 'There is no such policy.');
}
