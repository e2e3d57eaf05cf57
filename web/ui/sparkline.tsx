export interface SparkPoint {
  atMs: number;
  value: number;
  limit?: number;
}

const WIDTH = 92;
const HEIGHT = 24;

/** A thumb-sized chart of a day: the line breaks where there are no points; the limit is dashed when it is near. */
export function Sparkline({ points, label }: { points: SparkPoint[] | undefined; label: string }) {
  if (!points || points.length < 2) return <span className="dim small">{points ? 'no day yet' : ''}</span>;
  const from = points[0]!.atMs;
  const span = Math.max(1, points.at(-1)!.atMs - from);
  const limit = points.at(-1)!.limit;
  const most = Math.max(1, ...points.map(({ value }) => value));
  const isNear = limit !== undefined && most >= limit * 0.7;
  const top = isNear ? limit * 1.05 : most * 1.1;
  const step = span / (points.length - 1);
  const x = (atMs: number) => 1 + ((atMs - from) / span) * (WIDTH - 4);
  const y = (value: number) => HEIGHT - 2 - (value / top) * (HEIGHT - 4);
  const path = points
    .map(
      ({ atMs, value }, index) =>
        `${index === 0 || atMs - points[index - 1]!.atMs > step * 3 ? 'M' : 'L'}${x(atMs).toFixed(1)},${y(value).toFixed(1)}`,
    )
    .join('');
  const last = points.at(-1)!;
  return (
    <svg className="spark" width={WIDTH} height={HEIGHT} role="img" aria-label={label}>
      {isNear && <path className="limit" d={`M0,${y(limit).toFixed(1)}H${WIDTH}`} />}
      <path className="line" d={path} />
      <circle className="end" cx={x(last.atMs)} cy={y(last.value)} r={1.8} />
    </svg>
  );
}
