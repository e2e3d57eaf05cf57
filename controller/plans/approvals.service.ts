import { Inject, Injectable } from '@nestjs/common';
import { FleetError } from '../../proto/model/error-codes.ts';
import { challengeOf } from '../../proto/signing/plan-statement.ts';
import { ApprovalSignaturesService, type UsedCredential } from '../access/approval-signatures.service.ts';
import type { ApprovalSignature } from '../audit/approval-signature.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import type { Caller } from '../platform/caller.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database, isUniqueViolation, type Transaction } from '../platform/database.ts';
import { notThere } from '../platform/not-there.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { LimitsService } from './limits.service.ts';
import { digestOfPlan, toLimitedPart, type PlanRow } from './plan-view.ts';
import { PlansRepository } from './plans.repository.ts';

/** What begins when the caller approves a plan, in the same transaction. */
export type OnApproved = (t: Transaction, plan: PlanRow, caller: Caller, now: Date) => Promise<void>;

/** The second person: somebody beside its maker has looked at this very plan, and agrees; with a passkey's signature, provably so. */
@Injectable()
export class ApprovalsService {
  private readonly followed = new Map<string, OnApproved>();

  constructor(
    @Inject(PlansRepository) private readonly plans: PlansRepository,
    @Inject(LimitsService) private readonly limits: LimitsService,
    @Inject(ApprovalSignaturesService) private readonly signatures: ApprovalSignaturesService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** What begins when plans of this subject are approved; those of flows wait for whoever runs them. */
  follow(subject: string, onApproved: OnApproved): void {
    this.followed.set(subject, onApproved);
  }

  /**
   * What the caller's passkey is to sign: this plan, for this person, until it expires. Throws as `approve` does, and CAPABILITY_MISSING.
   */
  async options(caller: Caller, scope: TenantScope, planId: string, digest: string): Promise<{ challenge: string; passkeys: string[] }> {
    const plan = await this.database.transact(scope, (t) => this.approvable(t, caller, planId, digest, new Date(this.clock())));
    return this.signatures.options(caller, challengeFor(plan, caller));
  }

  /**
   * Holds until the plan expires. `used`: the answer of one of the caller's passkeys. Throws NOT_FOUND, PLAN_DIGEST_MISMATCH,
   * PLAN_ALREADY_RUN, PLAN_EXPIRED, FORBIDDEN for whatever is no person, for the person behind whoever made the plan and for an approval
   * without the signature that is demanded, SECOND_FACTOR_REFUSED for a signature that is none of this plan by the caller, ALREADY_EXISTS
   * where somebody has agreed before, INVALID_REQUEST for a plan that needs nobody. Returns what the plan is of.
   */
  async approve(caller: Caller, scope: TenantScope, planId: string, digest: string, used?: UsedCredential): Promise<string> {
    const now = new Date(this.clock());
    const signature = used && (await this.sign(caller, scope, planId, digest, used));
    const subject = await this.database
      .transact(scope, async (t) => {
        const plan = await this.approvable(t, caller, planId, digest, now);
        if (!signature && (await this.needsSignature(t, plan)))
          throw new FleetError('FORBIDDEN', 'Only a signature approves this plan. Add a passkey under My account, and sign with it.');
        await this.plans.approve(t, {
          planId,
          tenantIds: plan.tenantIds,
          digest,
          approvedById: caller.id,
          approvedByName: caller.name,
          approvedAt: now,
          signature,
        });
        const how = signature ? `, signed with passkey ${signature.passkey}` : '';
        for (const tenantId of plan.tenantIds.toSorted()) {
          this.audit.record(t, {
            tenantId,
            actor: toActor(caller),
            action: 'plan.approved',
            outcome: 'ok',
            planId,
            reason: plan.reason,
            ticket: plan.ticket ?? undefined,
            summary: `${caller.name} agreed to the plan of ${plan.createdByName}${how}`,
            detail: { digest, ...(signature && { signature }) },
          });
        }
        await this.followed.get(plan.subject)?.(t, plan, caller, now);
        return plan.subject;
      })
      .catch((error: unknown) => {
        throw isUniqueViolation(error) ? alreadyApproved(error) : error;
      });
    // Not before: only the approval shows that the signature had not been used.
    if (signature) await this.signatures.markProved(caller);
    return subject;
  }

  private async sign(caller: Caller, scope: TenantScope, planId: string, digest: string, used: UsedCredential): Promise<ApprovalSignature> {
    const plan = await this.database.transact(scope, (t) => this.approvable(t, caller, planId, digest, new Date(this.clock())));
    const signature = await this.signatures.verify(caller, challengeFor(plan, caller), used);
    return { ...signature, expiresAt: plan.expiresAt.toISOString() };
  }

  private async approvable(t: Transaction, caller: Caller, planId: string, digest: string, now: Date): Promise<PlanRow> {
    const plan = await this.plans.find(t, planId);
    checkApprovable(plan, caller, digest, now);
    if (plan.friction !== 'second-person' && (plan.subject !== 'flows' || (await this.isFree(t, plan, now))))
      throw new FleetError('INVALID_REQUEST', 'This plan does not need approval.');
    if (plan.approval) throw alreadyApproved();
    return plan;
  }

  private async isFree(t: Transaction, { gateways, isEverything }: PlanRow, now: Date): Promise<boolean> {
    const parts = gateways.filter((gateway) => gateway.state === 'ready').map(toLimitedPart);
    return (await this.limits.ofPlan(t, { parts, isEverything }, now)).kind === 'free';
  }

  private async needsSignature(t: Transaction, { needsSignature, tenantIds }: PlanRow): Promise<boolean> {
    if (needsSignature) return true;
    return [...(await this.limits.ofTenants(t, tenantIds)).values()].some(({ approvalsBySignature }) => approvalsBySignature);
  }
}

/** Throws PLAN_DIGEST_MISMATCH for a plan whose digest does not follow from its parts: a gateway could not verify what was signed. */
function challengeFor(plan: PlanRow, caller: Caller): Uint8Array<ArrayBuffer> {
  const { id: planId, digest, expiresAt } = plan;
  if (digestOfPlan(plan) !== digest)
    throw new FleetError('PLAN_DIGEST_MISMATCH', 'This plan was made by another version of ctfleet and cannot be signed. Create it again.');
  return challengeOf({ planId, digest, expiresAtMs: expiresAt.getTime(), approverId: caller.id });
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

function alreadyApproved(cause?: unknown): FleetError {
  return new FleetError('ALREADY_EXISTS', 'This plan has already been approved.', {}, { cause });
}
