import { Inject, Injectable } from '@nestjs/common';
import type { SearchQuery } from '../../proto/gen/ctfleet/v1/link.ts';
import type { Flow } from '../../proto/model/flow.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import { toWireFilter } from '../../proto/wire/filter.ts';
import { fromWireSortKey, toWireSortKey } from '../../proto/wire/sort-key.ts';
import { GatewayQueries } from '../link/gateway-queries.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { flowsFrom, textFrom, timeFrom } from '../platform/untrusted.ts';
import type { Gathered, GatewayFound } from './gathered.ts';
import { agentField, type MergeOrder } from './place.ts';
import type { RoundAsk } from './rounds.ts';
import { flowFrom } from './untrusted-flow.ts';

/** Per gateway's answer; an honest gateway sends fewer. */
const MAX_FACETS = 50;
const MAX_VALUES = 100;
const MAX_EXPLANATIONS = 50;
const MAX_TEXT = 300;
/** How long a question may be under way. A later round is to be answered from the walk of the first one. */
const UNDER_WAY_MS = 2000;

export interface SearchAsked {
  filter: FlowFilter;
  order: MergeOrder;
  withFacets: boolean;
  maxAgeMs?: number;
  startedAtMs: number;
}

/** Asks one gateway for its part of a round. */
@Injectable()
export class GatewaySearchService {
  constructor(
    @Inject(GatewayQueries) private readonly queries: GatewayQueries,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Throws what `GatewayQueries.ask` throws. */
  async ask(
    ask: RoundAsk,
    search: SearchAsked,
    { deadlineMs, signal, gathered }: { deadlineMs: number; signal: AbortSignal; gathered: Gathered },
  ): Promise<GatewayFound> {
    const rows: Flow[] = [];
    const { head } = await this.queries.ask(
      ask.gatewayId,
      { $case: 'search', value: this.queryFor(ask, search) },
      {
        deadlineMs: Math.ceil(deadlineMs),
        signal,
        maxFlows: ask.limit,
        onFlows: (wire) => {
          gathered.read(wire.length);
          rows.push(...wire.map(flowFrom));
        },
      },
    );
    return {
      rows,
      keys: (head.keys?.keys ?? []).slice(0, ask.keys).map(fromWireSortKey),
      total: flowsFrom(head.total),
      facets: head.facets.slice(0, MAX_FACETS).map((facet) => ({
        field: textFrom(facet.field, MAX_TEXT),
        values: facet.values.slice(0, MAX_VALUES).map((item) => ({ value: textFrom(item.value, MAX_TEXT), flows: flowsFrom(item.flows) })),
      })),
      snapshotAt: timeFrom(head.snapshotAtMs, this.clock())?.toISOString(),
      explain: head.explain.slice(0, MAX_EXPLANATIONS).map((line) => textFrom(line, MAX_TEXT)),
    };
  }

  private queryFor(ask: RoundAsk, { filter, order, withFacets, maxAgeMs = 0, startedAtMs }: SearchAsked): SearchQuery {
    return {
      filter: toWireFilter(filter),
      sort: agentField(order),
      descending: order.field !== 'gateway' && order.descending,
      limit: ask.limit,
      keys: ask.keys,
      after: ask.after && toWireSortKey(ask.after),
      withAfterValue: ask.after?.withValue === true,
      withFacets: ask.isFirst && withFacets,
      maxAgeMs: ask.isFirst ? maxAgeMs : maxAgeMs + this.clock() - startedAtMs + UNDER_WAY_MS,
    };
  }
}
