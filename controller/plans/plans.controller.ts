import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { listAuditFlows } from '../../proto/http/audit.ts';
import { approvePlan, createApprovalOptions, createPlan, getPlan, listPlanFlows } from '../../proto/http/plans.ts';
import { AuditService } from '../audit/audit.service.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { ApprovalsService } from './approvals.service.ts';
import { PlanFlowsService } from './plan-flows.service.ts';
import { PlansService } from './plans.service.ts';

@Controller()
export class PlansController {
  constructor(
    @Inject(PlansService) private readonly plans: PlansService,
    @Inject(PlanFlowsService) private readonly planFlows: PlanFlowsService,
    @Inject(ApprovalsService) private readonly approvals: ApprovalsService,
    @Inject(AuditService) private readonly audit: AuditService,
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
    const subject = await this.approvals.approve(caller, scope, params.id, body.digest, body.signature);
    return subject === 'flows' ? this.plans.get(scope, params.id) : { rolloutId: params.id };
  }

  @Handles(createApprovalOptions)
  approvalOptions(
    @Called() { caller, scope, params, body }: Call<typeof createApprovalOptions>,
  ): Promise<z.output<typeof createApprovalOptions.response>> {
    return this.approvals.options(caller, scope, params.id, body.digest);
  }

  @Handles(listAuditFlows)
  async auditFlows(@Called() { scope, params, query }: Call<typeof listAuditFlows>): Promise<z.output<typeof listAuditFlows.response>> {
    const entry = await this.audit.get(scope, params.id);
    if (entry.planId === undefined) return { items: [] };
    // The entry was in scope, and it is about one tenant's part of a plan that others may share: that part is what is shown.
    return this.planFlows.page('all', entry.planId, { ...query, tenant: entry.tenantId, gateway: entry.gatewayId });
  }
}
