import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { listPlanFlows } from '../../proto/http/plans.ts';
import { FlowBatch } from '../../proto/gen/ctfleet/v1/flow.ts';
import { Result } from '../../proto/gen/ctfleet/v1/operation.ts';
import { toFlowView } from '../flows/flow-view.ts';
import { flowFrom } from '../flows/untrusted-flow.ts';
import { formatCursor, parseCursor, showEach } from '../platform/cursor.ts';
import { Database } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { notThere } from '../platform/not-there.ts';
import { outcomesBetween } from './outcomes.ts';
import { PlansRepository } from './plans.repository.ts';

type FlowsPage = z.output<typeof listPlanFlows.response>;

/** A chunk that a page needs: where it begins in its gateway's order, and which of its flows are wanted. */
interface Slice {
  gatewayId: string;
  part: number;
  start: number;
  skip: number;
  take: number;
}

/** The exact flows of a plan, page by page, with their outcomes once it ran. */
@Injectable()
export class PlanFlowsService {
  constructor(
    @Inject(PlansRepository) private readonly plans: PlansRepository,
    @Inject(Database) private readonly database: Database,
  ) {}

  /** Throws NOT_FOUND for a plan that is not there or out of scope. */
  async page(
    scope: TenantScope,
    planId: string,
    query: { limit: number; cursor?: string; tenant?: string; gateway?: string; flush?: string },
  ): Promise<FlowsPage> {
    const offset = parseCursor(query.cursor, z.int().min(0)) ?? 0;
    return this.database.transact(scope, async (t) => {
      const plan = await this.plans.find(t, planId);
      if (!plan) throw notThere('plan');
      if (plan.flowsDroppedAt) return { items: [], droppedAt: plan.flowsDroppedAt.toISOString() };
      const sizes = await this.plans.chunkSizes(t, planId, { tenantId: query.tenant, gatewayId: query.gateway });
      const total = sizes.reduce((sum, chunk) => sum + chunk.flows, 0);
      const slices = sliceChunks(sizes, offset, query.limit);
      const stored = await this.plans.chunks(
        t,
        planId,
        slices.map(({ gatewayId, part }) => ({ gatewayId, part })),
      );
      const batches = new Map(stored.map((chunk) => [`${chunk.gatewayId} ${chunk.part}`, chunk.batch]));
      const outcomes = await this.plans.outcomes(t, planId, query.flush);
      const wanted = slices.flatMap(({ gatewayId, part, start, skip, take }) => {
        const { flows } = FlowBatch.decode(batches.get(`${gatewayId} ${part}`) ?? new Uint8Array());
        const known = outcomes.get(gatewayId);
        const words = known ? outcomesBetween(Result.decode(known).runs, start + skip, take) : [];
        return flows
          .slice(skip, skip + take)
          .map((flow, index) => ({ id: `${gatewayId} ${start + skip + index}`, gatewayId, flow, outcome: words[index] }));
      });
      const shown = showEach(wanted, ({ flow, gatewayId, outcome }) => ({ ...toFlowView(flowFrom(flow), gatewayId), outcome }));
      return { ...shown, cursor: offset + wanted.length < total && wanted.length > 0 ? formatCursor(offset + wanted.length) : undefined };
    });
  }
}

function sliceChunks(sizes: { gatewayId: string; part: number; flows: number }[], offset: number, limit: number): Slice[] {
  const slices: Slice[] = [];
  const starts = new Map<string, number>();
  let at = 0;
  for (const { gatewayId, part, flows } of sizes) {
    const start = starts.get(gatewayId) ?? 0;
    starts.set(gatewayId, start + flows);
    const skip = Math.max(0, offset - at);
    const take = Math.min(flows, offset + limit - at) - skip;
    if (skip < flows && take > 0) slices.push({ gatewayId, part, start, skip, take });
    at += flows;
  }
  return slices;
}
