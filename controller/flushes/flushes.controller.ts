import { Controller, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { cancelFlush, getFlush, listFlushes, retryFlush, stopFlushes, undoFlush, watchFlush } from '../../proto/http/flushes.ts';
import { runPlan } from '../../proto/http/plans.ts';
import { CallersService } from '../access/callers.service.ts';
import { EventStream } from '../platform/event-stream.ts';
import { API_PREFIX, Called, Handles, type Call } from '../platform/route-decorators.ts';
import { FlushEventsService } from './flush-events.service.ts';
import { FlushesService } from './flushes.service.ts';
import { RetriesService } from './retries.service.ts';
import { StopsService } from './stops.service.ts';
import { UndoService } from './undo.service.ts';

@Controller()
export class FlushesController {
  constructor(
    @Inject(FlushesService) private readonly flushes: FlushesService,
    @Inject(StopsService) private readonly stops: StopsService,
    @Inject(UndoService) private readonly undos: UndoService,
    @Inject(RetriesService) private readonly retries: RetriesService,
    @Inject(FlushEventsService) private readonly events: FlushEventsService,
    @Inject(CallersService) private readonly callers: CallersService,
  ) {}

  @Handles(runPlan)
  async runPlan(
    @Called() { caller, scope, params, body }: Call<typeof runPlan>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof runPlan.response>> {
    const flushId = await this.flushes.run(caller, scope, params.id, body.digest, { withWaves: body.waves });
    void reply.header('location', `${API_PREFIX}/flushes/${flushId}`);
    return { flushId };
  }

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
    await this.events.watch(
      call.scope,
      call.params.id,
      () => new EventStream(reply, () => this.callers.isStillAllowed(call, watchFlush.action)),
    );
  }

  @Handles(cancelFlush)
  async cancel(@Called() { caller, scope, params }: Call<typeof cancelFlush>): Promise<z.output<typeof cancelFlush.response>> {
    await this.stops.cancel(caller, scope, params.id, 'flows');
    return this.flushes.get(scope, params.id);
  }

  @Handles(stopFlushes)
  async stop(@Called() { caller, scope, body }: Call<typeof stopFlushes>): Promise<z.output<typeof stopFlushes.response>> {
    return { stopped: await this.stops.stopAll(caller, scope, { tenantId: body.tenant, gatewayId: body.gateway }) };
  }

  @Handles(undoFlush)
  async undo(
    @Called() { caller, scope, params }: Call<typeof undoFlush>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof undoFlush.response>> {
    const flushId = await this.undos.undo(caller, scope, params.id);
    void reply.header('location', `${API_PREFIX}/flushes/${flushId}`);
    return { flushId };
  }

  @Handles(retryFlush)
  retry(@Called() { caller, scope, params, signal }: Call<typeof retryFlush>): Promise<z.output<typeof retryFlush.response>> {
    return this.retries.retry(caller, scope, params.id, signal);
  }
}
