'use client';

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../lib/controller/queries.ts';
import { Failure } from '../../ui/feedback.tsx';
import { WanEventLine } from './wan-event-line.tsx';

const SHOWN = 5;

/** The last failovers of a gateway; nothing where there was none. */
export function WanEventsOf({ gatewayId }: { gatewayId: string }) {
  const { data, error, refetch } = useQuery(queries.wanEvents({ gateway: gatewayId, limit: SHOWN }));
  if (error && !data) return <Failure what="Its failovers could not be read" error={error} onRetry={() => void refetch()} />;
  if (!data || data.items.length === 0) return null;
  return (
    <section>
      <div className="sec-head">
        <h2>Failovers</h2>
        <span className="dim">the newest {data.items.length}</span>
      </div>
      <ul className="wan-events">
        {data.items.map((event) => (
          <li key={event.id}>
            <WanEventLine event={event} />
          </li>
        ))}
      </ul>
    </section>
  );
}
