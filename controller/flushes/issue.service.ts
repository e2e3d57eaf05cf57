import { Inject, Injectable } from '@nestjs/common';
import type { Plan } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { CommandsRepository, type NewCommand } from './commands.repository.ts';
import { SignedParts } from './signed-parts.ts';
import { FlushesRepository } from './flushes.repository.ts';
import { PlansRepository } from '../plans/plans.repository.ts';
import { POLICY, subjectOf } from './subject.ts';

interface Target {
  gatewayId: string;
  tenantId: string;
}
interface Times {
  notAfter: Date;
  now: Date;
}

/**
 * Creates commands with their outbox rows, in the transaction of the caller's decision. A gateway that was revoked or set aside in the
 * meantime is skipped.
 */
@Injectable()
export class CommandIssueService {
  constructor(
    @Inject(CommandsRepository) private readonly commands: CommandsRepository,
    @Inject(FlushesRepository) private readonly flushes: FlushesRepository,
    @Inject(PlansRepository) private readonly plans: PlansRepository,
  ) {}

  /** One command per target, for what the plan is of. */
  async issueRuns(t: Transaction, flush: { id: string }, plan: Plan, targets: readonly Target[], times: Times): Promise<void> {
    const digests = await this.plans.digests(t, plan.id);
    const isPolicy = subjectOf(plan) === 'policy';
    const undone = isPolicy ? await this.commands.undoneBy(t, plan.id) : undefined;
    const approvals = new SignedParts(await this.plans.approval(t, plan.id), digests);
    await this.issue(t, flush, plan, targets, times, ({ gatewayId }) => {
      const digest = digests.get(gatewayId);
      if (!digest) throw new Error('a part of a plan is without a digest');
      return {
        digest: new Uint8Array(digest),
        method: isPolicy ? POLICY : plan.method,
        forSeconds: plan.forSeconds,
        undoForSeconds: plan.undoForSeconds,
        maxDrift: plan.maxDrift,
        // A gateway asks for no signature of a policy.
        approval: isPolicy ? null : approvals.of(gatewayId),
        undoOf: undone?.get(gatewayId) ?? null,
      };
    });
  }

  /** One UndoPlan per target, for the command that it had in the flush to undo. */
  async issueUndos(
    t: Transaction,
    flush: { id: string },
    undone: { id: string; plan: Plan },
    targets: readonly Target[],
    times: Times,
  ): Promise<void> {
    const before = new Map((await this.commands.ofFlush(t, undone.id)).map((command) => [command.gatewayId, command]));
    await this.issue(t, flush, undone.plan, targets, times, ({ gatewayId }) => {
      const command = before.get(gatewayId);
      if (!command) throw new Error('a target that ended flows had no command');
      return {
        digest: new Uint8Array(command.digest),
        method: command.method,
        forSeconds: null,
        undoForSeconds: 0,
        maxDrift: null,
        approval: null,
        undoOf: command.id,
      };
    });
  }

  private async issue(
    t: Transaction,
    flush: { id: string },
    plan: Plan,
    targets: readonly Target[],
    { notAfter, now }: Times,
    work: (target: Target) => Pick<NewCommand, 'digest' | 'method' | 'forSeconds' | 'undoForSeconds' | 'maxDrift' | 'approval' | 'undoOf'>,
  ): Promise<void> {
    const refused = await this.commands.insert(
      t,
      targets.map((target) => ({
        ...work(target),
        id: newId(),
        tenantId: target.tenantId,
        gatewayId: target.gatewayId,
        flushId: flush.id,
        planId: plan.id,
        notAfter,
        createdAt: now,
      })),
    );
    for (const gatewayId of refused)
      await this.flushes.move(t, flush.id, gatewayId, 'skipped', { reason: 'the gateway was revoked or set aside', finishedAt: now });
  }
}
