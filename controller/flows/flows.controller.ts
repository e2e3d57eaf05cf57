import { Controller, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { searchFlows, watchSearch } from '../../proto/http/flows.ts';
import { CallersService } from '../access/callers.service.ts';
import { EventStream } from '../platform/event-stream.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { FlowsService } from './flows.service.ts';

@Controller()
export class FlowsController {
  constructor(
    @Inject(FlowsService) private readonly flows: FlowsService,
    @Inject(CallersService) private readonly callers: CallersService,
  ) {}

  @Handles(searchFlows)
  search(@Called() { scope, body, signal }: Call<typeof searchFlows>): Promise<z.output<typeof searchFlows.response>> {
    return this.flows.search(scope, body, signal);
  }

  @Handles(watchSearch)
  async watch(@Called() call: Call<typeof watchSearch>, @Res() reply: FastifyReply): Promise<void> {
    const open = (): EventStream => new EventStream(reply, () => this.callers.isStillAllowed(call, watchSearch.action));
    await this.flows.watch(call.scope, call.body, call.signal, open);
  }
}
