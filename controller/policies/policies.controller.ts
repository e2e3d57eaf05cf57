import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { explainTracking, getGatewayPolicy } from '../../proto/http/policies.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { PoliciesService } from './policies.service.ts';

@Controller()
export class PoliciesController {
  constructor(@Inject(PoliciesService) private readonly policies: PoliciesService) {}

  @Handles(getGatewayPolicy)
  get(@Called() { scope, params, signal }: Call<typeof getGatewayPolicy>): Promise<z.output<typeof getGatewayPolicy.response>> {
    return this.policies.get(scope, params.id, signal);
  }

  @Handles(explainTracking)
  explain(@Called() { scope, params, query, signal }: Call<typeof explainTracking>): Promise<z.output<typeof explainTracking.response>> {
    return this.policies.explain(scope, params.id, query, signal);
  }
}
