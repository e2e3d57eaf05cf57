import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { createPlanRequest, Plan as PlanView } from '../../proto/http/plans.ts';
import { DEFAULT_BLOCK_SECONDS, refusedBy } from '../../proto/model/block/of-filter.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { EVERYTHING, type FlowFilter } from '../../proto/model/filter/filter.ts';
import { matchesEverything } from '../../proto/model/filter/everything.ts';
import { planDigest } from '../../proto/signing/plan-statement.ts';
import { formatFilter } from '../../proto/model/filter/format.ts';
import type { Caller } from '../platform/caller.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { forGateway } from '../flows/fleet-filter.ts';
import { factsOf } from '../flows/gateway-facts.ts';
import { readFilter } from '../flows/read-filter.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import type { GatewayRow } from '../gateways/gateway-view.ts';
import { GatewaysService } from '../gateways/gateways.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { counted } from '../platform/plural.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { frictionOf } from './friction.ts';
import { mergeImpact } from './impact.ts';
import { LimitsService } from './limits.service.ts';
import { notThere } from '../platform/not-there.ts';
import { FreezeService, type PlanPart } from './freeze.service.ts';
import { partsOf, refusalsOf, toLimitedPart, toPlanView } from './plan-view.ts';
import { PlansRepository, type NewPlan } from './plans.repository.ts';

const TTL_MS = 5 * 60_000;
/** A plan that needs a second person waits longer; gateways keep every plan as long. */
const APPROVAL_TTL_MS = 15 * 60_000;
type PlanRequest = z.output<typeof createPlanRequest>;

