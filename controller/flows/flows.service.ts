import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { SearchEvent, searchRequest, searchResponse } from '../../proto/http/flows.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import { formatFilter } from '../../proto/model/filter/format.ts';
import { whyFilterUnknown, whyUnseen, type GatewayRow } from '../gateways/gateway-view.ts';
import { GatewaysService } from '../gateways/gateways.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { forGateway, resolveWans } from './fleet-filter.ts';
import { factsOf, wansOf } from './gateway-facts.ts';
import { GatewaySearchService } from './gateway-search.service.ts';
import { Gathered } from './gathered.ts';
import type { MergeOrder } from './place.ts';
import { readFilter } from './read-filter.ts';
import { Rounds } from './rounds.ts';
import { formatSearchCursor, readSearchCursor } from './search-cursor.ts';
import { SearchingService } from './searching.service.ts';

type SearchRequest = z.output<typeof searchRequest>;
type SearchResponse = z.output<typeof searchResponse>;

interface Listener {
  send(event: SearchEvent): void;
  close(): void;
}

/** A search that may begin: what is wrong with the request has been said. */
interface Prepared {
  request: SearchRequest;
  filter: FlowFilter;
  order: MergeOrder;
  rounds: Rounds;
  gathered: Gathered;
  fleet: Map<string, { row: GatewayRow; own: FlowFilter }>;
}

/** A listener is told what changed at most so often, in milliseconds. */
const TELL_MS = 250;

@Injectable()
export class FlowsService {
  constructor(
    @Inject(GatewaysService) private readonly gateways: GatewaysService,
    @Inject(GatewaySearchService) private readonly asking: GatewaySearchService,
    @Inject(SearchingService) private readonly searching: SearchingService,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Asks the gateways in scope, in rounds, and merges what arrives by the deadline; gateways that did not answer are named with the reason.
   * Throws FILTER_UNPARSABLE, NOT_FOUND or SCOPE_EMPTY for the scope, INVALID_REQUEST for a foreign cursor.
   */
  async search(scope: TenantScope, request: SearchRequest, signal: AbortSignal): Promise<SearchResponse> {
    return this.carryOut(await this.prepare(scope, request), signal);
  }

  /** The same, told as it goes on. `open` creates the listener once the search may begin; throws as `search` does before that. */
  async watch(scope: TenantScope, request: SearchRequest, signal: AbortSignal, open: () => Listener): Promise<void> {
    const prepared = await this.prepare(scope, request);
    const listener = open();
    const tell = (): void => listener.send({ kind: 'progress', ...prepared.gathered.progress(prepared.rounds.preview()) });
    const timer = setInterval(() => prepared.gathered.hasNews && tell(), TELL_MS);
    try {
      tell();
      const answer = await this.carryOut(prepared, signal);
      listener.send({ kind: 'end', answer, isComplete: answer.gateways.every(({ state }) => state === 'answered') });
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      clearInterval(timer);
      listener.close();
    }
  }

  private async prepare(scope: TenantScope, request: SearchRequest): Promise<Prepared> {
    const filter = readFilter(request.filter);
    const order: MergeOrder = request.sort ?? { field: 'gateway', descending: false };
    const place = readSearchCursor(request.cursor, order);
    const rows = await this.gateways.inScope(scope, request.scope);
    const asked = rows.flatMap((row) => {
      const own = forGateway(filter, factsOf(row));
      return own ? [{ row, own }] : [];
    });
    const gathered = new Gathered(asked.map(({ row }) => ({ id: row.id, name: row.name, resolved: resolveWans(filter, wansOf(row)) })));
    const fleet = new Map<string, { row: GatewayRow; own: FlowFilter }>();
    for (const { row, own } of asked) {
      const unseen = whyUnseen(row, this.clock());
      const unknown = whyFilterUnknown(row, own);
      if (unseen) gathered.leaveOut(row.id, unseen);
      else if (unknown !== undefined) gathered.leaveOut(row.id, { state: 'failed', reason: unknown });
      else fleet.set(row.id, { row, own });
    }
    const rounds = new Rounds(
      [...fleet.values()].map(({ row }) => row),
      { order, limit: request.limit, place },
    );
    return { request, filter, order, rounds, gathered, fleet };
  }

  private async carryOut({ request, filter, order, rounds, gathered, fleet }: Prepared, signal: AbortSignal): Promise<SearchResponse> {
    const startedAtMs = this.clock();
    await this.searching.carryOut(
      rounds,
      {
        ask: (ask, deadlineMs, stop) =>
          this.asking.ask(
            ask,
            { ...request, filter: fleet.get(ask.gatewayId)!.own, order, startedAtMs },
            { deadlineMs, signal: stop, gathered },
          ),
        heard: (id, answer, lie) => gathered.heard(id, answer, lie),
        failed: (id, error) => gathered.failed(id, error),
        silent: (ids) => gathered.silent(ids, this.config.searchDeadlineMs),
      },
      { deadlineMs: this.config.searchDeadlineMs, signal },
    );
    const page = rounds.page();
    return {
      ...gathered.answer(page.rows),
      filter: formatFilter(filter),
      cursor: page.isMore && page.place ? formatSearchCursor(page.place, order) : undefined,
    };
  }
}
