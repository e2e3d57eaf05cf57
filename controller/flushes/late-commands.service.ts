import { Inject, Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.ts';
import type { Command } from '../generated/prisma/client.ts';
import { SILENCE_MS } from '../gateways/gateway-view.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { Notices } from '../platform/notices.ts';
import { CommandsRepository } from './commands.repository.ts';
import { FlushesRepository } from './flushes.repository.ts';

/** How long after its deadline a command that was sent may stay without a word from a gateway that is gone. */
const PATIENCE_MS = 60_000;

/** What time does to commands: never sent in time is expired for good; sent and silent is indeterminate until the gateway reports from its journal. */
@Injectable()
export class LateCommandsService {
  constructor(
    @Inject(CommandsRepository) private readonly commands: CommandsRepository,
    @Inject(FlushesRepository) private readonly flushes: FlushesRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async sweep(): Promise<void> {
    const nowMs = this.clock();
    const now = new Date(nowMs);
    await this.database.transact('all', async (t) => {
      for (const command of await this.commands.expire(t, now)) await this.end(t, command, 'expired', 'the gateway did not connect in time; nothing was touched', now);
      for (const command of await this.commands.giveUp(t, new Date(nowMs - PATIENCE_MS), new Date(nowMs - SILENCE_MS))) {
        await this.end(t, command, 'indeterminate', 'the gateway went away before it reported; its journal will tell when it connects again', now);
      }
    }, { timeoutMs: 60_000 });
  }

  private async end(t: Transaction, command: Command, state: 'expired' | 'indeterminate', reason: string, now: Date): Promise<void> {
    const { flushId, gatewayId, tenantId, planId } = command;
    await this.flushes.lock(t, flushId);
    const target = (await this.flushes.find(t, flushId))?.targets.find((candidate) => candidate.gatewayId === gatewayId);
    if (!target) throw new Error('a command without its target');
    await this.flushes.move(t, flushId, gatewayId, state, { reason, finishedAt: now, ...(state === 'indeterminate' ? { indeterminate: target.planned } : {}) });
    await this.audit.record(t, {
      tenantId, actor: { kind: 'system', id: 'commands', name: 'controller' }, action: 'flush.target-finished', outcome: state === 'expired' ? 'failed' : 'partial',
      planId, flushId, gatewayId, gatewayName: target.gatewayName, summary: `${target.gatewayName}: ${reason}`, detail: { commandId: command.id, state },
    });
    await this.flushes.settle(t, flushId, now);
    await this.notices.send(t, 'flush', flushId);
  }
}
