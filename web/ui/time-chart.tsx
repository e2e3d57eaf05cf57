'use client';

import 'uplot/dist/uPlot.min.css';
import './time-chart.css';
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { short } from '../../client/words/format.ts';
import { labelRows } from './chart-labels.ts';

export interface ChartLine {
  label: string;
  values: (number | null)[];
  /** Names of tokens, without the dashes. */
  stroke?: string;
  fill?: string;
  isStepped?: boolean;
  isDashed?: boolean;
}

/** Something that happened at a time. Each kind has its own shape, colour and height, so that two of one moment are both seen. */
export interface ChartMark {
  kind: 'flush' | 'failover' | 'alert';
  atMs: number;
  text: string;
}

interface TimeChartProps {
  /** What the chart shows, for screen readers. */
  label: string;
  height: number;
  xs: number[];
  lines: ChartLine[];
  range: { fromMs: number; toMs: number };
  gaps: { fromMs: number; toMs: number }[];
  marks?: ChartMark[];
  /** Texts at a point, such as the value at the end of a line. */
  notes?: { x: number; y: number; text: string; isStrong?: boolean; colour?: string }[];
  timeZone: string;
  /** Top of the scale; by default what the lines need. */
  top?: number;
  isBare?: boolean;
}

/** A chart over time in the colours of the tokens. Gaps are hatched; nothing is drawn across them. It is redrawn when the theme changes. */
export function TimeChart(props: TimeChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: true });
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const chart = new uPlot(options(props, element.clientWidth), [props.xs, ...props.lines.map(({ values }) => values)], element);
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: props.height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [props, scheme]);
  return <div ref={box} className="time-chart" role="img" aria-label={props.label} style={{ height: props.height }} />;
}

function options(
  { height, lines, range, gaps, marks = [], notes = [], timeZone, top, isBare }: TimeChartProps,
  width: number,
): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const axis = { font: `11px ${token('font')}`, stroke: token('text-3'), ticks: { show: false } };
  return {
    width,
    height,
    legend: { show: false },
    cursor: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), timeZone),
    padding: isBare ? [4, 14, 0, 14] : [16, 20, 0, 0],
    scales: {
      x: { range: () => [range.fromMs / 1000, range.toMs / 1000] },
      y: { range: (_, __, max) => [0, top ?? Math.max(1, (max ?? 1) * 1.04)] },
    },
    axes: [
      {
        ...axis,
        size: 22,
        gap: 4,
        space: 90,
        grid: { show: false },
        values: [
          [86_400, '{D} {MMM}', null, null, null, null, null, null, 0],
          [60, '{HH}:{mm}', null, null, null, null, null, null, 0],
          [1, '{HH}:{mm}:{ss}', null, null, null, null, null, null, 0],
        ],
      },
      {
        ...axis,
        show: !isBare,
        size: 46,
        gap: 6,
        grid: { stroke: token('line'), width: 1 },
        values: (_, splits) => splits.map((value) => short(value)),
      },
    ],
    series: [
      {},
      ...lines.map(({ label, stroke, fill, isStepped, isDashed }): uPlot.Series => ({
        label,
        stroke: stroke && token(stroke),
        fill: fill && token(fill),
        width: isDashed || stroke === 'series-1' ? 1.75 : 1.5,
        spanGaps: isDashed,
        points: { show: false },
        ...(isDashed && { dash: [4, 3] }),
        ...(isStepped && { paths: uPlot.paths.stepped!({ align: 1 }) }),
      })),
    ],
    hooks: {
      drawClear: [(chart) => drawGaps(chart, gaps, token('hatch'))],
      draw: [
        (chart) => {
          drawMarks(chart, marks, token);
          drawNotes(chart, notes, token);
        },
      ],
    },
  };
}

function drawGaps(chart: uPlot, gaps: TimeChartProps['gaps'], colour: string): void {
  const { ctx, bbox } = chart;
  const ratio = devicePixelRatio;
  for (const { fromMs, toMs } of gaps) {
    const left = Math.max(bbox.left, chart.valToPos(fromMs / 1000, 'x', true));
    const right = Math.min(bbox.left + bbox.width, chart.valToPos(toMs / 1000, 'x', true));
    if (right - left < 2) continue;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, bbox.top, right - left, bbox.height);
    ctx.clip();
    ctx.strokeStyle = colour;
    ctx.lineWidth = 1.5 * ratio;
    ctx.beginPath();
    for (let x = left - bbox.height; x < right; x += 7 * ratio) {
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x + bbox.height, bbox.top);
    }
    ctx.stroke();
    ctx.restore();
  }
}

const MARKS = {
  flush: { colour: 'text-2', lane: 0, shape: 'M-4 0H4L0 6Z' },
  failover: { colour: 'red', lane: 1, shape: 'M0 0L4 4L0 8L-4 4Z' },
  alert: { colour: 'amber', lane: 2, shape: 'M-3 0H3V6H-3Z' },
} as const;
const LANE = 10;
const LABEL_ROWS = 3;
const LABEL_HEIGHT = 13;

/** Draws what happened: flushes as triangles, failovers as diamonds, alerts as squares; labelled where there is room. */
function drawMarks(chart: uPlot, marks: ChartMark[], token: (name: string) => string): void {
  const { ctx, bbox } = chart;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = `${11 * ratio}px ${token('font')}`;
  ctx.textBaseline = 'bottom';
  ctx.textAlign = 'left';
  const shown = marks.flatMap(({ kind, atMs, text }) => {
    const x = chart.valToPos(atMs / 1000, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) return [];
    const width = ctx.measureText(text).width;
    const left = x > bbox.left + bbox.width * 0.7 ? x - 6 * ratio - width : x + 6 * ratio;
    return [{ kind, x, text, left, right: left + width }];
  });
  const rows = labelRows(shown, LABEL_ROWS, 8 * ratio);
  for (const [index, { kind, x, text, left }] of shown.entries()) {
    const { colour, lane, shape } = MARKS[kind];
    ctx.fillStyle = ctx.strokeStyle = token(colour);
    ctx.setLineDash([2 * ratio, 2 * ratio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.save();
    ctx.translate(x, bbox.top + lane * LANE * ratio);
    ctx.scale(ratio, ratio);
    ctx.fill(new Path2D(shape));
    ctx.restore();
    const row = rows[index];
    if (row !== undefined) ctx.fillText(text, left, bbox.top + bbox.height - (6 + row * LABEL_HEIGHT) * ratio);
  }
  ctx.restore();
}

function drawNotes(chart: uPlot, notes: NonNullable<TimeChartProps['notes']>, token: (name: string) => string): void {
  const { ctx, bbox } = chart;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.textBaseline = 'bottom';
  for (const { x, y, text, isStrong, colour } of notes) {
    const left = chart.valToPos(x, 'x', true);
    ctx.font = `${isStrong ? 600 : 400} ${11 * ratio}px ${token('font')}`;
    ctx.fillStyle = token(colour ?? (isStrong ? 'text' : 'text-3'));
    const isLate = left > bbox.left + bbox.width * 0.6;
    ctx.textAlign = isLate ? 'right' : 'left';
    ctx.fillText(text, left + (isLate ? -4 : 4) * ratio, Math.max(bbox.top + 2, chart.valToPos(y, 'y', true) - 4 * ratio));
    if (isStrong) {
      ctx.beginPath();
      ctx.arc(left, chart.valToPos(y, 'y', true), 3 * ratio, 0, 7);
      ctx.fillStyle = token('series-1');
      ctx.fill();
    }
  }
  ctx.restore();
}
