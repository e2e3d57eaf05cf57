'use client';

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { routes } from '../../../proto/http/routes.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useFollowed } from '../../lib/controller/follow.ts';
import { withEvent, type Target } from '../../../client/words/flush-words.ts';

/** One change of a gateway's part, seen while the page was open. */
export interface Step {
  atMs: number;
  target: Target;
}

/** Follows a flush over its own stream while it runs. The flush does not depend on this page. */
export function useFlush(id: string) {
  const client = useQueryClient();
  const query = useQuery(queries.flush(id));
  const [steps, setSteps] = useState<Step[]>([]);
  const isRunning = query.data?.state === 'running';
  useFollowed(routes.watchFlush, id, isRunning, (event) => {
    const key = queries.flush(id).queryKey;
    if (event.kind === 'target') {
      const before = client.getQueryData(key)?.targets.find(({ gatewayId }) => gatewayId === event.target.gatewayId);
      if (before?.state !== event.target.state) setSteps((all) => [{ atMs: Date.now(), target: event.target }, ...all].slice(0, 50));
    }
    client.setQueryData(key, (flush) => withEvent(flush, event));
    const state = event.kind === 'flush' ? event.flush.state : event.state;
    if (state !== 'running') {
      void client.invalidateQueries({ queryKey: ['audit'] });
      void client.invalidateQueries({ queryKey: key });
    }
  });
  return { ...query, flush: query.data, steps };
}
