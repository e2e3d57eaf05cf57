import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { getNeighbours, listGateways } from '../../proto/http/fleet.ts';
import { getOverview } from '../../proto/http/overview.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { FleetService } from './fleet.service.ts';

@Controller()
export class FleetController {
  constructor(@Inject(FleetService) private readonly fleet: FleetService) {}

  @Handles(listGateways)
  list(@Called() { scope, query }: Call<typeof listGateways>): Promise<z.output<typeof listGateways.response>> {
    return this.fleet.list(scope, query);
  }

  @Handles(getNeighbours)
  neighbours(@Called() { scope, params, query }: Call<typeof getNeighbours>): Promise<z.output<typeof getNeighbours.response>> {
    return this.fleet.neighbours(scope, params.id, query);
  }

  @Handles(getOverview)
  overview(@Called() { scope, query }: Call<typeof getOverview>): Promise<z.output<typeof getOverview.response>> {
    return this.fleet.overview(scope, query);
  }
}
