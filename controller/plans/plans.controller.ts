import { Controller, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { approvePlan, createPlan, getPlan, listPlanFlows, runPlan } from '../../proto/http/plans.ts';
import { API_PREFIX, Called, Handles, type Call } from '../platform/handles.ts';
import { ApprovalsService } from './approvals.service.ts';
import { FlushesService } from '../flushes/flushes.service.ts';
import { PlanFlowsService } from './plan-flows.service.ts';
import { PlansService } from './plans.service.ts';

@Controller()
export class PlansController {
  constructor(
    @Inject(PlansService) private readonly plans: PlansService,
    @Inject(PlanFlowsService) private readonly planFlows: PlanFlowsService,
    @Inject(ApprovalsService) private readonly approvals: ApprovalsService,
    @Inject(FlushesService) private readonly flushes: FlushesService,
  ) {}

  @Handles(createPlan)
  create(@Called() { caller, scope, body, signal }: Call<typeof createPlan>): Promise<z.output<typeof createPlan.response>> {
    return this.plans.create(caller, scope, body, signal);
  }

  @Handles(getPlan)
  get(@Called() { scope, params }: Call<typeof getPlan>): Promise<z.output<typeof getPlan.response>> {
    return this.plans.get(scope, params.id);
  }

  @Handles(listPlanFlows)
  flows(@Called() { scope, params, query }: Call<typeof listPlanFlows>): Promise<z.output<typeof listPlanFlows.response>> {
    return this.planFlows.page(scope, params.id, query);
  }

  @Handles(approvePlan)
  async approve(@Called() { caller, scope, params, body }: Call<typeof approvePlan>): Promise<z.output<typeof approvePlan.response>> {
    await this.approvals.approve(caller, scope, params.id, body.digest);
    return this.plans.get(scope, params.id);
  }

  @Handles(runPlan)
  async run(@Called() { caller, scope, params, body }: Call<typeof runPlan>, @Res({ passthrough: true }) reply: FastifyReply): Promise<z.output<typeof runPlan.response>> {
    const flushId = await this.flushes.run(caller, scope, params.id, body.digest, { withWaves: body.waves });
    void reply.header('location', `${API_PREFIX}/flushes/${flushId}`);
    return { flushId };
  }
}
