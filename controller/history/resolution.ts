/** Where a chart's points come from, and how wide they are. */
export interface Resolution {
  source: 'raw' | 'minute' | 'hour';
  stepSeconds: number;
  /** Neighbouring points further apart than this have a gap between them. */
  gapSeconds: number;
}

/** Days that each kind is kept. */
export const RETENTION_DAYS = { raw: 7, minute: 30, hour: 400 } as const;

const DAY_MS = 86_400_000;
/** A gap is longer than this many intervals, so that one late sample does not make one. */
const GAP_INTERVALS = 2.5;

/**
 * The finest kind that still exists at the beginning of the span and of which a point sums up no more than a few dozen: raw samples, else
 * minutes, else hours. The step is a whole number of intervals of that kind.
 */
export function chooseResolution(span: {
  fromMs: number;
  toMs: number;
  points: number;
  nowMs: number;
  sampleIntervalMs: number;
}): Resolution {
  const wanted = (span.toMs - span.fromMs) / 1000 / span.points;
  const age = (span.nowMs - span.fromMs) / DAY_MS;
  const sampleSeconds = Math.max(1, Math.round(span.sampleIntervalMs / 1000));
  const kinds = [
    ['raw', sampleSeconds, 600],
    ['minute', 60, 14_400],
    ['hour', 3600, Infinity],
  ] as const;
  for (const [source, interval, tooCoarse] of kinds) {
    const isLast = source === 'hour';
    if (!isLast && (age > RETENTION_DAYS[source] || wanted >= tooCoarse)) continue;
    return { source, stepSeconds: Math.max(1, Math.ceil(wanted / interval)) * interval, gapSeconds: interval * GAP_INTERVALS };
  }
  throw new Error('unreachable: hours always fit');
}
