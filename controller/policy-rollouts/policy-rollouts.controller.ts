import { Controller, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import {
  applyPolicy,
  cancelPolicyRollout,
  getPolicyRollout,
  getRolloutDifference,
  listPolicyRollouts,
  undoPolicyRollout,
  watchPolicyRollout,
  type policyRolloutEvent,
} from '../../proto/http/policy-rollouts.ts';
import { CallersService } from '../access/callers.service.ts';
import { FlushEventsService } from '../flushes/flush-events.service.ts';
import { EventStream } from '../platform/event-stream.ts';
import { API_PREFIX, Called, Handles, type Call } from '../platform/route-decorators.ts';
import { RolloutUndo } from './rollout-undo.service.ts';
import { RolloutsService } from './rollouts.service.ts';

type Event = z.output<typeof policyRolloutEvent>;

@Controller()
export class PolicyRolloutsController {
  constructor(
    @Inject(RolloutsService) private readonly rollouts: RolloutsService,
    @Inject(RolloutUndo) private readonly undos: RolloutUndo,
    @Inject(FlushEventsService) private readonly events: FlushEventsService,
    @Inject(CallersService) private readonly callers: CallersService,
  ) {}

  @Handles(applyPolicy)
  async apply(
    @Called() { caller, scope, params, body, signal }: Call<typeof applyPolicy>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof applyPolicy.response>> {
    return begun(reply, await this.rollouts.apply(caller, scope, params.id, body, signal));
  }

  @Handles(listPolicyRollouts)
  list(@Called() { scope, query }: Call<typeof listPolicyRollouts>): Promise<z.output<typeof listPolicyRollouts.response>> {
    return this.rollouts.list(scope, query);
  }

  @Handles(getPolicyRollout)
  get(@Called() { scope, params }: Call<typeof getPolicyRollout>): Promise<z.output<typeof getPolicyRollout.response>> {
    return this.rollouts.get(scope, params.id);
  }

  @Handles(watchPolicyRollout)
  async watch(@Called() call: Call<typeof watchPolicyRollout>, @Res() reply: FastifyReply): Promise<void> {
    const { scope, params } = call;
    await this.events.follow(
      {
        id: params.id,
        get: () => this.rollouts.get(scope, params.id),
        ofTarget: (target, { totals, state, wave }): Event => ({ kind: 'target', rolloutId: params.id, target, totals, state, wave }),
        ofWhole: (rollout): Event => ({ kind: 'rollout', rollout }),
      },
      () => new EventStream(reply, () => this.callers.isStillAllowed(call, watchPolicyRollout.action)),
    );
  }

  @Handles(getRolloutDifference)
  difference(@Called() { scope, params }: Call<typeof getRolloutDifference>): Promise<z.output<typeof getRolloutDifference.response>> {
    return this.rollouts.difference(scope, params.id, params.gatewayId);
  }

  @Handles(cancelPolicyRollout)
  async cancel(
    @Called() { caller, scope, params }: Call<typeof cancelPolicyRollout>,
  ): Promise<z.output<typeof cancelPolicyRollout.response>> {
    await this.rollouts.cancel(caller, scope, params.id);
    return this.rollouts.get(scope, params.id);
  }

  @Handles(undoPolicyRollout)
  async undo(
    @Called() { caller, scope, params }: Call<typeof undoPolicyRollout>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof undoPolicyRollout.response>> {
    return begun(reply, await this.undos.undo(caller, scope, params.id));
  }
}

function begun(reply: FastifyReply, rolloutId: string): { rolloutId: string } {
  void reply.header('location', `${API_PREFIX}/policy-rollouts/${rolloutId}`);
  return { rolloutId };
}
