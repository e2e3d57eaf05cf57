import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { getRetention } from '../../proto/http/retention.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { RetentionService } from './retention.service.ts';

@Controller()
export class RetentionController {
  constructor(@Inject(RetentionService) private readonly retention: RetentionService) {}

  @Handles(getRetention)
  get(@Called() { scope }: Call<typeof getRetention>): Promise<z.output<typeof getRetention.response>> {
    return this.retention.show(scope === 'all');
  }
}
