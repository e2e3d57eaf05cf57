import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { getRetention } from '../../proto/http/retention.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { Called, Handles, type Call } from '../platform/handles.ts';
import { RetentionService } from './retention.service.ts';

@Controller()
export class RetentionController {
  constructor(@Inject(RetentionService) private readonly retention: RetentionService) {}

  /** Throws FORBIDDEN to whoever sees single tenants only: tables hold all tenants' rows together. */
  @Handles(getRetention)
  get(@Called() { scope }: Call<typeof getRetention>): Promise<z.output<typeof getRetention.response>> {
    if (scope !== 'all') throw new FleetError('FORBIDDEN', 'What the tables hold concerns all tenants; it is shown to roles over all of them.');
    return this.retention.show();
  }
}
