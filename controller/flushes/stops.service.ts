import { Inject, Injectable } from '@nestjs/common';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Caller } from '../platform/caller.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { inScope, type TenantScope } from '../platform/tenant-scope.ts';
import { CommandsRepository } from './commands.repository.ts';
import type { FlushRow } from './flush-view.ts';
import { FlushesRepository } from './flushes.repository.ts';
import { notThere } from '../platform/not-there.ts';
import { SUBJECTS, subjectOf, type Subject } from './subject.ts';
import { BY_RULE, isUnfinished, type TargetState } from './states.ts';
import { COMMANDS_WAITING, FLUSH_CHANGED, WORK_WAITING } from './notifications.ts';

type Target = FlushRow['targets'][number];

/**
 * Who ends a flush early. `isAtWorkToo`: gateways that have begun stop as well. `isOwn`: the targets that the caller may stop; absent for
 * all of them.
 */
interface Stop {
  actor: { kind: string; id: string; name: string };
  action: 'cancelled' | 'stopped';
  by: string;
  reason: string;
  isAtWorkToo: boolean;
  isOwn?: (target: Target) => boolean;
}

/** Ends flushes early: a person, for one flush or for all of a tenant, or a rule. What is deleted stays deleted. */
@Injectable()
export class StopsService {
  constructor(
    @Inject(FlushesRepository) private readonly flushes: FlushesRepository,
    @Inject(CommandsRepository) private readonly commands: CommandsRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Cancels what has not been sent, and tells gateways that have begun to stop; those that wait for the confirmation of a policy put it
   * back. `subject`: undefined for either. Throws NOT_FOUND, FLUSH_FINISHED.
   */
  async cancel(caller: Caller, scope: TenantScope, id: string, subject?: Subject): Promise<void> {
    await this.database.transact(scope, async (t) => {
      await this.flushes.takeTurn(t, id);
      const row = await this.flushes.find(t, id, subject);
      if (!row) throw notThere(SUBJECTS[subject ?? 'flows'].noun);
      const { noun } = SUBJECTS[subjectOf(row.plan)];
      if (row.state !== 'running') throw new FleetError('FLUSH_FINISHED', `This ${noun} has finished; there is nothing to cancel.`);
      await this.end(
        t,
        row,
        { actor: toActor(caller), action: 'cancelled', by: caller.name, reason: `cancelled by ${caller.name}`, isAtWorkToo: true },
        new Date(this.clock()),
      );
    });
  }

  /**
   * Cancels every running flush and roll-out in scope, or those that touch one tenant; returns which. A flush that ends by itself in the
   * meantime is left out. If a flush touches tenants out of scope, only what is in scope is stopped; if a gateway is named, only its part
   * is. The rest goes on.
   */
  async stopAll(caller: Caller, scope: TenantScope, { tenantId, gatewayId }: { tenantId?: string; gatewayId?: string }): Promise<string[]> {
    const tenantIds = tenantId === undefined ? (scope === 'all' ? undefined : [...scope]) : [tenantId].filter((id) => inScope(scope, id));
    const whole = gatewayId === undefined ? await this.database.transact(scope, (t) => this.flushes.running(t, { tenantIds })) : [];
    const stopped: string[] = [];
    for (const id of whole) {
      try {
        await this.cancel(caller, scope, id);
        stopped.push(id);
      } catch (error) {
        if (!(error instanceof FleetError) || error.code !== 'FLUSH_FINISHED') throw error;
      }
    }
    const isOwn = (target: Target): boolean =>
      (tenantIds === undefined || tenantIds.includes(target.tenantId)) && (gatewayId === undefined || target.gatewayId === gatewayId);
    for (const id of await this.database.transact('all', (t) => this.flushes.running(t, { tenantIds, gatewayId }))) {
      if (!whole.includes(id) && (await this.stopPart(caller, id, isOwn))) stopped.push(id);
    }
    return stopped;
  }

  /**
   * Stops some targets of a flush and leaves the others running; false if there was nothing to stop. It sees the whole flush, but touches
   * and reports its own targets only.
   */
  private async stopPart(caller: Caller, id: string, isOwn: (target: Target) => boolean): Promise<boolean> {
    return this.database.transact('all', async (t) => {
      await this.flushes.takeTurn(t, id);
      const row = await this.flushes.find(t, id);
      if (!row || row.state !== 'running') return false;
      return this.end(
        t,
        row,
        {
          actor: toActor(caller),
          action: 'cancelled',
          by: caller.name,
          reason: `cancelled by ${caller.name}`,
          isAtWorkToo: true,
          isOwn,
        },
        new Date(this.clock()),
      );
    });
  }

  /** Holds back what has not begun, because of a rule. For a transaction that has its turn at the flush. */
  async holdBack(t: Transaction, row: FlushRow, reason: string, now: Date): Promise<void> {
    await this.end(
      t,
      row,
      { actor: { kind: 'system', id: 'waves', name: 'controller' }, action: 'stopped', by: BY_RULE, reason, isAtWorkToo: false },
      now,
    );
  }

  private async end(t: Transaction, row: FlushRow, { actor, action, by, reason, isAtWorkToo, isOwn }: Stop, now: Date): Promise<boolean> {
    const own = isOwn ? row.targets.filter(isOwn) : row.targets;
    const ownIds = own.map((target) => target.gatewayId);
    const isUnbegun = (target: Target): boolean => target.wave > row.wave && isUnfinished(target.state as TargetState);
    await this.commands.lockOfFlush(t, row.id);
    const taken = new Set([
      ...(await this.commands.cancel(t, row.id, ownIds, now)),
      ...own.filter(isUnbegun).map((target) => target.gatewayId),
    ]);
    const atWork = isAtWorkToo ? await this.commands.markStopped(t, row.id, ownIds, now) : [];
    if (taken.size === 0 && atWork.length === 0) return false;
    for (const target of own) {
      if (taken.has(target.gatewayId))
        await this.flushes.move(t, row.id, target.gatewayId, 'cancelled', { finishedAt: now, reason, cancelled: target.planned });
    }
    for (const tenantId of [...new Set(own.map((target) => target.tenantId))].toSorted()) {
      const targets = own.filter((target) => target.tenantId === tenantId).map((target) => target.gatewayId);
      const [gatewayIds, stoppedIds] = [targets.filter((id) => taken.has(id)), targets.filter((id) => atWork.includes(id))];
      this.audit.record(t, {
        tenantId,
        actor,
        action: `${SUBJECTS[subjectOf(row.plan)].entries}.${action}`,
        outcome: 'ok',
        planId: row.planId,
        flushId: row.id,
        reason: row.plan.reason,
        ticket: row.plan.ticket ?? undefined,
        detail: { gatewayIds, stoppedIds, reason },
        summary: `${actor.name} ${action === 'stopped' ? 'held back' : 'cancelled'} ${gatewayIds.length} of ${targets.length} targets${stoppedIds.length > 0 ? ` and stopped ${stoppedIds.length} at work` : ''}: ${reason}`,
      });
    }
    if (!isOwn) await this.flushes.stop(t, row.id, by, reason);
    await this.flushes.settle(t, row.id, now);
    await this.notifications.send(t, FLUSH_CHANGED, row.id);
    await this.notifications.sendAll(t, COMMANDS_WAITING, atWork);
    if (isOwn) await this.notifications.send(t, WORK_WAITING); // the next wave may begin
    return true;
  }
}
