'use client';

import type { ReactNode } from 'react';
import { Button } from '../../ui/button.tsx';
import { count, counted } from '../../../client/words/format.ts';
import type { FlowSearch } from './use-flow-search.ts';

/** How many flows match, how many of them are loaded, and the navigation between parts. */
export function FlowsFoot({ search, children }: { search: FlowSearch; children: ReactNode }) {
  const { rows, total, gateways, filling, firstRow, nextPart, previousPart, isFetching } = search;
  const answered = gateways.filter(({ state }) => state === 'answered').length;
  return (
    <div className="foot-bar">
      {total !== undefined && (
        <b>
          {counted(total, 'flow')} {total === 1 ? 'matches' : 'match'}
          {filling && ' so far'}
        </b>
      )}
      {total !== undefined && total > rows.length && (
        <span>
          rows {count(firstRow + 1)} to {count(firstRow + rows.length)} loaded
        </span>
      )}
      {gateways.length > 0 && !filling && (
        <span className="dim">
          {counted(answered, 'gateway')}, {answered === gateways.length ? 'exact' : 'not all'}
        </span>
      )}
      {isFetching && (
        <span className="dim" role="status">
          asking the gateways…
        </span>
      )}
      <span className="grow" />
      {previousPart && (
        <Button size="slim" onClick={previousPart}>
          Rows before
        </Button>
      )}
      {nextPart && (
        <Button size="slim" onClick={nextPart}>
          Next 4,000 rows
        </Button>
      )}
      {children}
    </div>
  );
}
