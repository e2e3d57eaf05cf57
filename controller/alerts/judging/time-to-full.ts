import type { RuleValues } from '../../../proto/model/alerts/rule.ts';
import { byLevels, type SampleContext, type Verdict } from './sample-context.ts';

/** A shorter span says nothing about a trend. */
const SHORTEST_MS = 2 * 60_000;
/** Below this share of the limit a rise is the morning, not an attack: it raises nothing before. */
const LOWEST_SHARE = 0.2;

/** Seconds until the table is full, at the rate of the last minutes. A table that does not grow never is. */
export function judgeTimeToFull({ raise, clear }: RuleValues, { sample, earlier }: SampleContext): Verdict | undefined {
  const { count, max } = sample.numbers;
  if (raise === undefined || count === undefined || max === undefined || max <= 0 || earlier?.numbers.count === undefined) return undefined;
  const spanMs = sample.atMs - earlier.atMs;
  if (spanMs < SHORTEST_MS) return undefined;
  const perSecond = (count - earlier.numbers.count) / (spanMs / 1000);
  const seconds = perSecond > 0 ? Math.max(0, max - count) / perSecond : Infinity;
  const is = byLevels(seconds, raise, clear ?? raise, true);
  return { is: is === 'bad' && count < max * LOWEST_SHARE ? 'between' : is, value: Math.min(seconds, 1e9), limit: raise };
}
