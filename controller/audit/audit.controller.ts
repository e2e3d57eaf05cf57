import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { getAuditEntry, listAudit, listAuditFlows } from '../../proto/http/audit.ts';
import { PlanFlowsService } from '../flushes/plan-flows.service.ts';
import { Called, Handles, type Call } from '../platform/handles.ts';
import { AuditService } from './audit.service.ts';

@Controller()
export class AuditController {
  constructor(@Inject(AuditService) private readonly audit: AuditService, @Inject(PlanFlowsService) private readonly planFlows: PlanFlowsService) {}

  @Handles(listAudit)
  list(@Called() { scope, query }: Call<typeof listAudit>): Promise<z.output<typeof listAudit.response>> {
    return this.audit.list(scope, query);
  }

  @Handles(getAuditEntry)
  get(@Called() { scope, params }: Call<typeof getAuditEntry>): Promise<z.output<typeof getAuditEntry.response>> {
    return this.audit.get(scope, params.id);
  }

  @Handles(listAuditFlows)
  async flows(@Called() { scope, params, query }: Call<typeof listAuditFlows>): Promise<z.output<typeof listAuditFlows.response>> {
    const entry = await this.audit.get(scope, params.id);
    if (entry.planId === undefined) return { items: [] };
    // The entry was in scope, and it is about one tenant's part of a plan that others may share: that part is what is shown.
    return this.planFlows.page('all', entry.planId, { ...query, tenant: entry.tenantId, gateway: entry.gatewayId });
  }
}
