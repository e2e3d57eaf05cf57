'use client';

import { useQuery } from '@tanstack/react-query';
import type { Alert } from '../../../proto/http/alerts.ts';
import { useNow } from '../../lib/clock.tsx';
import * as queries from '../../lib/controller/queries.ts';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { UsageChart } from '../gateways/usage-chart.tsx';

/** Around what is judged, so that one sees how it came. */
const BEFORE_MS = 1_800_000;
const POINTS = 180;
const NO_MARKS: [] = [];

/** The table of its gateway from half an hour before until now, or until it was cleared. */
export function AlertEvidence({ alert }: { alert: Alert }) {
  const { gatewayId, evidence, clearedAt, pendingSince } = alert;
  const minute = useNow(60_000);
  const range = {
    fromMs: Date.parse(evidence?.from ?? pendingSince) - (evidence ? 0 : BEFORE_MS),
    toMs: clearedAt === undefined ? (minute ?? 0) : Date.parse(clearedAt) + BEFORE_MS / 3,
  };
  const isReady = gatewayId !== undefined && minute !== undefined;
  const { data: gateway } = useQuery({ ...queries.gateway(gatewayId ?? ''), enabled: isReady });
  const { data: samples, error, refetch } = useQuery({ ...queries.samples(gatewayId ?? '', range, POINTS), enabled: isReady });
  if (gatewayId === undefined) return null;
  if (error && !samples) return <Failure what="Its samples could not be read" error={error} onRetry={() => void refetch()} />;
  if (!samples || !gateway) return <Skeleton lines={1} height={280} />;
  return <UsageChart samples={samples} range={range} gateway={gateway} marks={NO_MARKS} controls={null} />;
}
