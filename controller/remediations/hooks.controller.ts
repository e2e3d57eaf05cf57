import { Controller, Headers, Inject, Ip, Param, Req, type RawBodyRequest } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { id as idSchema } from '../../proto/http/common.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { RateLimit, RateLimits } from '../platform/rate-limits.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { HandlesOpen } from '../platform/route-decorators.ts';
import { ENCRYPTION, type Encryption } from '../platform/encryption.ts';
import { ControllerRunsService } from './controller-runs.service.ts';
import { whyRefused } from './hook-signature.ts';
import { RemediationsService } from './remediations.service.ts';

/** Webhook calls from one address. */
const HOOK_ADDRESS = new RateLimit('hook-address', { tries: 60, seconds: 60 });

/** Where other systems trigger a remediation. The signature is the identity; every refusal gets the same answer. */
@Controller()
export class HooksController {
  constructor(
    @Inject(RemediationsService) private readonly remediations: RemediationsService,
    @Inject(ControllerRunsService) private readonly runs: ControllerRunsService,
    @Inject(RateLimits) private readonly limits: RateLimits,
    @Inject(ENCRYPTION) private readonly seal: Encryption,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @HandlesOpen('/api/v1/hooks/:id', 'POST')
  async call(
    @Param('id') id: string,
    @Headers() headers: Record<string, string | undefined>,
    @Req() request: RawBodyRequest<FastifyRequest>,
    @Ip() address: string,
  ): Promise<{ runId: string }> {
    await this.limits.take(HOOK_ADDRESS, address);
    const row = idSchema.safeParse(id).success ? await this.remediations.row('all', id).catch(() => undefined) : undefined;
    const call = {
      id: headers['webhook-id'] ?? '',
      timestamp: headers['webhook-timestamp'] ?? '',
      signatures: headers['webhook-signature'] ?? '',
      body: request.rawBody?.toString('utf8') ?? '',
    };
    const isKnown = row?.isEnabled === true && row.hookSecret !== null && row.document.trigger.kind === 'webhook';
    if (!isKnown || whyRefused(call, this.seal.open(row.hookSecret!), this.clock()) !== undefined)
      throw new FleetError('UNAUTHENTICATED', 'The call is not signed correctly, or the webhook does not exist.');
    return {
      runId: await this.runs.begin(row, { trigger: `webhook ${call.id}`, occasion: `webhook ${call.id}`, triggeredAtMs: this.clock() }),
    };
  }
}
