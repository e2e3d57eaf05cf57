import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { adoptPolicy, listPolicyStates, resolveDrift } from '../../proto/http/policy-states.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { Adoption } from './adoption.service.ts';
import { DriftDecisions } from './drift-decisions.service.ts';
import { PolicyStates } from './policy-states.service.ts';

@Controller()
export class PolicyStatesController {
  constructor(
    @Inject(PolicyStates) private readonly states: PolicyStates,
    @Inject(DriftDecisions) private readonly decisions: DriftDecisions,
    @Inject(Adoption) private readonly adoption: Adoption,
  ) {}

  @Handles(listPolicyStates)
  list(@Called() { scope, query }: Call<typeof listPolicyStates>): Promise<z.output<typeof listPolicyStates.response>> {
    return this.states.list(scope, query);
  }

  @Handles(resolveDrift)
  resolve(@Called() { caller, scope, params, body }: Call<typeof resolveDrift>): Promise<z.output<typeof resolveDrift.response>> {
    return this.decisions.resolve(caller, scope, params.id, body);
  }

  @Handles(adoptPolicy)
  adopt(@Called() { scope, params, signal }: Call<typeof adoptPolicy>): Promise<z.output<typeof adoptPolicy.response>> {
    return this.adoption.of(scope, params.id, signal);
  }
}
