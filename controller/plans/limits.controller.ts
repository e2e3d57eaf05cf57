import { Controller, Inject } from '@nestjs/common';
import { getLimits, updateLimits, type Limits } from '../../proto/http/limits.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { LimitsService } from './limits.service.ts';

@Controller()
export class LimitsController {
  constructor(@Inject(LimitsService) private readonly limits: LimitsService) {}

  @Handles(getLimits)
  get(@Called() { scope, params }: Call<typeof getLimits>): Promise<Limits> {
    return this.limits.get(scope, params.id);
  }

  @Handles(updateLimits)
  update(@Called() { caller, scope, params, body }: Call<typeof updateLimits>): Promise<Limits> {
    return this.limits.update(caller, scope, params.id, body);
  }
}
