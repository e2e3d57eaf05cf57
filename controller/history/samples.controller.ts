import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { listSamples } from '../../proto/http/fleet.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { HistoryService } from './history.service.ts';

@Controller()
export class SamplesController {
  constructor(@Inject(HistoryService) private readonly history: HistoryService) {}

  @Handles(listSamples)
  list(@Called() { scope, params, query }: Call<typeof listSamples>): Promise<z.output<typeof listSamples.response>> {
    return this.history.points(scope, params.id, query);
  }
}
