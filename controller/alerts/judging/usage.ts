import type { RuleValues } from '../../../proto/model/alerts/rule.ts';
import { byLevels, type SampleContext, type Verdict } from './sample-context.ts';

/** Share of the limit, in percent. */
export function judgeUsage({ raise, clear }: RuleValues, { sample: { numbers } }: SampleContext): Verdict | undefined {
  const { count, max } = numbers;
  if (raise === undefined || count === undefined || max === undefined || max <= 0) return undefined;
  const value = (100 * count) / max;
  return { is: byLevels(value, raise, clear ?? raise, false), value, limit: raise };
}
