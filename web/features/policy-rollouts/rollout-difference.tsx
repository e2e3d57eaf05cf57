'use client';

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../lib/controller/queries.ts';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { PolicyDifference } from './policy-difference.tsx';

/** What a roll-out changes on one gateway, as it was planned. */
export function RolloutDifference({ rolloutId, gatewayId }: { rolloutId: string; gatewayId: string }) {
  const { data, error, refetch } = useQuery(queries.rolloutDifference(rolloutId, gatewayId));
  if (error) return <Failure what="The difference could not be read" error={error} onRetry={() => void refetch()} />;
  return data ? <PolicyDifference difference={data} /> : <Skeleton lines={2} />;
}