/** Plans: the frozen answer to what exactly a flush would touch. */
@Injectable()
export class PlansService {
  constructor(
    @Inject(PlansRepository) private readonly plans: PlansRepository,
    @Inject(FreezeService) private readonly parts: FreezeService,
    @Inject(GatewaysService) private readonly gateways: GatewaysService,
    @Inject(LimitsService) private readonly limits: LimitsService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Freezes a plan. Throws INVALID_REQUEST unless exactly one of filter and `all` is given, FILTER_EMPTY for a filter that names no flows,
   * FILTER_NOT_OF_PACKETS for a block of what no packet carries, FILTER_UNPARSABLE, SCOPE_EMPTY or NOT_FOUND for the scope, PLAN_TOO_LARGE.
   */
  async create(caller: Caller, scope: TenantScope, request: PlanRequest, signal: AbortSignal): Promise<PlanView> {
    const filter = whatToPlan(request);
    const rows = await this.gateways.inScope(scope, request.scope);
    const asked = rows.flatMap((row) => {
      const own = forGateway(filter, factsOf(row));
      return own ? [{ row, own }] : [];
    });
    if (!request.all) assertChoosesFlows(asked);
    if (request.method === 'block') for (const { own } of asked) refusedBy(own, request.forSeconds ?? DEFAULT_BLOCK_SECONDS);
    if (asked.length === 0) throw new FleetError('SCOPE_EMPTY', 'No gateway in scope fits the filter.');
    const createdAt = this.clock();
    const plan = {
      id: newId(),
      method: request.method,
      forSeconds: request.forSeconds,
      maxDrift: request.maxDrift,
      expiresAtMs: createdAt + APPROVAL_TTL_MS,
    };
    const parts = await this.parts.freezeAll(asked, plan, signal);
    await this.store(caller, scope, request, filter, parts, { id: plan.id, createdAt });
    return this.get(scope, plan.id);
  }

  /** Throws NOT_FOUND for what is not there or out of scope. */
  async get(scope: TenantScope, id: string): Promise<PlanView> {
    const row = await this.database.transact(scope, (t) => this.plans.find(t, id));
    if (row?.subject !== 'flows') throw notThere('plan');
    return toPlanView(row, this.clock());
  }

  private async store(
    caller: Caller,
    scope: TenantScope,
    request: PlanRequest,
    filter: FlowFilter,
    parts: PlanPart[],
    plan: { id: string; createdAt: number },
  ): Promise<void> {
    const gateways = parts.map((part) => part.gateway);
    // Sorted: audit chains are locked in this order everywhere.
    const tenantIds = [...new Set(gateways.map((gateway) => gateway.tenantId))].toSorted();
    const flows = gateways.reduce((sum, gateway) => sum + gateway.flows, 0);
    const digest = planDigest(request, partsOf(gateways));
    const touched = gateways.filter((gateway) => gateway.state === 'ready');
    const sizes = touched.map(toLimitedPart);
    const asked = { parts: sizes, isEverything: request.all === true };
    const { verdict, bySignature } = await this.database.transact(scope, (t) => this.limits.ofNewPlan(t, asked, new Date(plan.createdAt)));
    const guarded = parts.find(({ needsSignature }) => needsSignature)?.gateway.name;
    const secondPerson = verdict.kind === 'second-person' ? verdict.why : guarded && `the guard file of ${guarded} demands a signature`;
    const needsApproval = secondPerson !== undefined;
    const row: NewPlan = {
      id: plan.id,
      tenantIds,
      digest,
      filter: formatFilter(filter),
      isEverything: request.all === true,
      subject: 'flows',
      method: request.method,
      reason: request.reason,
      ticket: request.ticket ?? null,
      forSeconds: request.forSeconds ?? null,
      undoForSeconds: request.undoForSeconds,
      maxDrift: request.maxDrift ?? null,
      friction: needsApproval
        ? 'second-person'
        : frictionOf({
            isEverything: request.all === true,
            tenants: new Set(touched.map((gateway) => gateway.tenantId)).size,
            sites: new Set(touched.map((gateway) => gateway.siteId)).size,
            gateways: sizes,
          }),
      impact: mergeImpact(
        parts.flatMap(({ gateway, impact }) => (impact ? [{ gatewayId: gateway.gatewayId, impact }] : [])),
      ) satisfies Prisma.InputJsonObject,
      createdAt: new Date(plan.createdAt),
      expiresAt: new Date(plan.createdAt + (needsApproval ? APPROVAL_TTL_MS : TTL_MS)),
      createdById: caller.id,
      createdByName: caller.name,
      createdByUserId: caller.userId,
      needsSignature: needsApproval && (bySignature || guarded !== undefined),
      gateways,
    };
    await this.database.transact(
      scope,
      async (t) => {
        await this.plans.insert(t, row);
        for (const tenantId of tenantIds) {
          const own = gateways.filter((gateway) => gateway.tenantId === tenantId);
          this.audit.record(t, {
            tenantId,
            actor: toActor(caller),
            action: 'plan.made',
            outcome: 'ok',
            planId: plan.id,
            reason: request.reason,
            ticket: request.ticket,
            summary: `${caller.name} planned to ${request.method} ${[
              ...(refusalsOf(own).refused ?? []),
              counted(
                own.reduce((sum, gateway) => sum + gateway.flows, 0),
                'flow',
              ),
            ].join(', and ')} on ${counted(own.length, 'gateway')}`,
            detail: {
              filter: row.filter,
              isEverything: row.isEverything,
              digest,
              flows,
              friction: row.friction,
              ...(needsApproval && { secondPerson }),
              leftOut: own.filter((gateway) => gateway.state === 'left-out').map((gateway) => gateway.name),
              ...refusalsOf(own),
            },
          });
        }
      },
      { timeoutMs: 120_000 },
    );
  }
}

/** Whatever its spelling, a filter that leaves no flow of a gateway out is no filter. Throws FILTER_EMPTY. */
function assertChoosesFlows(asked: readonly { row: GatewayRow; own: FlowFilter }[]): void {
  // Most gateways are asked the same.
  for (const { row, own } of new Map(asked.map((one) => [formatFilter(one.own), one])).values()) {
    if (own.kind === 'everything')
      throw new FleetError(
        'FILTER_EMPTY',
        `The filter says which gateways but not which flows: on ${row.name} it means all. Say \`all\` if you mean that.`,
      );
    if (matchesEverything(own))
      throw new FleetError('FILTER_EMPTY', `The filter leaves no flow out: on ${row.name} it means all. Say \`all\` if you mean that.`);
  }
}

function whatToPlan(request: PlanRequest): FlowFilter {
  if (request.all && request.filter !== undefined) {
    throw new FleetError('INVALID_REQUEST', 'Give a filter or `all`, not both.', {
      issues: [{ path: 'body', message: 'filter and all exclude each other' }],
    });
  }
  if (request.all) return EVERYTHING;
  const filter = readFilter(request.filter ?? '');
  if (filter.kind === 'everything')
    throw new FleetError('FILTER_EMPTY', 'An empty filter plans nothing. Say `all` if you mean every flow in scope.');
  return filter;
}
