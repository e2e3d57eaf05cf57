import { Injectable } from '@nestjs/common';
import type { Prisma } from '../generated/prisma/client.ts';
import type { PolicyRollout } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import type { KeptChange } from './rollout-part.ts';
import type { RolloutRow, RolloutState } from './rollout-view.ts';

const WITH_PLAN = {
  plan: {
    include: {
      gateways: { orderBy: { position: 'asc' } },
      approval: true,
      flushes: { where: { kind: 'run' }, include: { targets: { omit: { outcomes: true } } } },
    },
  },
} as const;
/** A caller who may not see all tenants of a plan sees neither it nor its roll-out; row-level security hides the plan. */
const PLAN_IN_SIGHT = { createdAt: { gte: new Date(0) } } as const;

export interface RolloutQuery {
  limit: number;
  before?: string;
  policy?: string;
  tenant?: string;
  gateway?: string;
  state?: RolloutState;
}

/** What a gateway's part is to have; or the command that it takes back. */
export interface NewPart {
  gatewayId: string;
  tenantId: string;
  document: string | null;
  undoOf: string | null;
  change: KeptChange;
}

type Found = Prisma.PolicyRolloutGetPayload<{ include: typeof WITH_PLAN }>;

/** Roll-outs as a caller's tenants see them: row-level security hides those that also touch others. */
@Injectable()
export class RolloutsRepository {
  /** Throws a unique violation if it undoes what another one has undone. */
  async insert(t: Transaction, rollout: Omit<PolicyRollout, 'cancelledBy' | 'cancelledAt'>, parts: readonly NewPart[]): Promise<void> {
    await t.policyRollout.create({ data: rollout });
    await t.policyRolloutGateway.createMany({
      data: parts.map(({ change, ...part }) => ({ ...part, planId: rollout.planId, change: change as unknown as Prisma.InputJsonObject })),
    });
  }

  async find(t: Transaction, id: string): Promise<RolloutRow | undefined> {
    const found = await t.policyRollout.findUnique({ where: { planId: id, plan: PLAN_IN_SIGHT }, include: WITH_PLAN });
    return found ? (await this.whole(t, [found]))[0] : undefined;
  }

  /** Newest first, up to `limit` + 1. */
  async list(t: Transaction, { limit, before, policy, tenant, gateway, state }: RolloutQuery, now: Date): Promise<RolloutRow[]> {
    const found = await t.policyRollout.findMany({
      where: {
        planId: before === undefined ? undefined : { lt: before },
        policyId: policy,
        tenantIds: tenant === undefined ? undefined : { has: tenant },
        AND: [
          {
            plan: {
              ...PLAN_IN_SIGHT,
              gateways: gateway === undefined ? undefined : { some: { gatewayId: gateway, state: { not: 'empty' } } },
            },
          },
          state === undefined ? {} : inState(state, now),
        ],
      },
      include: WITH_PLAN,
      orderBy: { planId: 'desc' },
      take: limit + 1,
    });
    return this.whole(t, found);
  }

  /** Held to the end of the transaction: whether it begins or is cancelled is decided once. */
  async lock(t: Transaction, id: string): Promise<void> {
    await t.$queryRaw`SELECT 1 FROM policy_rollout WHERE plan_id = ${id}::uuid FOR NO KEY UPDATE`;
  }

  async markCancelled(t: Transaction, id: string, cancelledBy: string, cancelledAt: Date): Promise<void> {
    await t.policyRollout.updateMany({ where: { planId: id }, data: { cancelledBy, cancelledAt } });
  }

  /** What it changes on a gateway; undefined where it changes nothing. */
  async change(t: Transaction, planId: string, gatewayId: string): Promise<KeptChange | undefined> {
    const row = await t.policyRolloutGateway.findUnique({ where: { planId_gatewayId: { planId, gatewayId } }, select: { change: true } });
    return (row?.change as unknown as KeptChange | undefined) ?? undefined;
  }

  async changes(t: Transaction, planId: string): Promise<Map<string, KeptChange>> {
    const rows = await t.policyRolloutGateway.findMany({ where: { planId }, select: { gatewayId: true, change: true } });
    return new Map(rows.map(({ gatewayId, change }) => [gatewayId, change as unknown as KeptChange]));
  }

  private async whole(t: Transaction, found: readonly Found[]): Promise<RolloutRow[]> {
    const ids = found.map(({ planId }) => planId);
    const tenants = await t.tenant.findMany({
      where: { id: { in: found.flatMap(({ tenantIds }) => tenantIds) } },
      select: { id: true, name: true },
    });
    const policies = await t.policy.findMany({ where: { id: { in: found.map(({ policyId }) => policyId) } }, select: { id: true } });
    const undoes = await t.policyRollout.findMany({ where: { undoes: { in: ids } }, select: { planId: true, undoes: true } });
    const gatewayIds = found.flatMap(({ plan }) => (plan.flushes.length > 0 ? [] : plan.gateways.map(({ gatewayId }) => gatewayId)));
    const tagged = await t.gateway.findMany({ where: { id: { in: gatewayIds } }, select: { id: true, tags: true } });
    const tagsOf = new Map(tagged.map(({ id, tags }) => [id, tags]));
    return found.map(({ plan: { flushes, gateways, ...plan }, ...row }) => ({
      ...row,
      plan: {
        ...plan,
        flush: flushes[0] ?? null,
        gateways: gateways.map((gateway) => ({ ...gateway, tags: tagsOf.get(gateway.gatewayId) ?? [] })),
      },
      tenants: tenants.filter(({ id }) => row.tenantIds.includes(id)),
      undoneBy: undoes.find((one) => one.undoes === row.planId)?.planId ?? null,
      isPolicyThere: policies.some(({ id }) => id === row.policyId),
    }));
  }
}

/** As `stateOf` tells it. */
function inState(state: RolloutState, now: Date): Prisma.PolicyRolloutWhereInput {
  switch (state) {
    case 'awaiting-approval':
      return { cancelledAt: null, plan: { flushes: { none: {} }, expiresAt: { gt: now } } };
    case 'expired':
      return { cancelledAt: null, plan: { flushes: { none: {} }, expiresAt: { lte: now } } };
    case 'cancelled':
      return { OR: [{ cancelledAt: { not: null } }, { plan: { flushes: { some: { state } } } }] };
    default:
      return { plan: { flushes: { some: { state: state === 'confirmed' ? 'verified' : state } } } };
  }
}
