import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { deleteExpectations, listExpectations } from '../../proto/http/expectations.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { ExpectationsService } from './expectations.service.ts';

@Controller()
export class ExpectationsController {
  constructor(@Inject(ExpectationsService) private readonly expectations: ExpectationsService) {}

  @Handles(listExpectations)
  list(@Called() { scope, params, signal }: Call<typeof listExpectations>): Promise<z.output<typeof listExpectations.response>> {
    return this.expectations.list(scope, params.id, signal);
  }

  @Handles(deleteExpectations)
  delete(
    @Called() { caller, scope, params, body }: Call<typeof deleteExpectations>,
  ): Promise<z.output<typeof deleteExpectations.response>> {
    return this.expectations.delete(caller, scope, params.id, body);
  }
}
