import { isBelow, type Rule } from '../../../proto/model/alerts/rule.ts';
import { isCounter } from '../../../proto/model/measures.ts';
import { increase } from '../../history/sample-row.ts';
import { byLevels, type SampleContext, type Verdict } from './sample-context.ts';

/** Any measure: a gauge as it is, a counter as its increase a second since the sample before. */
export function judgeMeasure(rule: Pick<Rule, 'kind' | 'values'>, { sample, before }: SampleContext): Verdict | undefined {
  const { measure, raise, clear } = rule.values;
  if (measure === undefined || raise === undefined) return undefined;
  const now = sample.numbers[measure];
  const value = isCounter(measure) ? perSecond(before?.numbers[measure], now, before ? sample.atMs - before.atMs : 0) : now;
  return value === undefined ? undefined : { is: byLevels(value, raise, clear ?? raise, isBelow(rule)), value, limit: raise };
}

function perSecond(before: number | undefined, now: number | undefined, spanMs: number): number | undefined {
  const rise = increase(before, now);
  return rise === undefined || spanMs <= 0 ? undefined : rise / (spanMs / 1000);
}
