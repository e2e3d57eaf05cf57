import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import * as queries from '../../lib/controller/queries.ts';
import type { ChartMark } from '../../ui/time-chart.tsx';
import { chartMarks } from './chart-marks.ts';

const MAX_OF_A_KIND = 20;

/** What the charts of a gateway mark: its last flushes, failovers and alerts, as far as they could be read. */
export function useChartMarks(gatewayId: string): ChartMark[] {
  const asked = { gateway: gatewayId, limit: MAX_OF_A_KIND };
  const { data: flushes } = useQuery(queries.flushes(asked));
  const { data: wanEvents } = useQuery(queries.wanEvents(asked));
  const { data: alerts } = useQuery(queries.alerts(asked));
  return useMemo(
    () => chartMarks({ flushes: flushes?.items ?? [], wanEvents: wanEvents?.items ?? [], alerts: alerts?.items ?? [] }),
    [flushes, wanEvents, alerts],
  );
}
