import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { createGzip, constants } from 'node:zlib';
import { defineRoute } from '../../proto/http/route.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { MetricsService } from './metrics.service.ts';

const metrics = defineRoute({ method: 'GET', path: '/metrics', action: 'metrics.read', summary: 'Prometheus text', status: 200 });

@Controller()
export class MetricsController {
  constructor(@Inject(MetricsService) private readonly service: MetricsService) {}

  /** Compressed where the caller says so, as Prometheus does: a page of 10,000 gateways is the same few words over and over. */
  @Handles(metrics, { prefix: '' })
  async metrics(@Called() { scope }: Call<typeof metrics>, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const text = Readable.from(await this.service.text(scope));
    reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8').header('vary', 'accept-encoding');
    if (!acceptsGzip(request.headers['accept-encoding'])) return void reply.send(text);
    const gzip = createGzip({ level: constants.Z_BEST_SPEED });
    text.once('error', (error) => gzip.destroy(error));
    gzip.once('close', () => text.destroy());
    reply.header('content-encoding', 'gzip').send(text.pipe(gzip));
  }
}

/** By the header Accept-Encoding; `gzip;q=0` refuses it. */
function acceptsGzip(header: string | string[] = ''): boolean {
  return String(header)
    .split(',')
    .some((one) => /^\s*(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/.test(one));
}
