import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { searchFlows } from '../../proto/http/flows.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { FlowsService } from './flows.service.ts';

@Controller()
export class FlowsController {
  constructor(@Inject(FlowsService) private readonly flows: FlowsService) {}

  @Handles(searchFlows)
  search(@Called() { scope, body, signal }: Call<typeof searchFlows>): Promise<z.output<typeof searchFlows.response>> {
    return this.flows.search(scope, body, signal);
  }
}
