import type { Columns } from '../rows/columns.ts';
import { addressText } from '../query/describe.ts';
import type { Breakdown } from '../table.ts';

/**
 * The breakdown of a table after some of its rows have gone, from that of all rows and of those that went: exact, except that no source
 * moves up among the largest in place of one that has become small.
 */
export function without(all: Breakdown, gone: Breakdown, columns: Columns, rows: Uint32Array): Breakdown {
  const bySource = new Map<string, number>();
  for (const row of rows) {
    const source = addressText(columns, row, 'origSrc');
    bySource.set(source, (bySource.get(source) ?? 0) + 1);
  }
  const translated = new Map(gone.translations.map(({ address, proto, flows }) => [`${proto} ${address}`, flows]));
  return {
    ...all,
    walked: all.walked - gone.walked,
    byProto: less(all.byProto, gone.byProto),
    byState: less(all.byState, gone.byState),
    byWan: less(all.byWan, gone.byWan),
    topSources: largest(all.topSources.map((one) => ({ ...one, flows: one.flows - (bySource.get(one.address) ?? 0) }))),
    translations: largest(
      all.translations.map((one) => ({ ...one, flows: one.flows - (translated.get(`${one.proto} ${one.address}`) ?? 0) })),
    ),
  };
}

function less(all: Record<string, number>, gone: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(all).flatMap(([key, flows]) => (flows > (gone[key] ?? 0) ? [[key, flows - (gone[key] ?? 0)]] : [])),
  );
}

function largest<One extends { flows: number }>(counts: One[]): One[] {
  return counts.filter(({ flows }) => flows > 0).toSorted((a, b) => b.flows - a.flows);
}
