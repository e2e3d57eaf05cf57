import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { id as idSchema } from '../../proto/http/common.ts';
import type { applyPolicy, getRolloutDifference, listPolicyRollouts, PolicyRollout as View } from '../../proto/http/policy-rollouts.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { planDigest } from '../../proto/signing/plan-statement.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { FLUSH_CHANGED } from '../flushes/notifications.ts';
import { StopsService } from '../flushes/stops.service.ts';
import { SUBJECTS } from '../flushes/subject.ts';
import type { Caller } from '../platform/caller.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { parseCursor, toPage } from '../platform/cursor.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { notThere } from '../platform/not-there.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { LimitsService } from '../plans/limits.service.ts';
import { DEFAULT_LIMITS } from '../plans/may-end.ts';
import { partsOf } from '../plans/plan-view.ts';
import { PlansRepository } from '../plans/plans.repository.ts';
import { shownTo, toDifferenceView } from '../policies/effective-view.ts';
import { PolicyPlansService, type WholePlan } from '../policies/policy-plans.service.ts';
import { toPart, type RolloutPart } from './rollout-part.ts';
import { RolloutStarts } from './rollout-starts.service.ts';
import { stateOf, toRolloutView, type RolloutRow } from './rollout-view.ts';
import { RolloutsRepository } from './rollouts.repository.ts';
import { whySecondPerson } from './second-person.ts';

/** How long a roll-out waits for a second person, as plans of flows do. */
const APPROVAL_TTL_MS = 15 * 60_000;
const TTL_MS = 5 * 60_000;

type Body = z.output<typeof applyPolicy.body>;

/** What is stored of a roll-out before it begins. */
export interface NewRollout {
  kind: 'apply' | 'undo';
  undoes: string | null;
  policy: { id: string; name: string; revision: number };
  body: Pick<Body, 'reason' | 'ticket' | 'withinSeconds' | 'waves'>;
  whyApproval: string | undefined;
  needsSignature: boolean;
  parts: readonly {
    gateway: RolloutPart['gateway'];
    kept?: { document: string | null; undoOf: string | null; change: NonNullable<RolloutPart['ready']>['change'] };
  }[];
}

