import { Inject, Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { counted } from '../platform/plural.ts';
import { CommandIssueService } from './issue.service.ts';
import { totalsOf, type FlushRow } from './flush-view.ts';
import { FlushesRepository } from './flushes.repository.ts';
import { isUnfinished, type TargetState } from './states.ts';
import { SUBJECTS, subjectOf } from './subject.ts';
import { StopsService } from './stops.service.ts';
import { nextStep } from './next-wave.ts';
import { FLUSH_CHANGED, WORK_WAITING } from './notifications.ts';

const ACTOR = { kind: 'system', id: 'waves', name: 'controller' };

/**
 * Begins the next wave of a flush, or holds it back. Any replica may try at any time: decisions on a flush are serialised, and the wave's
 * number advances by a conditional update, so that each wave begins once (I2) and a replica that lost its turn changes nothing (I10).
 */
@Injectable()
export class WavesService {
  constructor(
    @Inject(FlushesRepository) private readonly flushes: FlushesRepository,
    @Inject(CommandIssueService) private readonly commands: CommandIssueService,
    @Inject(StopsService) private readonly stops: StopsService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Checks every flush that has waves to come. A flush whose check fails does not block the others; the failures are thrown at the end. */
  async sweep(): Promise<void> {
    const failures: unknown[] = [];
    for (const id of await this.database.transact('all', (t) => this.flushes.withWavesToCome(t)))
      await this.advance(id).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw new AggregateError(failures, 'waves could not be advanced');
  }

  /** A flush may cross tenants, so this sees all tenants; it touches the flush's own targets only. */
  private async advance(id: string): Promise<void> {
    await this.database.transact(
      'all',
      async (t) => {
        await this.flushes.takeTurn(t, id);
        const row = await this.flushes.find(t, id);
        if (!row || row.state !== 'running' || row.stoppedBy !== null || row.wave >= row.waves) return;
        const now = new Date(this.clock());
        const step = nextStep(
          row.targets.map((target) => ({ wave: target.wave, state: target.state as TargetState, totals: totalsOf(target) })),
          row.wave,
          row.notAfter <= now,
          subjectOf(row.plan),
        );
        if (step.kind === 'stop') await this.stops.holdBack(t, row, step.reason, now);
        else if (step.kind === 'begin') await this.begin(t, row, row.wave + 1, now);
      },
      { timeoutMs: 60_000 },
    );
  }

  /**
   * Writes audit entries, commands and outbox rows of one wave, in one transaction (I1, I5); its time begins now and ends with the flush's
   * (I4).
   */
  private async begin(t: Transaction, row: FlushRow, wave: number, now: Date): Promise<void> {
    // An operator of a tenant may have stopped that tenant's gateways in the meantime.
    const targets = row.targets.filter((target) => target.wave === wave && isUnfinished(target.state as TargetState));
    for (const tenantId of [...new Set(targets.map((target) => target.tenantId))].toSorted()) {
      const own = targets.filter((target) => target.tenantId === tenantId);
      this.audit.record(t, {
        tenantId,
        actor: ACTOR,
        action: `${SUBJECTS[subjectOf(row.plan)].entries}.wave-begun`,
        outcome: 'ok',
        planId: row.planId,
        flushId: row.id,
        reason: row.plan.reason,
        ticket: row.plan.ticket ?? undefined,
        summary: `Wave ${wave} of ${row.waves} began on ${counted(own.length, 'gateway')}`,
        detail: { wave, gatewayIds: own.map((target) => target.gatewayId) },
      });
    }
    const notAfter = new Date(Math.min(now.getTime() + this.config.commandTtlMs, row.notAfter.getTime()));
    await this.commands.issueRuns(t, row, row.plan, targets, { notAfter, now });
    if (!(await this.flushes.moveOn(t, row.id, wave))) throw new Error('another replica began this wave');
    await this.flushes.settle(t, row.id, now);
    await this.notifications.send(t, FLUSH_CHANGED, row.id);
    await this.notifications.send(t, WORK_WAITING);
  }
}
