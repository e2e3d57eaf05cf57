import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import type { Enrolment, Rollout } from '../../proto/http/rollouts.ts';
import {
  approveEnrolment,
  createRollout,
  getRollout,
  listEnrolments,
  listRollouts,
  refuseEnrolment,
  revokeRollout,
} from '../../proto/http/rollouts.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { RolloutsService } from './rollouts.service.ts';

@Controller()
export class RolloutsController {
  constructor(@Inject(RolloutsService) private readonly rollouts: RolloutsService) {}

  @Handles(createRollout)
  create(@Called() { caller, scope, body }: Call<typeof createRollout>): Promise<z.output<typeof createRollout.response>> {
    return this.rollouts.create(caller, scope, body);
  }

  @Handles(listRollouts)
  list(@Called() { scope, query }: Call<typeof listRollouts>): Promise<z.output<typeof listRollouts.response>> {
    return this.rollouts.list(scope, query);
  }

  @Handles(getRollout)
  get(@Called() { scope, params }: Call<typeof getRollout>): Promise<Rollout> {
    return this.rollouts.get(scope, params.id);
  }

  @Handles(revokeRollout)
  revoke(@Called() { caller, scope, params }: Call<typeof revokeRollout>): Promise<void> {
    return this.rollouts.revoke(caller, scope, params.id);
  }

  @Handles(listEnrolments)
  listEnrolments(@Called() { scope, params, query }: Call<typeof listEnrolments>): Promise<z.output<typeof listEnrolments.response>> {
    return this.rollouts.listEnrolments(scope, params.id, query);
  }

  @Handles(approveEnrolment)
  approve(@Called() { caller, scope, params, body }: Call<typeof approveEnrolment>): Promise<Enrolment> {
    return this.rollouts.approve(caller, scope, params.id, body.fingerprint);
  }

  @Handles(refuseEnrolment)
  refuse(@Called() { caller, scope, params }: Call<typeof refuseEnrolment>): Promise<Enrolment> {
    return this.rollouts.refuse(caller, scope, params.id);
  }
}
