import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { id as idSchema } from '../../proto/http/common.ts';
import type { Flush as FlushView, listFlushes } from '../../proto/http/flushes.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Caller } from '../access/caller.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { parseCursor, toPage } from '../platform/cursor.ts';
import { Database, isUniqueViolation, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { counted } from '../platform/words.ts';
import { Notices } from '../platform/notices.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { CommandsRepository } from './commands.repository.ts';
import { toFlushView, totalsOf } from './flush-view.ts';
import { FlushesRepository } from './flushes.repository.ts';
import { addTotals } from './outcomes.ts';
import type { PlanRow } from './plan-view.ts';
import { PlansRepository } from './plans.repository.ts';
import { isUnfinished, type FlushState, type TargetState } from './states.ts';

/** Flushes: a plan being carried out. All that decides is in Postgres before anything happens on a gateway (I1, I5). */
@Injectable()
export class FlushesService {
  constructor(
    @Inject(FlushesRepository) private readonly flushes: FlushesRepository,
    @Inject(PlansRepository) private readonly plans: PlansRepository,
    @Inject(CommandsRepository) private readonly commands: CommandsRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Begins a flush and returns its id. One transaction holds the audit entries, the flush with its targets, the commands and the outbox rows.
   * Throws NOT_FOUND, PLAN_DIGEST_MISMATCH, PLAN_EXPIRED, PLAN_EMPTY, PLAN_ALREADY_RUN.
   */
  async run(caller: Caller, scope: TenantScope, planId: string, digest: string): Promise<string> {
    const now = new Date(this.clock());
    const flushId = newId();
    await this.database.transact(scope, async (t) => {
      const plan = await this.plans.find(t, planId);
      checkRunnable(plan, digest, now);
      const targets = plan.gateways.filter((gateway) => gateway.flows > 0);
      const tenantIds = [...new Set(targets.map((target) => target.tenantId))].toSorted();
      const notAfter = new Date(now.getTime() + this.config.commandTtlMs);
      await this.flushes.insert(t, {
        id: flushId, planId, tenantIds, state: 'running', startedAt: now, finishedAt: null, notAfter, createdById: caller.id, createdByName: caller.name,
      }, targets.map((target) => ({ gatewayId: target.gatewayId, tenantId: target.tenantId, gatewayName: target.name, position: target.position, planned: target.flows })));
      await this.recordStart(t, caller, plan, flushId, tenantIds);
      // In order of the gateways' ids, so that two runs which share gateways never wait for each other crosswise.
      for (const target of targets.toSorted((a, b) => (a.gatewayId < b.gatewayId ? -1 : 1))) {
        if (!target.digest) throw new Error('a plan holds flows without a digest');
        const seq = await this.commands.insert(t, {
          id: newId(), outboxId: newId(), tenantId: target.tenantId, gatewayId: target.gatewayId, flushId, planId, method: plan.method, digest: new Uint8Array(target.digest), notAfter, createdAt: now,
        });
        if (seq === undefined) await this.flushes.move(t, flushId, target.gatewayId, 'skipped', { reason: 'the gateway was revoked', finishedAt: now });
      }
      await this.flushes.settle(t, flushId, now);
      await this.notices.send(t, 'flush', flushId);
      await this.notices.send(t, 'deliver', '');
    }, { timeoutMs: 60_000 }).catch((error: unknown) => {
      throw isUniqueViolation(error) ? new FleetError('PLAN_ALREADY_RUN', 'This plan has run already. A plan runs once.', {}, { cause: error }) : error;
    });
    return flushId;
  }

  async list(scope: TenantScope, query: z.output<NonNullable<typeof listFlushes.query>>): Promise<z.output<typeof listFlushes.response>> {
    const { cursor, ...question } = query;
    const rows = await this.database.transact(scope, (t) => this.flushes.list(t, { ...question, before: parseCursor(cursor, idSchema) }));
    return toPage(rows, query.limit, (row) => {
      const { targets: _, ...view } = toFlushView(row);
      return view;
    }, (row) => row.id);
  }

  /** Throws NOT_FOUND for what is not there or out of scope. */
  async get(scope: TenantScope, id: string): Promise<FlushView> {
    const row = await this.database.transact(scope, (t) => this.flushes.find(t, id));
    if (!row) throw new FleetError('NOT_FOUND', 'There is no such flush.');
    return toFlushView(row);
  }

  /** One line each, for the fleet's event stream; those out of scope are left out. */
  async briefly(scope: TenantScope, ids: string[]): Promise<{ flushId: string; state: FlushState; done: number; planned: number }[]> {
    if (ids.length === 0) return [];
    return this.database.transact(scope, async (t) => {
      const rows = [];
      for (const id of ids) {
        const row = await this.flushes.find(t, id);
        if (!row) continue;
        const done = row.targets.reduce((sum, target) => sum + (isUnfinished(target.state as TargetState) ? target.done : target.planned), 0);
        rows.push({ flushId: id, state: row.state as FlushState, done, planned: addTotals(row.targets.map(totalsOf)).planned });
      }
      return rows;
    });
  }

  /** Takes back what has not been sent. Throws FLUSH_FINISHED where nothing is left to take back. */
  async cancel(caller: Caller, scope: TenantScope, id: string): Promise<FlushView> {
    const now = new Date(this.clock());
    await this.database.transact(scope, async (t) => {
      const row = await this.flushes.find(t, id);
      if (!row) throw new FleetError('NOT_FOUND', 'There is no such flush.');
      if (row.state !== 'running') throw new FleetError('FLUSH_FINISHED', 'This flush is over; there is nothing to cancel.');
      const gatewayIds = await this.commands.cancel(t, id, now);
      if (gatewayIds.length === 0) throw new FleetError('FLUSH_FINISHED', 'Every gateway has begun its part; what is deleted stays deleted.');
      for (const gatewayId of gatewayIds) await this.flushes.move(t, id, gatewayId, 'cancelled', { finishedAt: now, reason: `cancelled by ${caller.name}` });
      for (const tenantId of [...new Set(row.targets.filter((target) => gatewayIds.includes(target.gatewayId)).map((target) => target.tenantId))].toSorted()) {
        await this.audit.record(t, {
          tenantId, actor: toActor(caller), action: 'flush.cancelled', outcome: 'ok', planId: row.planId, flushId: id, detail: { gatewayIds },
          summary: `${caller.name} cancelled ${gatewayIds.length} of ${row.targets.length} targets`,
        });
      }
      await this.flushes.settle(t, id, now);
      await this.notices.send(t, 'flush', id);
    });
    return this.get(scope, id);
  }

  private async recordStart(t: Transaction, caller: Caller, plan: PlanRow, flushId: string, tenantIds: string[]): Promise<void> {
    for (const tenantId of tenantIds) {
      const own = plan.gateways.filter((gateway) => gateway.tenantId === tenantId && gateway.flows > 0);
      const flows = own.reduce((sum, gateway) => sum + gateway.flows, 0);
      await this.audit.record(t, {
        tenantId, actor: toActor(caller), action: 'flush.started', outcome: 'ok', planId: plan.id, flushId, reason: plan.reason, ticket: plan.ticket ?? undefined,
        summary: `${caller.name} began to ${plan.method} ${counted(flows, 'flow')} on ${counted(own.length, 'gateway')}`,
        detail: { digest: plan.digest, filter: plan.filter, isEverything: plan.isEverything, flows, gateways: own.map((gateway) => ({ id: gateway.gatewayId, name: gateway.name, flows: gateway.flows })) },
      });
    }
  }
}

function checkRunnable(plan: PlanRow | undefined, digest: string, now: Date): asserts plan is PlanRow {
  if (!plan) throw new FleetError('NOT_FOUND', 'There is no such plan.');
  if (plan.digest !== digest) throw new FleetError('PLAN_DIGEST_MISMATCH', 'The digest is not that of this plan. Look at the plan again.');
  if (plan.flush) throw new FleetError('PLAN_ALREADY_RUN', 'This plan has run already. A plan runs once.', { flushId: plan.flush.id });
  if (plan.expiresAt <= now) throw new FleetError('PLAN_EXPIRED', 'This plan has expired. Make a new one.');
  if (plan.gateways.every((gateway) => gateway.flows === 0)) throw new FleetError('PLAN_EMPTY', 'This plan holds no flows; there is nothing to run.');
}
