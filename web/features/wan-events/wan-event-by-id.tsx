'use client';

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../lib/controller/queries.ts';
import { WanEventLine } from './wan-event-line.tsx';

/** A failover by its id; nothing until it is read. */
export function WanEventById({ id }: { id: string }) {
  const { data } = useQuery(queries.wanEvent(id));
  return data ? <WanEventLine event={data} /> : null;
}
