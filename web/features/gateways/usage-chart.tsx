'use client';

import { useMemo, useState, type ReactNode } from 'react';
import type { z } from 'zod';
import type { samples as samplesSchema } from '../../../proto/http/fleet.ts';
import type { Gateway } from '../../../proto/http/fleet.ts';
import { useClock } from '../../lib/clock.tsx';
import { count, counted } from '../../../client/words/format.ts';
import { TimeChart, type ChartLine, type ChartMark } from '../../ui/time-chart.tsx';
import { limitSteps, usageColumns } from './chart-data.ts';
import { isFilling } from '../../../proto/model/attention.ts';
import { SamplesTable } from './samples-table.tsx';

/** While use stays below this share of the limit, the scale follows the use and the limit is given in words. */
const FAR_BELOW = 0.15;

type Samples = z.output<typeof samplesSchema>;

interface UsageChartProps {
  samples: Samples;
  range: { fromMs: number; toMs: number };
  gateway: Gateway;
  marks: ChartMark[];
  controls: ReactNode;
}

/** Entries and limit: the limit in steps, use from zero, projections dashed, what happened as marks, gaps hatched. */
export function UsageChart({ samples, range, gateway, marks, controls }: UsageChartProps) {
  const [isTable, setTable] = useState(false);
  const clock = useClock();
  const { usage } = gateway;
  const max = usage?.max;
  const minutesToFull = usage && isFilling(usage) ? usage.minutesToFull : undefined;
  const chart = useMemo(() => {
    const { xs, values, gaps } = usageColumns(samples);
    const last = samples.points.at(-1);
    const lines: ChartLine[] = [
      { label: 'entries', values: values[0]!, stroke: 'series-1', fill: 'series-area' },
      { label: 'limit', values: values[1]!, stroke: 'red-fill', isStepped: true },
    ];
    const notes = [];
    const peak = Math.max(1, ...samples.points.map(({ countMax }) => countMax));
    const isFarBelow = last?.max !== undefined && peak < last.max * FAR_BELOW;
    let toMs = range.toMs;
    const lastAt = last ? Date.parse(last.at) / 1000 : 0;
    if (last) notes.push({ x: lastAt, y: last.count, text: count(last.count), isStrong: true });
    if (!isFarBelow) for (const { x, limit } of limitSteps(xs, values[1]!)) notes.push({ x, y: limit, text: `limit ${count(limit)}` });
    if (last && max !== undefined && minutesToFull !== undefined && minutesToFull * 60_000 < (range.toMs - range.fromMs) * 0.5) {
      const fullAt = lastAt + minutesToFull * 60;
      lines.push({
        label: 'projection',
        values: [...xs.map((x) => (x === lastAt ? last.count : null)), max],
        stroke: 'amber-fill',
        isDashed: true,
      });
      lines[0]!.values = [...lines[0]!.values, null];
      lines[1]!.values = [...lines[1]!.values, max];
      xs.push(fullAt);
      toMs = Math.max(toMs, fullAt * 1000);
      notes.push({ x: fullAt, y: max * 0.7, text: `full ${clock.time(fullAt * 1000)}`, colour: 'amber' });
    }
    return {
      xs,
      lines: isFarBelow ? lines.slice(0, 1) : lines,
      gaps,
      notes,
      marks,
      range: { ...range, toMs },
      top: isFarBelow ? peak * 1.25 : undefined,
      limitFarAbove: isFarBelow ? last.max : undefined,
    };
  }, [samples, range, max, minutesToFull, marks, clock]);
  const { limitFarAbove, ...drawn } = chart;
  const gapWords =
    chart.gaps.length > 0
      ? `; no data ${chart.gaps
          .slice(-2)
          .map(({ fromMs, toMs }) => `${clock.time(fromMs)} to ${clock.time(toMs)}`)
          .join(', ')}`
      : '';
  return (
    <section>
      <div className="sec-head">
        <h2>Entries and limit</h2>
        <span className="dim">
          one point is {counted(samples.resolutionSeconds, 'second')}
          {limitFarAbove !== undefined && `; limit ${count(limitFarAbove)}, far above`}
          {gapWords}
        </span>
        <span className="grow" />
        {controls}
        <button type="button" className="link" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
          {isTable ? 'View as chart' : 'View as table'}
        </button>
      </div>
      {samples.points.length === 0 ? (
        <p className="dim no-data hatch">No samples in this time.</p>
      ) : isTable ? (
        <SamplesTable samples={samples} />
      ) : (
        <TimeChart
          label={`Entries over time, ${count(usage?.count)} of ${count(usage?.max)} now${gapWords}`}
          height={256}
          timeZone={clock.zone}
          {...drawn}
        />
      )}
    </section>
  );
}
