'use client';

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { RolloutTarget } from '../../../proto/http/policy-rollouts.ts';
import { routes } from '../../../proto/http/routes.ts';
import { isOpen, withRolloutEvent } from '../../../client/words/policy-rollout-words.ts';
import { useFollowed } from '../../lib/controller/follow.ts';
import * as queries from '../../lib/controller/queries.ts';

/** One change of a gateway's part, seen while the page was open. */
export interface Step {
  atMs: number;
  target: RolloutTarget;
}

const MAX_STEPS = 50;

/** Follows a roll-out over its own stream while it may change. The roll-out does not depend on this page. */
export function useRollout(id: string) {
  const client = useQueryClient();
  const query = useQuery(queries.policyRollout(id));
  const [steps, setSteps] = useState<Step[]>([]);
  const key = queries.policyRollout(id).queryKey;
  useFollowed(routes.watchPolicyRollout, id, query.data !== undefined && isOpen(query.data), (event) => {
    const before = client.getQueryData(key);
    if (event.kind === 'target') {
      const was = before?.targets.find(({ gatewayId }) => gatewayId === event.target.gatewayId)?.state;
      if (was !== event.target.state) setSteps((all) => [{ atMs: Date.now(), target: event.target }, ...all].slice(0, MAX_STEPS));
    }
    const after = withRolloutEvent(before, event);
    client.setQueryData(key, after);
    if (after && isOpen(after)) return;
    for (const queryKey of [key, ['policy-rollouts'], ['policy-states'], ['gateway-policy'], ['audit']])
      void client.invalidateQueries({ queryKey });
  });
  return { ...query, rollout: query.data, steps };
}
