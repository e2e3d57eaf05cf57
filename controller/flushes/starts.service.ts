import { Inject, Injectable } from '@nestjs/common';
import type { Plan } from '../generated/prisma/client.ts';
import type { Caller } from '../platform/caller.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import type { Transaction } from '../platform/database.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { FlushesRepository } from './flushes.repository.ts';
import { CommandIssueService } from './issue.service.ts';
import { FLUSH_CHANGED, WORK_WAITING } from './notifications.ts';
import { lastBeginning } from './subject.ts';

/** A plan that is about to be carried out. `flows`: how much changes on a gateway. */
export interface Start {
  id: string;
  plan: Plan;
  tenantIds: string[];
  by: Pick<Caller, 'id' | 'name'>;
  targets: readonly { gatewayId: string; tenantId: string; name: string; position: number; flows: number; wave: number }[];
}

/** How carrying a plan out begins, whatever it is of. */
@Injectable()
export class StartsService {
  constructor(
    @Inject(FlushesRepository) private readonly flushes: FlushesRepository,
    @Inject(CommandIssueService) private readonly commands: CommandIssueService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Writes the targets in their waves, and the commands and outbox rows of the first one, in the transaction of whoever decides it and has
   * recorded it. Throws a unique violation for a plan that has begun already.
   */
  async begin(t: Transaction, { id, plan, tenantIds, by, targets }: Start, now: Date): Promise<void> {
    const waves = Math.max(...targets.map(({ wave }) => wave));
    const { commandTtlMs } = this.config;
    await this.flushes.insert(
      t,
      {
        id,
        planId: plan.id,
        kind: 'run',
        tenantIds,
        state: 'running',
        startedAt: now,
        finishedAt: null,
        createdById: by.id,
        createdByName: by.name,
        wave: 1,
        waves,
        stoppedBy: null,
        stopReason: null,
        notAfter: lastBeginning(plan, waves, now, commandTtlMs),
      },
      targets.map(({ gatewayId, tenantId, name: gatewayName, position, flows: planned, wave }) => ({
        gatewayId,
        tenantId,
        gatewayName,
        position,
        planned,
        wave,
      })),
    );
    const first = targets.filter(({ wave }) => wave === 1);
    await this.commands.issueRuns(t, { id }, plan, first, { notAfter: new Date(now.getTime() + commandTtlMs), now });
    await this.flushes.settle(t, id, now);
    await this.notifications.send(t, FLUSH_CHANGED, id);
    await this.notifications.send(t, WORK_WAITING);
  }
}
