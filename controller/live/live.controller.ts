import { Controller, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { watchFleet } from '../../proto/http/fleet.ts';
import { CallersService } from '../access/callers.service.ts';
import { EventStream } from '../platform/event-stream.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { FleetEventsService } from './fleet-events.service.ts';

@Controller()
export class LiveController {
  constructor(
    @Inject(FleetEventsService) private readonly events: FleetEventsService,
    @Inject(CallersService) private readonly callers: CallersService,
  ) {}

  @Handles(watchFleet)
  async watch(@Called() call: Call<typeof watchFleet>, @Res() reply: FastifyReply): Promise<void> {
    const stream = new EventStream(reply, () => this.callers.isStillAllowed(call, watchFleet.action));
    await this.events.watch(call.scope, call.query, stream);
  }
}
