import type { Breakdown } from '../../history/sample-row.ts';
import type { JudgedSample, SampleContext } from './sample-context.ts';
import { LONGEST_GAP_MS, type RuleState } from './step.ts';

/** What is remembered of a gateway between its samples. Never changed: one more sample makes another. */
export interface GatewayMemory {
  /** Of what is stored: it rises with each change of `rules`. */
  version: number;
  /** Samples up to this time were judged. */
  judgedMs: number;
  rules: Readonly<Record<string, RuleState>>;
  before?: JudgedSample;
  /** The first sample of each of the last minutes, oldest first. */
  trend: readonly JudgedSample[];
  breakdown?: Breakdown;
}

export const NEW_GATEWAY: GatewayMemory = { version: 0, judgedMs: -Infinity, rules: {}, trend: [] };

/** A trend is told by this long at most. */
export const TREND_MS = 10 * 60_000;
/** A walk that is older names nobody. */
const BREAKDOWN_MS = 10 * 60_000;
const MINUTE_MS = 60_000;

/** A sample with what is remembered before it. */
export function contextOf(memory: GatewayMemory, sample: JudgedSample): SampleContext {
  const { before, trend } = memory;
  const newest = sample.breakdown ?? memory.breakdown;
  return {
    sample,
    before: before && sample.atMs - before.atMs <= LONGEST_GAP_MS ? before : undefined,
    earlier: trend.find(({ atMs }) => atMs >= sample.atMs - TREND_MS),
    breakdown: newest && sample.atMs - Date.parse(newest.at) <= BREAKDOWN_MS ? newest : undefined,
  };
}

/** The memory after a sample, beside what its rules come to. A break in the samples begins the trend again. */
export function remembering(memory: GatewayMemory, sample: JudgedSample): GatewayMemory {
  const { before, trend } = memory;
  const isBroken = before === undefined || sample.atMs - before.atMs > LONGEST_GAP_MS;
  const isFirst = isBroken || minuteOf(before) < minuteOf(sample);
  const { breakdown: _walked, ...counted } = sample;
  const kept = isFirst ? [...(isBroken ? [] : trend.filter(({ atMs }) => atMs >= sample.atMs - TREND_MS)), counted] : trend;
  return { ...memory, judgedMs: sample.atMs, before: counted, trend: kept, breakdown: sample.breakdown ?? memory.breakdown };
}

function minuteOf({ atMs }: JudgedSample): number {
  return Math.floor(atMs / MINUTE_MS);
}
