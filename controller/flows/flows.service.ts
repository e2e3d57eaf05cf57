import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { gatewayAnswer, searchRequest, searchResponse } from '../../proto/http/flows.ts';
import type { SearchQuery } from '../../proto/gen/ctfleet/v1/link.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import { formatFilter } from '../../proto/model/filter/format.ts';
import { toWireFilter } from '../../proto/wire/filter.ts';
import type { Flow } from '../../proto/model/flow.ts';
import type { SortKey } from '../../proto/model/sort.ts';
import { whyFilterUnknown, whyUnseen, type GatewayRow } from '../gateways/gateway-view.ts';
import { GatewaysService } from '../gateways/gateways.service.ts';
import { GatewayQueries } from '../link/gateway-queries.service.ts';
import { whyNot } from '../link/why-not.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { formatCursor, parseCursor } from '../platform/cursor.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { flowsFrom, textFrom, timeFrom } from '../platform/untrusted.ts';
import { mergeFacets, type Facet } from './facets.ts';
import { forGateway, resolveWans } from './fleet-filter.ts';
import { factsOf, wansOf } from './gateway-facts.ts';
import { toFlowView } from './flow-view.ts';
import { flowFrom } from './untrusted-flow.ts';
import { agentField, mergeRows, type MergeOrder } from './merge.ts';
import { readFilter } from './read-filter.ts';

type SearchRequest = z.output<typeof searchRequest>;
type GatewayAnswer = z.output<typeof gatewayAnswer>;

/** Where each gateway's rows continue, and the sort order; continuing a page in another order would repeat and skip rows. */
const searchCursor = z.object({
  order: z.string(),
  after: z.record(z.string(), z.tuple([z.union([z.string(), z.number(), z.null()]), z.number()])),
});

/** Per gateway's answer; an honest gateway sends fewer. */
const MAX_FACETS = 50;
const MAX_VALUES = 100;
const MAX_EXPLANATIONS = 50;
const MAX_TEXT = 300;

interface Reply {
  row: GatewayRow;
  answer: GatewayAnswer;
  flows: Flow[];
  facets: Facet[];
}

@Injectable()
export class FlowsService {
  constructor(
    @Inject(GatewaysService) private readonly gateways: GatewaysService,
    @Inject(GatewayQueries) private readonly queries: GatewayQueries,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Asks every gateway in scope in parallel and merges what arrives by the deadline; gateways that did not answer are named with the
   * reason. Throws FILTER_UNPARSABLE, NOT_FOUND or SCOPE_EMPTY for the scope, INVALID_REQUEST for a foreign cursor.
   */
  async search(scope: TenantScope, request: SearchRequest, signal: AbortSignal): Promise<z.output<typeof searchResponse>> {
    const filter = readFilter(request.filter);
    const order: MergeOrder = request.sort ?? { field: 'gateway', descending: false };
    const orderText = `${order.field} ${order.descending}`;
    const cursor = parseCursor(request.cursor, searchCursor);
    if (cursor && cursor.order !== orderText)
      throw new FleetError('INVALID_REQUEST', 'The cursor belongs to a different sort order. Start again without it.');
    const after = new Map(
      Object.entries(cursor?.after ?? {}).map(([id, [value, flowId]]): [string, SortKey] => [
        id,
        { value: value ?? undefined, id: flowId },
      ]),
    );
    const rows = await this.gateways.inScope(scope, request.scope);
    const replies = await Promise.all(
      rows.flatMap((row) => {
        const own = forGateway(filter, factsOf(row));
        return own ? this.ask(row, own, request, order, after.get(row.id), signal) : [];
      }),
    );
    const merged = mergeRows(
      replies.map(({ row, flows }) => ({ gatewayId: row.id, gatewayName: row.name, flows })),
      order,
      request.limit,
    );
    for (const [id, key] of merged.after) after.set(id, key);
    return {
      rows: merged.rows.map(({ flow, gatewayId }) => toFlowView(flow, gatewayId)),
      total: replies.reduce((total, { answer }) => total + (answer.total ?? 0), 0),
      facets: mergeFacets(replies.flatMap((reply) => reply.facets)),
      gateways: replies.map((reply) => reply.answer),
      filter: formatFilter(filter),
      cursor:
        merged.isMore && request.limit > 0
          ? formatCursor({ order: orderText, after: Object.fromEntries([...after].map(([id, key]) => [id, [key.value ?? null, key.id]])) })
          : undefined,
    };
  }

  private async ask(
    row: GatewayRow,
    filter: FlowFilter,
    request: SearchRequest,
    order: MergeOrder,
    after: SortKey | undefined,
    signal: AbortSignal,
  ): Promise<Reply> {
    const resolved = resolveWans(filter, wansOf(row));
    const named = { id: row.id, name: row.name, resolved };
    const unseen = whyUnseen(row, this.clock());
    if (unseen) return { row, answer: { ...named, ...unseen }, flows: [], facets: [] };
    const unknown = whyFilterUnknown(row, filter);
    if (unknown !== undefined) return { row, answer: { ...named, state: 'failed', reason: unknown }, flows: [], facets: [] };
    const flows: Flow[] = [];
    const value: SearchQuery = {
      filter: toWireFilter(filter),
      sort: agentField(order),
      descending: order.field !== 'gateway' && order.descending,
      limit: request.limit + 1,
      after: after && { value: toWireValue(after.value), id: after.id },
      withFacets: request.withFacets,
      maxAgeMs: request.maxAgeMs,
    };
    try {
      const { head } = await this.queries.ask(
        row.id,
        { $case: 'search', value },
        {
          deadlineMs: this.config.searchDeadlineMs,
          signal,
          maxFlows: request.limit + 1,
          onFlows: (wire) => {
            flows.push(...wire.map(flowFrom));
          },
        },
      );
      const facets = head.facets.slice(0, MAX_FACETS).map((facet) => ({
        field: textFrom(facet.field, MAX_TEXT),
        values: facet.values.slice(0, MAX_VALUES).map((item) => ({ value: textFrom(item.value, MAX_TEXT), flows: flowsFrom(item.flows) })),
      }));
      const snapshotAt = timeFrom(head.snapshotAtMs, this.clock())?.toISOString();
      const explain = head.explain.slice(0, MAX_EXPLANATIONS).map((line) => textFrom(line, MAX_TEXT));
      return { row, answer: { ...named, state: 'answered', snapshotAt, total: flowsFrom(head.total), explain }, flows, facets };
    } catch (error) {
      return { row, answer: { ...named, ...whyNot(error) }, flows: [], facets: [] };
    }
  }
}

function toWireValue(value: SortKey['value']): NonNullable<SearchQuery['after']>['value'] {
  if (value === undefined) return undefined;
  return typeof value === 'number' ? { $case: 'number', value } : { $case: 'text', value };
}
