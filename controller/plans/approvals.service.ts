import { Inject, Injectable } from '@nestjs/common';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Caller } from '../platform/caller.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database, isUniqueViolation } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { LimitsService } from './limits.service.ts';
import { notThere } from '../platform/not-there.ts';
import { toLimitedPart, type PlanRow } from './plan-view.ts';
import { PlansRepository } from './plans.repository.ts';

/** The second person: somebody beside its maker has looked at this very plan, and agrees. */
@Injectable()
export class ApprovalsService {
  constructor(
    @Inject(PlansRepository) private readonly plans: PlansRepository,
    @Inject(LimitsService) private readonly limits: LimitsService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Holds until the plan expires. Throws NOT_FOUND, PLAN_DIGEST_MISMATCH, PLAN_ALREADY_RUN, PLAN_EXPIRED, FORBIDDEN for whatever is no person and
   * for the person behind whoever made the plan, ALREADY_EXISTS where somebody has agreed before, INVALID_REQUEST for a plan that needs nobody.
   */
  async approve(caller: Caller, scope: TenantScope, planId: string, digest: string): Promise<void> {
    const now = new Date(this.clock());
    await this.database
      .transact(scope, async (t) => {
        const plan = await this.plans.find(t, planId);
        checkApprovable(plan, caller, digest, now);
        const { kind } = await this.limits.ofPlan(
          t,
          { parts: plan.gateways.filter((gateway) => gateway.state === 'ready').map(toLimitedPart), isEverything: plan.isEverything },
          now,
        );
        if (plan.friction !== 'second-person' && kind === 'free')
          throw new FleetError('INVALID_REQUEST', 'This plan does not need approval.');
        await this.plans.approve(t, {
          planId,
          tenantIds: plan.tenantIds,
          digest,
          approvedById: caller.id,
          approvedByName: caller.name,
          approvedAt: now,
        });
        for (const tenantId of plan.tenantIds.toSorted()) {
          this.audit.record(t, {
            tenantId,
            actor: toActor(caller),
            action: 'plan.approved',
            outcome: 'ok',
            planId,
            reason: plan.reason,
            ticket: plan.ticket ?? undefined,
            summary: `${caller.name} agreed to the plan of ${plan.createdByName}`,
            detail: { digest },
          });
        }
      })
      .catch((error: unknown) => {
        throw isUniqueViolation(error)
          ? new FleetError('ALREADY_EXISTS', 'This plan has already been approved.', {}, { cause: error })
          : error;
      });
  }
}

function checkApprovable(plan: PlanRow | undefined, caller: Caller, digest: string, now: Date): asserts plan is PlanRow {
  if (!plan) throw notThere('plan');
  if (caller.kind !== 'user') throw new FleetError('FORBIDDEN', 'API tokens and service accounts cannot approve plans. Sign in.');
  if (plan.createdByUserId === caller.userId)
    throw new FleetError('FORBIDDEN', 'You, or what acts with a secret of yours, created this plan. Somebody else must approve it.');
  if (plan.digest !== digest) throw new FleetError('PLAN_DIGEST_MISMATCH', 'The digest does not match this plan. Review the plan again.');
  if (plan.flush)
    throw new FleetError('PLAN_ALREADY_RUN', 'This plan has already been run. A plan can be run only once.', { flushId: plan.flush.id });
  if (plan.expiresAt <= now) throw new FleetError('PLAN_EXPIRED', 'This plan has expired. Create a new one.');
}
