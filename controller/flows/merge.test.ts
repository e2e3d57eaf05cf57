import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Flow } from '../../proto/model/flow.ts';
import { compareSortKeys, sortValue } from '../../proto/model/sort.ts';
import { mergeRows, type MergeOrder, type GatewayRows } from './merge.ts';

function flow(id: number, timeoutSeconds: number | undefined): Flow {
  return {
    family: 4,
    proto: 17,
    zone: 0,
    id,
    status: 0,
    mark: 0,
    labels: [],
    timeoutSeconds,
    orig: { src: '10.0.0.1', dst: '10.0.0.2' },
    reply: { src: '10.0.0.2', dst: '10.0.0.1' },
  };
}

const flows = fc.uniqueArray(fc.record({ id: fc.nat(1000), timeout: fc.option(fc.nat(5), { nil: undefined }) }), {
  selector: (row) => row.id,
  maxLength: 20,
});

describe('merging', () => {
  it('shows every row once across all pages, in the requested order, for every page size', () => {
    fc.assert(
      fc.property(
        fc.array(flows, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 7 }),
        (tables, descending, limit) => {
          const order: MergeOrder = { field: 'timeout', descending };
          const key = (row: Flow) => ({ value: sortValue(row, 'timeout'), id: row.id });
          const sorted = tables.map((rows) =>
            rows.map((row) => flow(row.id, row.timeout)).sort((a, b) => compareSortKeys(key(a), key(b), descending)),
          );
          const after = new Map<string, { value: number | string | undefined; id: number }>();
          const shown: { gatewayId: string; flow: Flow }[] = [];
          for (let isMore = true; isMore;) {
            const gateways: GatewayRows[] = sorted.map((rows, index) => {
              const place = after.get(String(index));
              return {
                gatewayId: String(index),
                gatewayName: `gw${index}`,
                flows: rows.filter((row) => !place || compareSortKeys(key(row), place, descending) > 0).slice(0, limit + 1),
              };
            });
            const page = mergeRows(gateways, order, limit);
            shown.push(...page.rows);
            for (const [id, place] of page.after) after.set(id, place);
            ({ isMore } = page);
          }
          expect(shown.map((row) => `${row.gatewayId} ${row.flow.id}`).toSorted()).toEqual(
            tables.flatMap((rows, index) => rows.map((row) => `${index} ${row.id}`)).toSorted(),
          );
          for (let index = 1; index < shown.length; index++) {
            const [a, b] = [key(shown[index - 1]!.flow), key(shown[index]!.flow)];
            expect(compareSortKeys({ ...a, id: 0 }, { ...b, id: 0 }, descending)).toBeLessThanOrEqual(0);
          }
        },
      ),
    );
  });

  it('by gateway shows one gateway after the other, in reverse when descending', () => {
    const gateways: GatewayRows[] = [
      { gatewayId: 'b', gatewayName: 'lyon', flows: [flow(1, 1), flow(2, 1)] },
      { gatewayId: 'a', gatewayName: 'milano', flows: [flow(1, 1)] },
    ];
    expect(mergeRows(gateways, { field: 'gateway', descending: false }, 9).rows.map((row) => row.gatewayId)).toEqual(['b', 'b', 'a']);
    expect(mergeRows(gateways, { field: 'gateway', descending: true }, 9).rows.map((row) => row.gatewayId)).toEqual(['a', 'b', 'b']);
  });
});
