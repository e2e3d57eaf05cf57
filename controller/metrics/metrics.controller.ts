import { Controller, Header, Inject } from '@nestjs/common';
import { defineRoute } from '../../proto/http/route.ts';
import type { Gateway } from '../../proto/http/fleet.ts';
import { GatewaysService } from '../gateways/gateways.service.ts';
import { Called, Handles, type Call } from '../platform/handles.ts';
import { VERSION } from '../platform/version.ts';
import { toExposition } from './exposition.ts';
import { MetricsRepository } from './metrics.repository.ts';

const metrics = defineRoute({ method: 'GET', path: '/metrics', action: 'metrics.read', summary: 'Prometheus text', status: 200 });
const PAGE = 1000;

@Controller()
export class MetricsController {
  constructor(@Inject(GatewaysService) private readonly gateways: GatewaysService, @Inject(MetricsRepository) private readonly repository: MetricsRepository) {}

  @Handles(metrics, { prefix: '' })
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  async metrics(@Called() { scope }: Call<typeof metrics>): Promise<string> {
    const gateways: Gateway[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.gateways.list(scope, { limit: PAGE, cursor });
      gateways.push(...page.items);
      ({ cursor } = page);
    } while (cursor !== undefined);
    return toExposition(gateways, await this.repository.flushedFlows(scope), scope === 'all' ? await this.repository.tableSizes() : [], VERSION);
  }
}
