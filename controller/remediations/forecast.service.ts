import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { checkRemediation } from '../../proto/http/remediations.ts';
import { searchRequest } from '../../proto/http/flows.ts';
import { placeholdersOf } from '../../proto/model/filter/template.ts';
import { FlowsService } from '../flows/flows.service.ts';
import { GatewaysService } from '../gateways/gateways.service.ts';
import { HistoryService } from '../history/history.service.ts';
import { WanEventsService } from '../wan-events/wan-events.service.ts';
import { replayOf } from './replay.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { inScope, type TenantScope } from '../platform/tenant-scope.ts';
import { isAboutTable, isAboutWan } from '../../proto/model/triggers.ts';

const DAYS = 30;
const DAY_MS = 86_400_000;
const NO_EVENTS = `No failover was recorded within ${DAYS} days. Agents of version 0.1.0 record none.`;
type Forecast = Pick<z.output<typeof checkRemediation.response>, 'matchesNow' | 'wouldHaveFired' | 'forecastNote'>;

/** What a remediation would match now, and when its trigger would have fired recently, as far as tables and history show. */
@Injectable()
export class ForecastService {
  constructor(
    @Inject(FlowsService) private readonly flows: FlowsService,
    @Inject(GatewaysService) private readonly gateways: GatewaysService,
    @Inject(HistoryService) private readonly history: HistoryService,
    @Inject(WanEventsService) private readonly wanEvents: WanEventsService,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async of(
    scope: TenantScope,
    { tenantId, document }: z.output<NonNullable<typeof checkRemediation.body>>,
    signal: AbortSignal,
  ): Promise<Forecast> {
    const own: TenantScope = tenantId === undefined ? scope : new Set(inScope(scope, tenantId) ? [tenantId] : []);
    const matchesNow =
      placeholdersOf(document.filter).length === 0
        ? (
            await this.flows.search(
              own,
              searchRequest.parse({ filter: document.filter, scope: document.scope, limit: 0, withFacets: false }),
              signal,
            )
          ).total
        : undefined;
    const { trigger } = document;
    if (!isAboutWan(trigger.kind) && !isAboutTable(trigger.kind)) return { matchesNow, wouldHaveFired: [] };
    const rows = await this.gateways.inScope(own, document.scope);
    const names = new Map(rows.map((row) => [row.id, row.name]));
    const since = new Date(this.clock() - DAYS * DAY_MS);
    if (trigger.kind !== 'table-usage') {
      const events = await this.database.transact(own, (t) => this.wanEvents.since(t, [...names.keys()], since));
      return { matchesNow, wouldHaveFired: replayOf(trigger, events), forecastNote: events.length === 0 ? NO_EVENTS : undefined };
    }
    const found = await this.database.transact(own, (t) => this.history.crossings(t, [...names.keys()], trigger.abovePercent, since));
    return {
      matchesNow,
      wouldHaveFired: found.map(({ gatewayId, at, percent }) => ({
        at: at.toISOString(),
        gatewayName: names.get(gatewayId) ?? gatewayId,
        trigger: `table at ${percent.toFixed(0)} %`,
      })),
    };
  }
}
