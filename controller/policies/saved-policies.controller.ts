import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import {
  checkPolicy,
  createPolicy,
  deletePolicy,
  getPolicy,
  listPolicies,
  listPolicyRevisions,
  updatePolicy,
} from '../../proto/http/saved-policies.ts';
import { planNewPolicy, planPolicy } from '../../proto/http/policy-plans.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { PolicyDrafts } from './policy-drafts.service.ts';
import { PolicyPlansService } from './policy-plans.service.ts';
import { SavedPoliciesService } from './saved-policies.service.ts';

@Controller()
export class SavedPoliciesController {
  constructor(
    @Inject(SavedPoliciesService) private readonly policies: SavedPoliciesService,
    @Inject(PolicyDrafts) private readonly drafts: PolicyDrafts,
    @Inject(PolicyPlansService) private readonly plans: PolicyPlansService,
  ) {}

  @Handles(listPolicies)
  list(@Called() { scope, query }: Call<typeof listPolicies>): Promise<z.output<typeof listPolicies.response>> {
    return this.policies.list(scope, query);
  }

  @Handles(getPolicy)
  get(@Called() { scope, params }: Call<typeof getPolicy>): Promise<z.output<typeof getPolicy.response>> {
    return this.policies.get(scope, params.id);
  }

  @Handles(createPolicy)
  create(@Called() { caller, scope, body }: Call<typeof createPolicy>): Promise<z.output<typeof createPolicy.response>> {
    return this.policies.create(caller, scope, body);
  }

  @Handles(updatePolicy)
  update(@Called() { caller, scope, params, body }: Call<typeof updatePolicy>): Promise<z.output<typeof updatePolicy.response>> {
    return this.policies.update(caller, scope, params.id, body);
  }

  @Handles(deletePolicy)
  remove(@Called() { caller, scope, params }: Call<typeof deletePolicy>): Promise<void> {
    return this.policies.remove(caller, scope, params.id);
  }

  @Handles(listPolicyRevisions)
  revisions(@Called() { scope, params }: Call<typeof listPolicyRevisions>): Promise<z.output<typeof listPolicyRevisions.response>> {
    return this.policies.revisions(scope, params.id);
  }

  @Handles(checkPolicy)
  check(@Called() { caller, scope, body }: Call<typeof checkPolicy>): Promise<z.output<typeof checkPolicy.response>> {
    return this.drafts.check(caller, scope, body);
  }

  @Handles(planPolicy)
  plan(@Called() { scope, params, body, signal }: Call<typeof planPolicy>): Promise<z.output<typeof planPolicy.response>> {
    return this.plans.plan(scope, params.id, body, signal);
  }

  @Handles(planNewPolicy)
  planNew(@Called() { scope, body, signal }: Call<typeof planNewPolicy>): Promise<z.output<typeof planNewPolicy.response>> {
    return this.plans.planNew(scope, body, signal);
  }
}
