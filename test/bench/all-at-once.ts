import type { GatewayQueries } from '../../controller/link/gateway-queries.service.ts';
import { flowFrom } from '../../controller/flows/untrusted-flow.ts';
import { toWireFilter } from '../../proto/wire/filter.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { compareSortKeys, sortValue, type SortField } from '../../proto/model/sort.ts';
import { filterOf } from '../support/filter-of.ts';

/** How a page was made before there were rounds: limit + 1 rows from every gateway, and for each row shown a look at all first rows. */
export async function allAtOnce(
  ask: GatewayQueries['ask'],
  gatewayIds: readonly string[],
  { field, limit }: { field: SortField; limit: number },
): Promise<{ rows: Flow[]; decoded: number }> {
  const filter = toWireFilter(filterOf('host:10.7.0.9'));
  const answers = await Promise.all(
    gatewayIds.map(async (id) => {
      const flows: Flow[] = [];
      const value = { filter, sort: field, descending: false, limit: limit + 1, after: undefined, withFacets: true, maxAgeMs: 0 };
      await ask(
        id,
        { $case: 'search', value },
        { deadlineMs: 30_000, maxFlows: limit + 1, onFlows: (wire) => void flows.push(...wire.map(flowFrom)) },
      );
      return flows;
    }),
  );
  const keyOf = (flow: Flow) => ({ value: sortValue(flow, field), id: flow.id });
  const heads = answers.filter((flows) => flows.length > 0).map((flows) => ({ flows, at: 0 }));
  const rows: Flow[] = [];
  while (rows.length < limit && heads.length > 0) {
    const best = heads.reduce((first, head) =>
      compareSortKeys(keyOf(head.flows[head.at]!), keyOf(first.flows[first.at]!), false) < 0 ? head : first,
    );
    rows.push(best.flows[best.at]!);
    if (++best.at === best.flows.length) heads.splice(heads.indexOf(best), 1);
  }
  return { rows, decoded: answers.reduce((sum, flows) => sum + flows.length, 0) };
}
