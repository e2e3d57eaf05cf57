import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { StartsService } from '../flushes/starts.service.ts';
import { SUBJECTS } from '../flushes/subject.ts';
import type { Caller } from '../platform/caller.ts';
import type { Transaction } from '../platform/database.ts';
import { counted } from '../platform/plural.ts';
import { ApprovalsService } from '../plans/approvals.service.ts';
import { toApprovalView, type PlanRow } from '../plans/plan-view.ts';
import { PlansRepository } from '../plans/plans.repository.ts';
import { toWaves } from '../plans/waves.ts';
import { changeWords } from './rollout-part.ts';
import { RolloutsRepository } from './rollouts.repository.ts';

/** How a roll-out begins: when it is asked for, or when a second person has approved it. */
@Injectable()
export class RolloutStarts implements OnModuleInit {
  constructor(
    @Inject(RolloutsRepository) private readonly rollouts: RolloutsRepository,
    @Inject(PlansRepository) private readonly plans: PlansRepository,
    @Inject(StartsService) private readonly starts: StartsService,
    @Inject(ApprovalsService) private readonly approvals: ApprovalsService,
    @Inject(AuditService) private readonly audit: AuditService,
  ) {}

  onModuleInit(): void {
    this.approvals.follow('policy', (t, { id }, caller, now) => this.begin(t, id, caller, now));
  }

  /**
   * Writes its audit entries by whoever made it begin, its targets in their waves and the commands of the first one, in the transaction
   * that decides it. Throws PLAN_EXPIRED for one that was cancelled meanwhile.
   */
  async begin(t: Transaction, id: string, caller: Caller, now: Date): Promise<void> {
    await this.rollouts.lock(t, id);
    const [rollout, plan] = [await this.rollouts.find(t, id), await this.plans.find(t, id)];
    if (!rollout || !plan) throw new Error('a plan of a policy without its roll-out');
    if (rollout.cancelledAt !== null) throw new FleetError('PLAN_EXPIRED', `This roll-out was cancelled by ${rollout.cancelledBy}.`);
    const ready = plan.gateways.filter((gateway) => gateway.state === 'ready');
    const waves = toWaves(ready, rollout.withWaves, SUBJECTS.policy.few);
    const tenantIds = [...new Set(ready.map(({ tenantId }) => tenantId))].toSorted();
    await this.recordStart(t, caller, plan, rollout, Math.max(...waves));
    const targets = ready.map((gateway, index) => ({ ...gateway, wave: waves[index]! }));
    await this.starts.begin(t, { id, plan, tenantIds, by: { id: plan.createdById, name: plan.createdByName }, targets }, now);
  }

  private async recordStart(
    t: Transaction,
    caller: Caller,
    plan: PlanRow,
    {
      kind,
      undoes,
      policyId,
      policyName,
      policyRevision,
    }: { kind: string; undoes: string | null; policyId: string; policyName: string; policyRevision: number },
    waves: number,
  ): Promise<void> {
    const changes = await this.rollouts.changes(t, plan.id);
    const ready = plan.gateways.filter((gateway) => gateway.state === 'ready');
    for (const tenantId of [...new Set(ready.map((gateway) => gateway.tenantId))].toSorted()) {
      const own = ready.filter((gateway) => gateway.tenantId === tenantId);
      const does = kind === 'undo' ? `take policy ${policyName} back` : `roll policy ${policyName} out`;
      this.audit.record(t, {
        tenantId,
        actor: toActor(caller),
        action: `${SUBJECTS.policy.entries}.started`,
        outcome: 'ok',
        planId: plan.id,
        flushId: plan.id,
        reason: plan.reason,
        ticket: plan.ticket ?? undefined,
        summary: `${caller.name} began to ${does} on ${counted(own.length, 'gateway')}`,
        detail: {
          policy: { id: policyId, name: policyName, revision: policyRevision },
          undoes: undoes ?? undefined,
          digest: plan.digest,
          waves,
          withinSeconds: plan.forSeconds,
          askedBy: plan.createdByName,
          approvedBy: plan.approval?.approvedByName,
          signedWith: plan.approval ? toApprovalView(plan.approval).passkey : undefined,
          values: changeWords(own.flatMap(({ gatewayId }) => changes.get(gatewayId)?.difference ?? [])),
          gateways: own.map(({ gatewayId, name, flows, digest }) => ({
            id: gatewayId,
            name,
            changes: flows,
            digest: digest ? Buffer.from(digest).toString('hex') : undefined,
          })),
        },
      });
    }
  }
}
