'use client';

import { useQueries } from '@tanstack/react-query';
import type { Scope } from '../../../proto/http/scope.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Empty } from '../../ui/feedback.tsx';
import { counted } from '../../../client/words/format.ts';
import { chipsOf, withoutChip } from './filter-edit.ts';

/** No flow matches: names the one term whose removal would match most flows, with their count. */
export function NothingFound({
  filter,
  scope,
  gateways,
  onFilter,
}: {
  filter: string;
  scope: Scope;
  gateways: { state: string }[];
  onFilter(filter: string): void;
}) {
  const chips = chipsOf(filter) ?? [];
  const without = chips.length > 1 && chips.length <= 8 ? chips.map((chip) => ({ chip, filter: withoutChip(filter, chip.text) })) : [];
  const counts = useQueries({ queries: without.map((one) => queries.flowCount(one.filter, scope)) });
  const best = without.map((one, index) => ({ ...one, flows: counts[index]?.data ?? 0 })).toSorted((a, b) => b.flows - a.flows)[0];
  if (gateways.length > 0 && gateways.every(({ state }) => state !== 'answered'))
    return (
      <div className="grid-scroll">
        <Empty>No gateway in scope answered, so it is not known whether anything matches.</Empty>
      </div>
    );
  if (chips.length === 0)
    return (
      <div className="grid-scroll">
        <Empty>The tables in scope hold no flows, or no gateway is in scope. Widen the scope at the top.</Empty>
      </div>
    );
  return (
    <div className="grid-scroll">
      <Empty
        action={
          best && best.flows > 0 ? (
            <button type="button" className="btn" onClick={() => onFilter(best.filter)}>
              Leave out {best.chip.text}: {counted(best.flows, 'flow')}
            </button>
          ) : (
            <button type="button" className="btn" onClick={() => onFilter('')}>
              Clear the filter
            </button>
          )
        }
      >
        No flow matches this filter now. A flow that has ended leaves the table at once; the audit keeps what was deleted.
      </Empty>
    </div>
  );
}
