import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { getWanEvent, listWanEvents } from '../../proto/http/wan-events.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { WanEventsService } from './wan-events.service.ts';

@Controller()
export class WanEventsController {
  constructor(@Inject(WanEventsService) private readonly events: WanEventsService) {}

  @Handles(listWanEvents)
  list(@Called() { scope, query }: Call<typeof listWanEvents>): Promise<z.output<typeof listWanEvents.response>> {
    return this.events.list(scope, query);
  }

  @Handles(getWanEvent)
  get(@Called() { scope, params }: Call<typeof getWanEvent>): Promise<z.output<typeof getWanEvent.response>> {
    return this.events.get(scope, params.id);
  }
}
