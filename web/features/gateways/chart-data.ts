import type { z } from 'zod';
import type { samples } from '../../../proto/http/fleet.ts';

type Samples = z.output<typeof samples>;
type Point = Samples['points'][number];

/** Columns for a chart: times in seconds, and values that are null where unknown, so that no line crosses a gap. */
export interface Columns {
  xs: number[];
  values: (number | null)[][];
  gaps: { fromMs: number; toMs: number }[];
}

/** Usage and limit over time. A pause of more than three samples is a gap even where none was reported. */
export function usageColumns({ points, gaps, resolutionSeconds }: Samples): Columns {
  return columns(points, resolutionSeconds, gaps, [({ countMax }) => countMax, ({ max }) => max]);
}

/**
 * The largest parts (states or protocols) over time, the smaller ones summed as `other`; values are stacked, the first part on top. Ordered
 * by `ranking`, otherwise by the newest point.
 */
export function stackColumns(
  { points, gaps, resolutionSeconds }: Samples,
  part: 'byState' | 'byProto',
  ranking?: string[],
  most = 4,
): Columns & { names: string[] } {
  const known = points.filter((point) => point[part] !== undefined);
  const named = (ranking ?? rankedNames(known.at(-1)?.[part] ?? {})).slice(0, most);
  const hasOther = known.some((point) => Object.keys(point[part]!).some((name) => !named.includes(name)));
  const names = hasOther ? [...named, 'other'] : named;
  const valueOf = (point: Point, name: string) => {
    const counts = point[part]!;
    return name !== 'other'
      ? (counts[name] ?? 0)
      : Object.entries(counts).reduce((sum, [key, flows]) => sum + (named.includes(key) ? 0 : flows), 0);
  };
  const spacing =
    known.length > 1 ? (Date.parse(known.at(-1)!.at) - Date.parse(known[0]!.at)) / 1000 / (known.length - 1) : resolutionSeconds;
  const stacked = names.map((_, index) => (point: Point) => names.slice(index).reduce((sum, name) => sum + valueOf(point, name), 0));
  return { names, ...columns(known, Math.max(resolutionSeconds, spacing), gaps, stacked) };
}

/** Names of parts, the largest first. */
export function rankedNames(counts: Record<string, number>): string[] {
  return Object.entries(counts)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name]) => name);
}

function columns(
  points: Point[],
  stepSeconds: number,
  reported: Samples['gaps'],
  readers: ((point: Point) => number | undefined)[],
): Columns {
  const xs: number[] = [];
  const values: (number | null)[][] = readers.map(() => []);
  const gaps = reported.map(({ from, to }) => ({ fromMs: Date.parse(from), toMs: Date.parse(to) }));
  let before: number | undefined;
  for (const point of points) {
    const at = Date.parse(point.at) / 1000;
    if (before !== undefined && at - before > stepSeconds * 3.5) {
      const fromMs = before * 1000;
      const toMs = at * 1000;
      if (!gaps.some((gap) => gap.fromMs < toMs && gap.toMs > fromMs)) gaps.push({ fromMs, toMs });
    }
    if (before !== undefined && gaps.some(({ fromMs, toMs }) => fromMs < at * 1000 && toMs > before! * 1000)) {
      xs.push((before + at) / 2);
      for (const column of values) column.push(null);
    }
    xs.push(at);
    readers.forEach((read, index) => values[index]!.push(read(point) ?? null));
    before = at;
  }
  return { xs, values, gaps };
}

/** Where a limit begins and where it changes. */
export function limitSteps(xs: number[], limits: (number | null)[]): { x: number; limit: number }[] {
  let before: number | undefined;
  return xs.flatMap((x, index) => {
    const limit = limits[index];
    if (limit === null || limit === undefined || limit === before) return [];
    before = limit;
    return [{ x, limit }];
  });
}

/** Growth of a part per minute over the last points that have it; undefined with fewer than two. */
export function growthPerMinute(points: Point[], part: 'byState' | 'byProto', name: string): number | undefined {
  const known = points.filter((point) => point[part] !== undefined).slice(-6);
  const [first] = known;
  const last = known.at(-1);
  if (!first || !last || first === last) return undefined;
  return ((last[part]![name] ?? 0) - (first[part]![name] ?? 0)) / ((Date.parse(last.at) - Date.parse(first.at)) / 60_000);
}