/** Roll-outs of policies: planned, kept, shown, cancelled. */
@Injectable()
export class RolloutsService {
  constructor(
    @Inject(RolloutsRepository) private readonly rollouts: RolloutsRepository,
    @Inject(PolicyPlansService) private readonly policyPlans: PolicyPlansService,
    @Inject(PlansRepository) private readonly plans: PlansRepository,
    @Inject(LimitsService) private readonly limits: LimitsService,
    @Inject(RolloutStarts) private readonly starts: RolloutStarts,
    @Inject(StopsService) private readonly stops: StopsService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Plans again, and begins, or waits for a second person. Returns the id. Throws what planning throws, PLAN_DRIFTED for another digest
   * than what the policy would change now, PLAN_EMPTY if no gateway is left to change.
   */
  async apply(caller: Caller, scope: TenantScope, policyId: string, body: Body, signal: AbortSignal): Promise<string> {
    const whole = await this.policyPlans.whole(scope, policyId, body.scope, signal);
    if (whole.plan.digest !== body.digest)
      throw new FleetError(
        'PLAN_DRIFTED',
        'The policy would now change something else than what was planned: a gateway or a policy was changed since, or a gateway no longer answers. Plan it again.',
      );
    const { name } = whole.draft.policy.document.metadata;
    const parts = whole.parts.map((part, position) => toPart(name, part, position, whole.tenantOf));
    assertAny(parts);
    return this.database.transact(
      scope,
      async (t) => {
        const { whyApproval, bySignature } = await this.secondPerson(t, parts);
        return this.store(t, caller, {
          kind: 'apply',
          undoes: null,
          policy: { id: policyId, name, revision: revisionOf(whole) },
          body,
          whyApproval,
          needsSignature: whyApproval !== undefined && bySignature,
          parts: parts.map(({ gateway, ready }) => ({
            gateway,
            ...(ready && { kept: { document: ready.document, undoOf: null, change: ready.change } }),
          })),
        });
      },
      { timeoutMs: 120_000 },
    );
  }

  /** Stores it, and begins it unless a second person is needed; in the transaction of whoever decides it. Returns its id. */
  async store(
    t: Transaction,
    caller: Caller,
    { kind, undoes, policy, body, whyApproval, needsSignature, parts }: NewRollout,
  ): Promise<string> {
    const now = new Date(this.clock());
    const id = newId();
    const gateways = parts.map(({ gateway }) => gateway);
    const tenantIds = [...new Set(gateways.map(({ tenantId }) => tenantId))].toSorted();
    const needsApproval = whyApproval !== undefined;
    const method = kind === 'apply' ? 'policy' : 'policy-undo';
    const digest = planDigest({ method, forSeconds: body.withinSeconds }, partsOf(gateways));
    await this.plans.insert(t, {
      id,
      subject: 'policy',
      tenantIds,
      digest,
      filter: '',
      isEverything: false,
      method,
      reason: body.reason,
      ticket: body.ticket ?? null,
      forSeconds: body.withinSeconds,
      undoForSeconds: 0,
      maxDrift: null,
      friction: needsApproval ? 'second-person' : 'none',
      impact: {},
      createdAt: now,
      expiresAt: new Date(now.getTime() + (needsApproval ? APPROVAL_TTL_MS : TTL_MS)),
      createdById: caller.id,
      createdByName: caller.name,
      createdByUserId: caller.userId,
      needsSignature,
      gateways,
    });
    await this.rollouts.insert(
      t,
      {
        planId: id,
        tenantIds,
        kind,
        undoes,
        policyId: policy.id,
        policyName: policy.name,
        policyRevision: policy.revision,
        withWaves: body.waves,
        whyApproval: whyApproval ?? null,
      },
      parts.flatMap(({ gateway: { gatewayId, tenantId }, kept }) => (kept ? [{ gatewayId, tenantId, ...kept }] : [])),
    );
    if (!needsApproval) {
      await this.starts.begin(t, id, caller, now);
      return id;
    }
    for (const tenantId of tenantIds) {
      const own = gateways.filter((gateway) => gateway.tenantId === tenantId);
      this.audit.record(t, {
        tenantId,
        actor: toActor(caller),
        action: `${SUBJECTS.policy.entries}.asked`,
        outcome: 'ok',
        planId: id,
        reason: body.reason,
        ticket: body.ticket,
        summary: `${caller.name} asked to roll policy ${policy.name} out; it needs a second person: ${whyApproval}`,
        detail: {
          policy,
          digest,
          gateways: own.filter(({ state }) => state === 'ready').map((gateway) => gateway.name),
          leftOut: own.filter(({ state }) => state === 'left-out').map((gateway) => gateway.name),
        },
      });
    }
    return id;
  }

  async list(
    scope: TenantScope,
    query: z.output<NonNullable<typeof listPolicyRollouts.query>>,
  ): Promise<z.output<typeof listPolicyRollouts.response>> {
    const { cursor, ...wanted } = query;
    const now = new Date(this.clock());
    const rows = await this.database.transact(scope, (t) =>
      this.rollouts.list(t, { ...wanted, before: parseCursor(cursor, idSchema) }, now),
    );
    return toPage(
      rows.map((row) => ({ ...row, id: row.planId })),
      query.limit,
      (row) => {
        const { targets: _, ...view } = toRolloutView(row, now);
        return view;
      },
      (row) => row.planId,
    );
  }

  /** Throws NOT_FOUND if it does not exist or is out of scope. */
  async get(scope: TenantScope, id: string): Promise<View> {
    return toRolloutView(await this.database.transact(scope, (t) => this.row(t, id)), new Date(this.clock()));
  }

  /** Throws NOT_FOUND also for a gateway on which it changes nothing. */
  async difference(scope: TenantScope, id: string, gatewayId: string): Promise<z.output<typeof getRolloutDifference.response>> {
    const change = await this.database.transact(scope, async (t) => {
      await this.row(t, id);
      return this.rollouts.change(t, id, gatewayId);
    });
    if (!change) throw new FleetError('NOT_FOUND', 'This roll-out changes nothing on that gateway.');
    const { difference, origins, tenantOf } = change;
    const shown = shownTo(scope, (policyId) => tenantOf[policyId] ?? null);
    return { gatewayId, difference: toDifferenceView(difference, { origins }, shown) };
  }

  /** Cancels what has not begun, and has gateways put back what nobody has confirmed. Throws NOT_FOUND, FLUSH_FINISHED. */
  async cancel(caller: Caller, scope: TenantScope, id: string): Promise<void> {
    const now = new Date(this.clock());
    const hasBegun = await this.database.transact(scope, async (t) => {
      await this.rollouts.lock(t, id);
      const row = await this.row(t, id);
      if (row.plan.flush) return true;
      if (stateOf(row, now) !== 'awaiting-approval')
        throw new FleetError('FLUSH_FINISHED', 'This roll-out has never begun and no longer can; there is nothing to cancel.');
      await this.rollouts.markCancelled(t, id, caller.name, now);
      for (const tenantId of row.tenantIds.toSorted())
        this.audit.record(t, {
          tenantId,
          actor: toActor(caller),
          action: `${SUBJECTS.policy.entries}.cancelled`,
          outcome: 'ok',
          planId: id,
          reason: row.plan.reason,
          ticket: row.plan.ticket ?? undefined,
          summary: `${caller.name} cancelled the roll-out of policy ${row.policyName} before anybody approved it`,
          detail: { digest: row.plan.digest },
        });
      await this.notifications.send(t, FLUSH_CHANGED, id);
      return false;
    });
    if (hasBegun) await this.stops.cancel(caller, scope, id, 'policy');
  }

  private async row(t: Transaction, id: string): Promise<RolloutRow> {
    const row = await this.rollouts.find(t, id);
    if (!row) throw notThere('roll-out');
    return row;
  }

  private async secondPerson(t: Transaction, parts: readonly RolloutPart[]): Promise<{ whyApproval?: string; bySignature: boolean }> {
    const changed = parts.flatMap(({ gateway, ready }) =>
      ready
        ? [
            {
              gatewayId: gateway.gatewayId,
              tenantId: gateway.tenantId,
              siteId: gateway.siteId,
              difference: ready.change.difference,
              stopped: ready.stopped,
              tableCount: ready.tableCount,
            },
          ]
        : [],
    );
    const limits = await this.limits.ofTenants(t, [...new Set(changed.map(({ tenantId }) => tenantId))]);
    return {
      whyApproval: whySecondPerson(changed, (tenantId) => limits.get(tenantId) ?? DEFAULT_LIMITS),
      bySignature: [...limits.values()].some(({ approvalsBySignature }) => approvalsBySignature),
    };
  }
}

function revisionOf({ draft }: WholePlan): number {
  if (draft.revision === undefined) throw new Error('a saved policy without a revision');
  return draft.revision;
}

/** Throws PLAN_EMPTY, and says why of the first gateway that is left out. */
function assertAny(parts: readonly RolloutPart[]): void {
  if (parts.some(({ ready }) => ready)) return;
  const leftOut = parts.find(({ gateway }) => gateway.state === 'left-out')?.gateway;
  throw new FleetError(
    'PLAN_EMPTY',
    leftOut
      ? `No gateway is left to change. ${leftOut.name} is left out: ${leftOut.reason}.`
      : 'The policy changes nothing on the gateways of this scope.',
  );
}
