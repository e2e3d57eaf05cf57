import { isBelow, type Rule } from '../../proto/model/alerts/rule.ts';
import { isCounter, isMean, NUMBERS } from '../../proto/model/measures.ts';
import { SAMPLE_KINDS } from './judging/judge-samples.ts';

/** A condition on a row of `sample_hour`: of the value of some columns, at least this. */
export interface HourCondition {
  sql: string;
  atLeast: number;
}

/** Whether history can tell how often it would have fired. */
export function isReplayable(rule: Rule): boolean {
  return rule.isOn && SAMPLE_KINDS.some((kind) => kind === rule.kind) && !isBelowMeasure(rule);
}

/** Why not, in words; undefined if it can. */
export function whyNotReplayable(rule: Rule): string | undefined {
  if (!rule.isOn) return `${rule.name} is turned off.`;
  if (isReplayable(rule)) return undefined;
  return isBelowMeasure(rule)
    ? `${rule.name} looks for values below a level: history is searched for high values only.`
    : `${rule.name} is not judged by samples, so that history cannot tell how often it would have fired.`;
}

/** In other hours the rule cannot have been raised, or have stayed raised: their maximum says so. Columns and numbers are ours alone. */
export function hourCondition({ kind, values }: Rule): HourCondition {
  switch (kind) {
    case 'usage':
      return { sql: '100.0 * count_max / nullif(max, 0)', atLeast: Math.min(values.raise ?? 100, values.clear ?? 100) };
    case 'time-to-full':
      // A table that fills within minutes is far above its mean at the end of the hour, or full.
      return { sql: '100.0 * (count_max - count_sum / nullif(samples, 0)) / nullif(max, 0)', atLeast: 5 };
    case 'losses':
      return { sql: 'coalesce("drop", 0) + coalesce(early_drop, 0) + coalesce(insert_failed, 0) + coalesce(chain_toolong, 0)', atLeast: 1 };
    default: {
      const measure = values.measure ?? 'count';
      const { column } = NUMBERS[measure];
      const least = Math.min(values.raise ?? 0, values.clear ?? values.raise ?? 0);
      // A burst of one minute.
      return isCounter(measure)
        ? { sql: `"${column}"`, atLeast: least * 60 }
        : { sql: `"${isMean(measure) ? `${column}_max` : column}"`, atLeast: least };
    }
  }
}

function isBelowMeasure(rule: Rule): boolean {
  return rule.kind === 'measure' && isBelow(rule);
}
