import { Inject, Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.ts';
import type { Command } from '../generated/prisma/client.ts';
import { SILENCE_MS } from '../link/session.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { CommandsRepository } from './commands.repository.ts';
import { FlushesRepository } from './flushes.repository.ts';
import { FLUSH_CHANGED } from './notifications.ts';
import { SUBJECTS, subjectOf } from './subject.ts';

/** How long after its deadline a sent command may stay unanswered by a gateway that is gone. */
const PATIENCE_MS = 60_000;

/**
 * Deadlines of commands: not sent in time means expired for good; sent and silent means indeterminate until the gateway reports from its
 * journal.
 */
@Injectable()
export class DeadlinesService {
  constructor(
    @Inject(CommandsRepository) private readonly commands: CommandsRepository,
    @Inject(FlushesRepository) private readonly flushes: FlushesRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async sweep(): Promise<void> {
    const nowMs = this.clock();
    const now = new Date(nowMs);
    const { tooLate, unanswered } = await this.database.transact('all', async (t) => ({
      tooLate: await this.commands.tooLate(t, now),
      unanswered: await this.commands.unanswered(t, new Date(nowMs - PATIENCE_MS), new Date(nowMs - SILENCE_MS)),
    }));
    for (const command of tooLate) await this.end(command, 'expired', 'the gateway did not connect in time; nothing was touched', now);
    for (const command of unanswered)
      await this.end(
        command,
        'indeterminate',
        'the gateway disconnected before it reported; its journal has the outcome when it reconnects',
        now,
      );
  }

  /**
   * A gateway has carried out commands that this database does not know: the database was restored from a backup. Commands already sent
   * become indeterminate until the gateway reports, commands never sent are renumbered from the last number that the gateway has seen, and
   * both are recorded.
   */
  async catchUp(
    t: Transaction,
    gateway: { gatewayId: string; tenantId: string; name: string },
    known: { seq: bigint; epoch: bigint },
    seen: { seq: bigint; epoch: bigint },
  ): Promise<void> {
    const { gatewayId, tenantId, name } = gateway;
    const now = new Date(this.clock());
    for (const command of await this.commands.lockUnanswered(t, gatewayId)) {
      if (await this.commands.end(t, command, 'indeterminate'))
        await this.record(
          t,
          command,
          'indeterminate',
          'the controller was restored from a backup; what the gateway did since is only in its journal',
          now,
        );
    }
    this.audit.record(t, {
      tenantId,
      actor: { kind: 'system', id: 'controller', name: 'ctfleet' },
      action: 'gateway.counted-on',
      outcome: 'ok',
      gatewayId,
      gatewayName: name,
      summary: `${name} has seen command ${seen.seq} and session ${seen.epoch}, which this database does not know: it was restored from a backup, and continues from there`,
      detail: { knownSeq: String(known.seq), seenSeq: String(seen.seq), knownEpoch: String(known.epoch), seenEpoch: String(seen.epoch) },
    });
    await this.commands.countOnFrom(t, gatewayId, seen.seq);
  }

  /** One transaction each: transactions that end commands of several tenants could deadlock on the audit chains. */
  private async end(command: Command, state: 'expired' | 'indeterminate', reason: string, now: Date): Promise<void> {
    await this.database.transact('all', async (t) => {
      if (await this.commands.end(t, command, state)) await this.record(t, command, state, reason, now);
    });
  }

  private async record(t: Transaction, command: Command, state: 'expired' | 'indeterminate', reason: string, now: Date): Promise<void> {
    const { flushId, gatewayId, tenantId, planId } = command;
    const target = (await this.flushes.findTargets(t, [{ flushId, gatewayId }]))[0]!;
    const { entries } = SUBJECTS[subjectOf(target.flush.plan)];
    await this.flushes.move(t, flushId, gatewayId, state, {
      reason,
      finishedAt: now,
      ...(state === 'indeterminate' ? { indeterminate: target.planned } : {}),
    });
    this.audit.record(t, {
      tenantId,
      actor: { kind: 'system', id: 'commands', name: 'controller' },
      action: `${entries}.target-finished`,
      outcome: state === 'expired' ? 'failed' : 'partial',
      planId,
      flushId,
      gatewayId,
      gatewayName: target.gatewayName,
      summary: `${target.gatewayName}: ${reason}`,
      detail: { commandId: command.id, state },
    });
    await this.flushes.settle(t, flushId, now);
    await this.notifications.send(t, FLUSH_CHANGED, flushId);
  }
}
