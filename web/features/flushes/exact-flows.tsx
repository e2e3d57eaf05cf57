'use client';

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useClock } from '../../lib/clock.tsx';
import { useNamesOf } from '../../lib/controller/names.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';
import { droppedWords } from '../../../client/words/flush-words.ts';
import { FlowRows } from './flow-rows.tsx';

interface Page {
  cursor?: string;
  first: number;
}

/**
 * Every flow of a plan, an audit entry or a run with its tuples, page by page, with its outcome once there is one. Whoever knows the
 * gateways' names says them.
 */
export function ExactFlows({ of, nameOf }: { of: queries.FlowsOf; nameOf?(gatewayId: string): string }) {
  const [pages, setPages] = useState<Page[]>([{ first: 1 }]);
  const { cursor, first } = pages.at(-1)!;
  const clock = useClock();
  const { data, error, isPlaceholderData, refetch } = useQuery(queries.flowsOf(of, cursor));
  const found = useNamesOf(nameOf ? [] : (data?.items.map(({ gatewayId }) => gatewayId) ?? []));
  if (error) return <Failure what="The flows could not be read" error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton lines={6} />;
  if (data.droppedAt !== undefined) return <p className="dim2">{droppedWords(clock.full(data.droppedAt))}</p>;
  if (data.items.length === 0 && !data.unreadable) return <p className="dim">No flows.</p>;
  return (
    <div className="stack">
      <Unreadable entries={data.unreadable} />
      <FlowRows flows={data.items} first={first} isStale={isPlaceholderData} nameOf={nameOf ?? found} />
      {(pages.length > 1 || data.cursor) && (
        <div className="row">
          <Button
            size="slim"
            onClick={() => setPages(pages.slice(0, -1))}
            refusal={pages.length === 1 ? 'This is the first page.' : undefined}
          >
            Before
          </Button>
          <Button
            size="slim"
            onClick={() => setPages([...pages, { cursor: data.cursor, first: first + data.items.length }])}
            refusal={data.cursor ? undefined : 'This is the last page.'}
          >
            Next
          </Button>
          <span className="dim small">
            {first} to {first + data.items.length - 1}
          </span>
        </div>
      )}
    </div>
  );
}
