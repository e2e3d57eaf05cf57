import { Controller, Header, Inject } from '@nestjs/common';
import { defineRoute } from '../../proto/http/route.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { MetricsService } from './metrics.service.ts';

const metrics = defineRoute({ method: 'GET', path: '/metrics', action: 'metrics.read', summary: 'Prometheus text', status: 200 });

@Controller()
export class MetricsController {
  constructor(@Inject(MetricsService) private readonly service: MetricsService) {}

  @Handles(metrics, { prefix: '' })
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  metrics(@Called() { scope }: Call<typeof metrics>): Promise<string> {
    return this.service.text(scope);
  }
}
