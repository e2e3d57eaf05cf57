import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { AlertRules, createAlertRules, getGatewayAlertRules, listAlertRules, updateAlertRules } from '../../proto/http/alert-rules.ts';
import { PRESETS } from '../../proto/model/alerts/built-in.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { namePlace } from '../gateways/tenants.service.ts';
import type { Caller } from '../platform/caller.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { parseCursor, toPage } from '../platform/cursor.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { ownScope } from '../policies/own-scope.ts';
import { PolicyDrafts } from '../policies/policy-drafts.service.ts';
import { AlertRulesRepository } from './alert-rules.repository.ts';
import type { NewRules, RulesRow } from './rows.ts';
import { ALERT_RULES_CHANGED } from './notifications.ts';
import { readValidRules } from './read-rules.ts';
import { RulesInForceService } from './rules-in-force.service.ts';
import { builtInViews, toRulesView, toRuleView } from './rules-views.ts';

type Body = z.output<typeof createAlertRules.body>;

/** Of one tenant, and of the installation. */
const MAX_DOCUMENTS = 100;

/** Documents of alert rules as they are kept. */
@Injectable()
export class AlertRulesService {
  constructor(
    @Inject(AlertRulesRepository) private readonly rules: AlertRulesRepository,
    @Inject(RulesInForceService) private readonly inForce: RulesInForceService,
    @Inject(PolicyDrafts) private readonly drafts: PolicyDrafts,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list(scope: TenantScope, query: z.output<typeof listAlertRules.query>): Promise<z.output<typeof listAlertRules.response>> {
    return this.database.transact(scope, async (t) => {
      const rows = await this.rules.list(t, { ...query, after: parseCursor(query.cursor, namePlace) });
      const places = await this.rules.places(t);
      const page = toPage(
        rows,
        query.limit,
        (row) => toRulesView(row, places),
        ({ name, id }) => ({ name, id }),
      );
      return { ...page, builtIn: builtInViews(), presets: [...PRESETS] };
    });
  }

  /** Throws NOT_FOUND if it does not exist or is out of scope. */
  async get(scope: TenantScope, id: string): Promise<AlertRules> {
    return this.database.transact(scope, async (t) => this.view(t, await this.row(t, id)));
  }

  /** Throws POLICY_INVALID with each mistake, and what targets and names of policies throw. */
  async create(caller: Caller, scope: TenantScope, { target, document, ...of }: Body): Promise<AlertRules> {
    const tenantId = of.tenantId ?? null;
    return this.database.transact(ownScope(scope, tenantId), async (t) => {
      const { text, name, nameKey } = readValidRules(document, await this.drafts.tenantName(t, tenantId));
      const { columns } = await this.drafts.targetOf(t, tenantId, target);
      if ((await this.rules.count(t, tenantId)) >= MAX_DOCUMENTS)
        throw new FleetError('INVALID_REQUEST', `There are ${MAX_DOCUMENTS} documents of rules here already. Delete one first.`);
      await this.assertFree(t, tenantId, nameKey);
      const id = newId();
      const by = { changedByName: caller.name, changedAt: new Date(this.clock()) };
      await this.rules.insert(t, { id, tenantId, name, nameKey, revision: 1, document: text, ...columns, ...by });
      return this.changed(t, caller, 'made', await this.row(t, id));
    });
  }

  /** Without a difference nothing is done. Throws ALREADY_EXISTS if somebody else changed it since. */
  async update(caller: Caller, scope: TenantScope, id: string, change: z.output<typeof updateAlertRules.body>): Promise<AlertRules> {
    return this.database.transact(scope, async (t) => {
      const before = await this.row(t, id);
      const kept = readValidRules(change.document ?? before.document, before.tenantName ?? undefined);
      const { level, tag, siteId, gatewayId } = before;
      const saved = { level, tag, siteId, gatewayId };
      const columns = change.target ? (await this.drafts.targetOf(t, before.tenantId, change.target)).columns : saved;
      if (before.revision !== change.revision) throw changedSince(before.revision);
      if (kept.text === before.document && JSON.stringify(columns) === JSON.stringify(saved)) return this.view(t, before);
      await this.rules.count(t, before.tenantId);
      await this.assertFree(t, before.tenantId, kept.nameKey, id);
      const row: NewRules = {
        id,
        tenantId: before.tenantId,
        name: kept.name,
        nameKey: kept.nameKey,
        revision: change.revision + 1,
        document: kept.text,
        ...columns,
        changedByName: caller.name,
        changedAt: new Date(this.clock()),
      };
      if (!(await this.rules.update(t, row))) throw changedSince((await this.row(t, id)).revision);
      return this.changed(t, caller, 'changed', await this.row(t, id), before);
    });
  }

  /** Alerts of rules that no longer hold are cleared by the next sample, or the next sweep. */
  async remove(caller: Caller, scope: TenantScope, id: string): Promise<void> {
    await this.database.transact(scope, async (t) => {
      const row = await this.row(t, id);
      await this.rules.remove(t, id);
      await this.changed(t, caller, 'deleted', row);
    });
  }

  /** What holds on a gateway. Documents of the installation are named to callers who see all tenants only. */
  async effective(scope: TenantScope, gatewayId: string): Promise<z.output<typeof getGatewayAlertRules.response>> {
    const visible = await this.database.transact(scope, async (t) => ({
      isGateway: await this.rules.isGateway(t, gatewayId),
      documents: new Set((await this.rules.all(t)).map(({ id }) => id)),
    }));
    if (!visible.isGateway) throw new FleetError('NOT_FOUND', 'There is no such gateway.');
    const inForce = await this.inForce.read();
    return { items: inForce.of(gatewayId).map((rule) => toRuleView(rule, (id) => visible.documents.has(id))) };
  }

  private async row(t: Transaction, id: string): Promise<RulesRow> {
    const row = await this.rules.find(t, id);
    if (!row) throw new FleetError('NOT_FOUND', 'There are no such alert rules.');
    return row;
  }

  private async view(t: Transaction, row: RulesRow): Promise<AlertRules> {
    return toRulesView(row, await this.rules.places(t));
  }

  private async assertFree(t: Transaction, tenantId: string | null, nameKey: string, id?: string): Promise<void> {
    if (await this.rules.isNameTaken(t, tenantId, nameKey, id))
      throw new FleetError('ALREADY_EXISTS', 'There already are alert rules of this name. Choose another, or change those.');
  }

  private async changed(
    t: Transaction,
    caller: Caller,
    what: 'made' | 'changed' | 'deleted',
    row: RulesRow,
    before?: RulesRow,
  ): Promise<AlertRules> {
    const state = ({ revision, document, level }: RulesRow): object => ({ revision, document, level });
    this.audit.record(t, {
      tenantId: row.tenantId ?? undefined,
      actor: toActor(caller),
      action: `alert-rules.${what}`,
      outcome: 'ok',
      summary: `${caller.name} ${what} the alert rules ${row.name}`,
      detail: { rulesId: row.id, before: before && state(before), [what === 'deleted' ? 'before' : 'after']: state(row) },
    });
    await this.notifications.send(t, ALERT_RULES_CHANGED);
    return this.view(t, row);
  }
}

function changedSince(revision: number): FleetError {
  return new FleetError('ALREADY_EXISTS', `These rules have been changed since: they are at revision ${revision}. Review them again.`, {
    revision,
  });
}
