import type { Numbers } from '../../../proto/model/measures.ts';
import type { Breakdown } from '../../history/sample-row.ts';

/** A sample as it is judged. */
export interface JudgedSample {
  atMs: number;
  numbers: Numbers;
  breakdown?: Breakdown;
}

/** A sample with what came before it. */
export interface SampleContext {
  sample: JudgedSample;
  /** The one before it, if it is not much older. */
  before?: JudgedSample;
  /** One of some minutes ago, to tell a trend by. */
  earlier?: JudgedSample;
  /** From the newest walk of the table. */
  breakdown?: Breakdown;
}

/** What a rule finds in a sample; undefined where the sample cannot tell. */
export interface Verdict {
  /** `between`: neither bad enough to raise nor good enough to clear. */
  is: 'bad' | 'between' | 'good';
  value: number;
  limit?: number;
}

/** Compares with the levels of a rule. Without a level to clear, what is not bad is good. */
export function byLevels(value: number, raise: number, clear: number, isBelow: boolean): Verdict['is'] {
  if (isBelow ? value <= raise : value >= raise) return 'bad';
  return (isBelow ? value >= clear : value <= clear) ? 'good' : 'between';
}
