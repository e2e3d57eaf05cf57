import { Controller, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { cancelFlush, getFlush, listFlushes, watchFlush } from '../../proto/http/flushes.ts';
import { CallersService } from '../access/callers.service.ts';
import { EventStream } from '../platform/event-stream.ts';
import { Called, Handles, type Call } from '../platform/handles.ts';
import { FlushEventsService } from './flush-events.service.ts';
import { FlushesService } from './flushes.service.ts';

@Controller()
export class FlushesController {
  constructor(
    @Inject(FlushesService) private readonly flushes: FlushesService,
    @Inject(FlushEventsService) private readonly events: FlushEventsService,
    @Inject(CallersService) private readonly callers: CallersService,
  ) {}

  @Handles(listFlushes)
  list(@Called() { scope, query }: Call<typeof listFlushes>): Promise<z.output<typeof listFlushes.response>> {
    return this.flushes.list(scope, query);
  }

  @Handles(getFlush)
  get(@Called() { scope, params }: Call<typeof getFlush>): Promise<z.output<typeof getFlush.response>> {
    return this.flushes.get(scope, params.id);
  }

  @Handles(watchFlush)
  async watch(@Called() call: Call<typeof watchFlush>, @Res() reply: FastifyReply): Promise<void> {
    await this.events.watch(call.scope, call.params.id, () => new EventStream(reply, () => this.callers.isStillAllowed(call, watchFlush.action)));
  }

  @Handles(cancelFlush)
  cancel(@Called() { caller, scope, params }: Call<typeof cancelFlush>): Promise<z.output<typeof cancelFlush.response>> {
    return this.flushes.cancel(caller, scope, params.id);
  }
}
