import type { PolicyRollout as View, RolloutTarget, RolloutTargetState } from '../../proto/http/policy-rollouts.ts';
import type { Flush, FlushTarget, PlanApproval, PlanGateway, PolicyRollout, Plan } from '../generated/prisma/client.ts';
import { SUBJECTS } from '../flushes/subject.ts';
import { shownTime } from '../platform/cursor.ts';
import { toApprovalView } from '../plans/plan-view.ts';
import { toWaves } from '../plans/waves.ts';

type Target = Omit<FlushTarget, 'outcomes'>;
export type RolloutState = View['state'];

/** A roll-out with its plan, and its flush once it has begun. */
export type RolloutRow = PolicyRollout & {
  plan: Plan & {
    gateways: (PlanGateway & { tags: string[] })[];
    approval: PlanApproval | null;
    flush: (Flush & { targets: Target[] }) | null;
  };
  tenants: { id: string; name: string }[];
  undoneBy: string | null;
  isPolicyThere: boolean;
};

const STATES: Partial<Record<string, RolloutTargetState>> = {
  waiting: 'waiting',
  offline: 'offline',
  running: 'applying',
  verifying: 'confirming',
  verified: 'confirmed',
  expired: 'expired',
  skipped: 'skipped',
};

/** What a target of a flush is as one of a roll-out; see `judgePolicy`. */
export function targetStateOf({ state, restored, failed }: Pick<Target, 'state' | 'restored' | 'failed'>): RolloutTargetState {
  if (state === 'cancelled') return restored > 0 ? 'restored' : 'cancelled';
  if (state === 'failed') return restored > 0 ? 'restored' : failed > 0 ? 'failed' : 'refused';
  return STATES[state] ?? 'indeterminate';
}

export function stateOf(
  { cancelledAt, plan }: Pick<RolloutRow, 'cancelledAt'> & { plan: Pick<RolloutRow['plan'], 'flush' | 'expiresAt'> },
  now: Date,
): RolloutState {
  if (plan.flush) return plan.flush.state === 'verified' ? 'confirmed' : (plan.flush.state as RolloutState);
  if (cancelledAt !== null) return 'cancelled';
  return plan.expiresAt <= now ? 'expired' : 'awaiting-approval';
}

/** The roll-out as the API shows it. Gateways that were left out come last, as skipped. */
export function toRolloutView(row: RolloutRow, now: Date): View {
  const { plan, kind, undoneBy } = row;
  const { flush } = plan;
  const state = stateOf(row, now);
  const targets = targetsOf(row, state);
  const isUndoable =
    kind === 'apply' && flush?.finishedAt != null && undoneBy === null && targets.some((target) => target.state === 'confirmed');
  return {
    id: row.planId,
    planId: row.planId,
    kind: kind as View['kind'],
    policyId: row.isPolicyThere ? row.policyId : undefined,
    policyName: row.policyName,
    policyRevision: row.policyRevision,
    state,
    stopReason: flush?.stopReason ?? (row.cancelledBy === null ? undefined : `cancelled by ${row.cancelledBy}`),
    digest: plan.digest,
    reason: plan.reason,
    ticket: plan.ticket ?? undefined,
    withinSeconds: plan.forSeconds ?? 0,
    createdBy: plan.createdByName,
    createdAt: plan.createdAt.toISOString(),
    needsApproval: state === 'awaiting-approval' ? (row.whyApproval ?? undefined) : undefined,
    needsSignature: plan.needsSignature,
    approval: plan.approval ? toApprovalView(plan.approval) : undefined,
    startedAt: shownTime(flush?.startedAt ?? null),
    finishedAt: shownTime(flush ? flush.finishedAt : row.cancelledAt),
    notAfter: (flush?.notAfter ?? plan.expiresAt).toISOString(),
    tenants: row.tenants,
    wave: flush?.wave ?? 0,
    waves: flush?.waves ?? Math.max(0, ...targets.map(({ wave }) => wave)),
    totals: totalsOf(targets),
    targets,
    isUndoable,
    undoneBy: undoneBy ?? undefined,
  };
}

function targetsOf(row: RolloutRow, state: RolloutState): RolloutTarget[] {
  const { flush, gateways } = row.plan;
  const begun = flush ? flush.targets.toSorted((a, b) => a.position - b.position).map(toTargetView) : unbegun(row, state);
  const leftOut = gateways.filter((gateway) => gateway.state === 'left-out');
  return [
    ...begun,
    ...leftOut.map(({ gatewayId, name, tenantId, reason }): RolloutTarget => ({
      gatewayId,
      gatewayName: name,
      tenantId,
      state: 'skipped',
      reason: reason ?? undefined,
      wave: 0,
      changes: 0,
    })),
  ];
}

/** As they will be, or would have been, by the tags that gateways have now. */
function unbegun({ plan, withWaves }: RolloutRow, state: RolloutState): RolloutTarget[] {
  const ready = plan.gateways.filter((gateway) => gateway.state === 'ready').toSorted((a, b) => a.position - b.position);
  const waves = toWaves(ready, withWaves, SUBJECTS.policy.few);
  return ready.map(({ gatewayId, name: gatewayName, tenantId, flows }, index) => ({
    gatewayId,
    gatewayName,
    tenantId,
    state: state === 'expired' || state === 'cancelled' ? state : 'waiting',
    ...(state === 'expired' && { reason: 'nobody approved it in time' }),
    wave: waves[index]!,
    changes: flows,
  }));
}

function toTargetView(row: Target): RolloutTarget {
  const state = targetStateOf(row);
  return {
    gatewayId: row.gatewayId,
    gatewayName: row.gatewayName,
    tenantId: row.tenantId,
    state,
    reason: row.reason ?? undefined,
    wave: row.wave,
    changes: row.planned,
    startedAt: shownTime(row.startedAt),
    until: state === 'confirming' ? shownTime(row.confirmUntil) : undefined,
    finishedAt: shownTime(row.finishedAt),
  };
}

function totalsOf(targets: readonly RolloutTarget[]): View['totals'] {
  const totals: View['totals'] = {};
  for (const { state } of targets) totals[state] = (totals[state] ?? 0) + 1;
  return totals;
}
