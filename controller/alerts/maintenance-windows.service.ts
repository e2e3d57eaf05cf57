import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { createMaintenanceWindow, listMaintenanceWindows, MaintenanceWindow } from '../../proto/http/alert-rules.ts';
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
import { scheduleProblem } from '../remediations/schedule.ts';
import { AlertRulesRepository } from './alert-rules.repository.ts';
import { ALERT_RULES_CHANGED } from './notifications.ts';
import { toWindowView } from './rules-views.ts';
import { WindowsRepository } from './windows.repository.ts';
import type { WindowRow } from './rows.ts';

type Body = z.output<typeof createMaintenanceWindow.body>;

const MAX_WINDOWS = 100;
const LONGEST_MS = 30 * 86_400_000;

/** Times in which alerts are not told. */
@Injectable()
export class MaintenanceWindowsService {
  constructor(
    @Inject(WindowsRepository) private readonly windows: WindowsRepository,
    @Inject(AlertRulesRepository) private readonly rules: AlertRulesRepository,
    @Inject(PolicyDrafts) private readonly drafts: PolicyDrafts,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list(
    scope: TenantScope,
    query: z.output<typeof listMaintenanceWindows.query>,
  ): Promise<z.output<typeof listMaintenanceWindows.response>> {
    return this.database.transact(scope, async (t) => {
      const rows = await this.windows.list(t, { ...query, after: parseCursor(query.cursor, namePlace) });
      const places = await this.rules.places(t);
      return toPage(
        rows,
        query.limit,
        (row) => toWindowView(row, places, this.clock()),
        ({ name, id }) => ({ name, id }),
      );
    });
  }

  /** Throws INVALID_REQUEST for a span that ends before it begins or is over, and for an expression or a zone that is none. */
  async create(caller: Caller, scope: TenantScope, { target, ...body }: Body): Promise<MaintenanceWindow> {
    const tenantId = body.tenantId ?? null;
    const problem = whyNot(body, this.clock());
    if (problem) throw new FleetError('INVALID_REQUEST', `The window is wrong: ${problem.message}.`, { issues: [problem] });
    return this.database.transact(ownScope(scope, tenantId), async (t) => {
      await this.drafts.tenantName(t, tenantId);
      const { columns } = await this.drafts.targetOf(t, tenantId, target);
      if ((await this.windows.count(t, tenantId)) >= MAX_WINDOWS)
        throw new FleetError('INVALID_REQUEST', `There are ${MAX_WINDOWS} maintenance windows here already. Remove one first.`);
      const row: WindowRow = {
        id: newId(),
        tenantId,
        name: body.name,
        ...columns,
        when: body.when,
        timeZone: body.timeZone,
        createdByName: caller.name,
        createdAt: new Date(this.clock()),
      };
      await this.windows.insert(t, row);
      await this.changed(t, caller, 'planned', row);
      return toWindowView(row, await this.rules.places(t), this.clock());
    });
  }

  /** What it silences stays silenced until its end; throws NOT_FOUND. */
  async remove(caller: Caller, scope: TenantScope, id: string): Promise<void> {
    await this.database.transact(scope, async (t) => {
      const row = await this.windows.find(t, id);
      if (!row) throw new FleetError('NOT_FOUND', 'There is no such maintenance window.');
      await this.windows.remove(t, id);
      await this.changed(t, caller, 'removed', row);
    });
  }

  private async changed(t: Transaction, caller: Caller, what: 'planned' | 'removed', row: WindowRow): Promise<void> {
    this.audit.record(t, {
      tenantId: row.tenantId ?? undefined,
      actor: toActor(caller),
      action: `maintenance-window.${what}`,
      outcome: 'ok',
      summary: `${caller.name} ${what} the maintenance window ${row.name}`,
      detail: { windowId: row.id, when: row.when, timeZone: row.timeZone, level: row.level },
    });
    await this.notifications.send(t, ALERT_RULES_CHANGED);
  }
}

function whyNot({ when, timeZone }: Pick<Body, 'when' | 'timeZone'>, nowMs: number): { path: string; message: string } | undefined {
  const zone = timeZone === 'site' ? 'UTC' : timeZone;
  if (when.kind === 'cron') {
    const problem = scheduleProblem(when.cron, zone);
    return problem && { path: problem.field === 'cron' ? 'body.when.cron' : 'body.timeZone', message: problem.message };
  }
  const problem = scheduleProblem('0 0 * * *', zone);
  if (problem) return { path: 'body.timeZone', message: problem.message };
  const [fromMs, toMs] = [Date.parse(when.from), Date.parse(when.to)];
  if (toMs <= fromMs) return { path: 'body.when.to', message: 'must be after its beginning' };
  if (toMs <= nowMs) return { path: 'body.when.to', message: 'must not be past' };
  return toMs - fromMs > LONGEST_MS ? { path: 'body.when.to', message: 'must be at most 30 days after its beginning' } : undefined;
}
