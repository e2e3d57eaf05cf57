import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { createEnrolmentToken, createReenrolmentToken, listEnrolmentTokens, revokeEnrolmentToken } from '../../proto/http/enrolment.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { EnrolmentService } from './enrolment.service.ts';

@Controller()
export class EnrolmentController {
  constructor(@Inject(EnrolmentService) private readonly enrolment: EnrolmentService) {}

  @Handles(createEnrolmentToken)
  create(@Called() { caller, scope, body }: Call<typeof createEnrolmentToken>): Promise<z.output<typeof createEnrolmentToken.response>> {
    return this.enrolment.createToken(caller, scope, body);
  }

  @Handles(createReenrolmentToken)
  createAgain(@Called() call: Call<typeof createReenrolmentToken>): Promise<z.output<typeof createReenrolmentToken.response>> {
    return this.enrolment.createTokenAgain(call.caller, call.scope, call.params.id, call.body);
  }

  @Handles(listEnrolmentTokens)
  list(@Called() { scope, query }: Call<typeof listEnrolmentTokens>): Promise<z.output<typeof listEnrolmentTokens.response>> {
    return this.enrolment.listTokens(scope, query);
  }

  @Handles(revokeEnrolmentToken)
  revoke(@Called() { caller, scope, params }: Call<typeof revokeEnrolmentToken>): Promise<void> {
    return this.enrolment.revokeToken(caller, scope, params.id);
  }
}
